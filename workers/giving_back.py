"""A job that this worker cannot finish goes back to its queue, or has failed when it was lost too often."""

from collections.abc import Callable

from mainspring.logs import log
from mainspring.messages import Answer, Message
from mainspring.serving.answer import SetBack, set_back
from mainspring.serving.claim import Fence
from mainspring.settings import Settings
from mainspring.tables import Database, JobState
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
        back = persist(lambda: self._set_back(fence, lost=lost), self._settings.lease_seconds)
        if back is None:
            return
        log.warning("job.given_back", job=str(fence.job_id), state=back.state, lost=lost)
        if back.state is JobState.QUEUED:
            self._nudge(Answer(str(back.version_id), str(fence.job_id)))
        else:
            self._outbox.ended(str(fence.job_id))

    def _set_back(self, fence: Fence, *, lost: bool) -> SetBack | None:
        with self._database.begin() as connection:
            return set_back(connection, fence, lost=lost, max_losses=self._settings.max_losses)
