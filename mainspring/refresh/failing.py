"""A stage that fails is tried again, later each time; when it has failed often enough, the refresh is parked."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mainspring.refresh.moves import tell, to
from mainspring.refresh.plan import RefreshPlan
from mainspring.tables import Refresh, RefreshState

DOUBLINGS = 10  # of the time between two tries, at most


def failed(session: Session, refresh: Refresh, what: str, error: dict[str, Any], now: datetime) -> None:
    """`what`: the stage's work, as in `the training`; `error`: as its row has it."""
    plan = RefreshPlan.model_validate(refresh.plan)
    refresh.tries += 1
    said = f"{what} failed: {error.get('detail', error.get('code', 'no reason is known'))}"
    if refresh.tries >= plan.tries:
        times = "once" if refresh.tries == 1 else f"{refresh.tries} times"
        to(session, refresh, RefreshState.PARKED, reason=f"{said} ({times})", error=error)
        return
    wait = plan.retry_seconds * 2 ** min(refresh.tries - 1, DOUBLINGS)
    refresh.not_before = now + timedelta(seconds=wait)
    refresh.reason, refresh.error = f"{said}; it is tried again", error
    tell(session, refresh, "failed", said, tries=refresh.tries, error=error)
