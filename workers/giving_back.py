"""A job that this worker cannot finish goes back to its queue, or has failed when it was lost too often."""

from collections.abc import Callable

from mainspring.logs import log
from mainspring.messages import Answer, Message
from mainspring.observe.record import record
from mainspring.serving.answer import set_back
from mainspring.serving.claim import Fence
from mainspring.settings import Settings
from mainspring.tables import Database, Job, JobState
from workers.outbox import Outbox
from workers.persist import persist


class GivingBack:
    """`nudge` wakes whoever may take it next."""

    def __init__(
        self, database: Database, settings: Settings, outbox: Outbox, nudge: Callable[[Message], None]
    ) -> None:
        self._database, self._settings, self._outbox, self._nudge = database, settings, outbox, nudge

    def __call__(self, fence: Fence, *, lost: bool) -> None:
        """`lost`: the attempt took its engine down or ended in a way nobody foresaw; that is counted."""
        job = persist(lambda: self._set_back(fence, lost=lost), self._settings.lease_seconds)
        if job is None:
            return
        log.warning("job.given_back", job=str(job.id), state=job.state, lost=lost)
        if job.state == JobState.QUEUED:
            self._nudge(Answer(str(job.version_id), str(job.id)))
        else:
            self._outbox.ended(str(job.id))

    def _set_back(self, fence: Fence, *, lost: bool) -> Job | None:
        with self._database.transaction() as session:
            job = set_back(session, fence, lost=lost, max_losses=self._settings.max_losses)
            if job is not None and job.state == JobState.FAILED:
                record(session, job, None)
            return job
