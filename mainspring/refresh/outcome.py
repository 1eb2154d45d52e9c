"""What has come of a stage's work: the same is done about it whatever the stage."""

from datetime import datetime

from sqlalchemy.orm import Session

from mainspring.refresh.failing import failed
from mainspring.refresh.moves import to
from mainspring.tables import Dataset, Evaluation, Refresh, RefreshState, TrainingRun, WorkState
from mainspring.work import AnyWork

# What it is called in a sentence, and where a refresh has its id.
_NAMES: dict[type[AnyWork], tuple[str, str]] = {
    Dataset: ("the curation", "dataset_id"),
    TrainingRun: ("the training", "run_id"),
    Evaluation: ("the evaluation", "evaluation_id"),
}


def has_succeeded(session: Session, refresh: Refresh, work: AnyWork, now: datetime) -> bool:
    """What has failed is asked for anew, later, or the refresh is parked; it ends with what was cancelled."""
    name, column = _NAMES[type(work)]
    state = WorkState(work.state)
    if state is WorkState.FAILED:
        failed(session, refresh, name, work.error or {}, now)
        setattr(refresh, column, None)
    elif state is WorkState.CANCELLED:
        to(session, refresh, RefreshState.CANCELLED, reason=f"{name} was cancelled")
    return state is WorkState.SUCCEEDED
