"""A job that lost its worker twice is a suspect: it runs alone, so that what it takes down is only itself.

Without this a poison job would each time count against all that ran beside it.
"""

from threading import Lock, Thread
from uuid import UUID

from mainspring.logs import log
from mainspring.messages import Answer
from mainspring.serving.claim import claim_suspect, suspects
from workers.answering import answer
from workers.runtime import Runtime


class Quarantine:
    """Looked for at each tick; while one runs, the worker claims nothing else."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._busy = Lock()
        runtime.ticks.append(self._look)

    def _look(self) -> None:
        with self._runtime.database.each() as connection:
            found = suspects(connection)
        held = [version for version in found if self._runtime.holder.find(version) is not None]
        if held and self._busy.acquire(blocking=False):
            Thread(target=self._run, args=(held,), name="quarantine", daemon=True).start()

    def _run(self, versions: list[UUID]) -> None:
        runtime = self._runtime
        runtime.paused = True
        try:
            for version in versions:
                held = runtime.holder.find(version)
                if held is None or not runtime.running.wait_until_empty(runtime.settings.drain_seconds):
                    continue  # too long: it is tried again at a later tick
                with runtime.database.each() as connection:
                    job = claim_suspect(connection, held.version_id, runtime.life.incarnation)
                if job is not None:
                    log.warning("job.alone", job=str(job.fence.job_id), attempt=job.fence.attempt)
                    answer(runtime, held, job)
        finally:
            runtime.paused = False
            self._busy.release()
            for held in runtime.holder.all():
                runtime.nudge(Answer(str(held.version_id), ""))
