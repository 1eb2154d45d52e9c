"""The jobs that this process runs at the moment: what a cancel, a rebirth or a lost claim has to find."""

from threading import Condition, Lock
from uuid import UUID

from mainspring.serving.claim import Fence
from mainspring.serving.engine import Engine


class Running:
    def __init__(self) -> None:
        self._lock = Lock()
        self._emptied = Condition(self._lock)
        self._jobs: dict[UUID, tuple[Fence, Engine]] = {}

    def begin(self, fence: Fence, engine: Engine) -> bool:
        """False: this very attempt runs here already, its claim forgotten by a crash of PostgreSQL and made again."""
        with self._lock:
            if self._jobs.get(fence.job_id, (None,))[0] == fence:
                return False
            self._jobs[fence.job_id] = (fence, engine)
            return True

    def end(self, fence: Fence) -> None:
        """A newer attempt of the same job stays."""
        with self._lock:
            if self._jobs.get(fence.job_id, (None,))[0] == fence:
                del self._jobs[fence.job_id]
            if not self._jobs:
                self._emptied.notify_all()

    def cancel(self, job_id: UUID) -> None:
        """Tell the engine; jobs that are not here are ignored."""
        with self._lock:
            found = self._jobs.get(job_id)
        if found is not None:
            fence, engine = found
            engine.cancel(request_id(fence))

    def stop(self, fence: Fence) -> None:
        """As cancel, of this attempt alone."""
        with self._lock:
            found, engine = self._jobs.get(fence.job_id, (None, None))
        if found == fence and engine is not None:
            engine.cancel(request_id(fence))

    def cancel_all(self) -> None:
        for fence in self.fences():
            self.stop(fence)

    def fences(self) -> set[Fence]:
        with self._lock:
            return {fence for fence, _ in self._jobs.values()}

    def wait_until_empty(self, seconds: float) -> bool:
        """While the last ones write what they have. False: some are still at it."""
        with self._lock:
            return self._emptied.wait_for(lambda: not self._jobs, timeout=seconds)


def request_id(fence: Fence) -> str:
    """Under which an engine knows this attempt."""
    return f"{fence.job_id}.{fence.attempt}"
