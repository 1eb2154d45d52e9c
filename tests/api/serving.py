"""The real app under uvicorn in a thread, and a pair of hands that answer jobs as a worker would, by the core."""

import socket
from threading import Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import uvicorn
from redis import Redis

from api.app import create
from mainspring.errors import MainspringError
from mainspring.lifecycle import advance
from mainspring.serving import answer, lease, stream, sweep
from mainspring.serving.claim import Fence, claim
from mainspring.serving.engine import EngineAnswer
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Stage, Task
from tests.rows import registered


class Served:
    """`stop` and `start` again at the same address, which nobody else is given in between: a socket that doesn't listen
    holds it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.port = self._place.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.app = create(self._settings)
        config = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=self.port,
            log_config=None,
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def watchers(self) -> int:
        """How many wait at this api for a notice."""
        return int(self.app.state.backends.hub.watchers)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._place.close()


def until(met: Any, seconds: float = 10.0) -> None:
    """Wait for a condition that has no event to wait on."""
    end = monotonic() + seconds
    while not met():
        assert monotonic() < end, "it did not happen in time"
        sleep(0.005)


def produce(
    database: Database, name: str, task: Task, *, ready: bool = True, policy: dict[str, Any] | None = None
) -> UUID:
    """A deployment with one version, in production if `ready`."""
    with database.transaction() as session:
        session.add(Deployment(name=name, task=task.value, policy=policy or {}))
        session.flush()
        version = registered(session, name, digest="sha256:00", path=f"{name}/1", context_length=512)
        if ready:
            advance(session, version, Stage.PRODUCTION, actor="test", reason="the first")
        return version.id


class Hands:
    """One life of a worker."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self.database, self.redis = database, redis
        with database.transaction() as session:
            self.incarnation = lease.begin(session, "infer", 60)

    def take(self, version_id: UUID) -> Fence:
        with self.database.begin() as connection:
            claimed = claim(connection, version_id, self.incarnation)
        assert claimed is not None
        return claimed.fence

    def say(self, job: Fence, offset: int, text: str) -> None:
        stream.append(self.redis, [stream.Piece(str(job.job_id), job.attempt, offset, text)])

    def finish(self, job: Fence, output: Any, *, tell: bool = True) -> None:
        """Without `tell` the notice is lost on its way."""
        with self.database.begin() as connection:
            assert answer.succeed(
                connection, job, EngineAnswer(output=output, usage={"completion_tokens": 1})
            )
        if tell:
            stream.notify(self.redis, stream.ENDED, [str(job.job_id)])

    def fail(self, job: Fence, error: MainspringError) -> None:
        with self.database.begin() as connection:
            assert answer.fail(connection, job, error)
        stream.notify(self.redis, stream.ENDED, [str(job.job_id)])

    def die(self) -> None:
        """As by SIGKILL, seen by the sweep after the lease: what it held is queued again."""
        with self.database.transaction() as session:
            lease.renew(session, self.incarnation, -1)
        with self.database.transaction() as session:
            sweep.requeue_lost(session, max_losses=5)
