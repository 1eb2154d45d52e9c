"""Long work in rows: claimed, followed, ended. Like a job's, each write repeats (incarnation, attempt).

Of three kinds, carried out one at a time by a train worker; what comes first here is claimed first: what is quick before what
takes long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, union_all, update
from sqlalchemy.orm import Session

from mainspring.errors import AttemptsExhausted, Conflict
from mainspring.tables import Dataset, Evaluation, Incarnation, TrainingRun, Wish, WorkState

AnyWork = Dataset | Evaluation | TrainingRun
KINDS: tuple[type[AnyWork], ...] = (Dataset, Evaluation, TrainingRun)
_RUNNING, _QUEUED = WorkState.RUNNING.value, WorkState.QUEUED.value

# A training run waits for its dataset; of one that cannot be made, its attempt says so.
_READY = ~exists().where(
    Dataset.id == TrainingRun.dataset_id,
    Dataset.state.in_([state.value for state in WorkState if not state.ended]),
)


class Said(Enum):
    """What a worker hears when it tells how far it is."""

    GO_ON = auto()
    PAUSE = auto()
    CANCEL = auto()
    LOST = auto()  # it belongs to another attempt by now


@dataclass(frozen=True)
class Fence:
    """Which attempt of which life holds a piece of work."""

    kind: type[AnyWork]
    id: UUID
    incarnation: UUID
    attempt: int

    def write(self, session: Session, **values: Any) -> Any | None:
        """The wish of its row, or "" without one; None: the fence refused, and nothing is written."""
        kind = self.kind
        return session.scalar(
            update(kind)
            .where(
                kind.id == self.id,
                kind.state == _RUNNING,
                kind.incarnation == self.incarnation,
                kind.attempt == self.attempt,
            )
            .values(**values)
            .returning(func.coalesce(kind.wish, ""))
            .execution_options(synchronize_session=False)
        )

    def end(self, session: Session, state: WorkState, activity: str, **values: Any) -> bool:
        """False: the fence refused, and the caller must take back what belongs to this end."""
        ended = {"finished_at": func.clock_timestamp()} if state.ended else {}
        given = {"state": state.value, "incarnation": None, "wish": None, "activity": activity}
        return self.write(session, **given, **ended, **values) is not None


def claim(session: Session, incarnation: UUID, *, max_losses: int) -> AnyWork | None:
    """What was queued longest of the first kind that has some, now running here; None: there is nothing to do.

    What so many workers have died under is failed first, so that it does not block the rest.
    """
    for kind in KINDS:
        _fail_poisonous(session, kind, max_losses)
        if (found := _claim(session, kind, incarnation)) is not None:
            return found
    return None


def _claimable(kind: type[AnyWork]) -> list[ColumnElement[bool]]:
    return [kind.state == _QUEUED, *([_READY] if kind is TrainingRun else [])]


def _claim(session: Session, kind: type[Any], incarnation: UUID) -> AnyWork | None:
    following = (
        select(kind.id)
        .where(*_claimable(kind))
        .order_by(kind.queued_at, kind.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    alive = exists().where(
        Incarnation.id == incarnation, Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now()
    )
    found: AnyWork | None = session.scalar(
        update(kind)
        .where(kind.id == following.scalar_subquery(), kind.state == _QUEUED, alive)
        .values(
            state=_RUNNING,
            incarnation=incarnation,
            attempt=kind.attempt + 1,
            started_at=func.clock_timestamp(),
            activity="starting",
        )
        .returning(kind)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return found


def progress(
    session: Session, fence: Fence, fraction: float, activity: str, measures: dict[str, Any]
) -> Said:
    """`measures` are merged into what is there."""
    wish = fence.write(
        session,
        progress=min(max(fraction, 0.0), 1.0),
        activity=activity,
        measures=fence.kind.measures.op("||")(measures),
    )
    return {None: Said.LOST, "": Said.GO_ON, Wish.PAUSE: Said.PAUSE, Wish.CANCEL: Said.CANCEL}[wish]


def fail(session: Session, fence: Fence, error: dict[str, Any]) -> bool:
    """`error` as MainspringError.as_json() gives it."""
    return fence.end(session, WorkState.FAILED, "failed", error=error)


def hand_back_all(session: Session, incarnation: UUID) -> None:
    """Before a life ends: whatever it still holds goes back, since the sweep looks at lives that did not end."""
    lost(session, [incarnation], "queued again")


def lost(session: Session, incarnations: Sequence[UUID], activity: str) -> None:
    """What these lives held goes back into its place in the queue, to be gone on with from its last checkpoint."""
    for kind in KINDS:
        session.execute(
            update(kind)
            .where(kind.incarnation.in_(incarnations), kind.state == _RUNNING)
            .values(state=_QUEUED, incarnation=None, losses=kind.losses + 1, activity=activity)
            .execution_options(synchronize_session=False)
        )


def waiting(session: Session, older_than: Any) -> UUID | None:
    """Something that could have been claimed since before then, if there is any."""
    found = union_all(
        *(select(kind.id).where(*_claimable(kind), kind.queued_at < older_than) for kind in KINDS)
    )
    return session.scalar(found.limit(1))


def ask(session: Session, work: AnyWork, wish: Wish) -> None:
    """What waits is paused or cancelled at once; what runs, as soon as its worker hears of it. Raises Conflict."""
    session.refresh(work, with_for_update=True)
    state = WorkState(work.state)
    if state.ended:
        raise Conflict(f"it has {state.value} already", remedy="Ask for another one.")
    if state is WorkState.RUNNING:
        work.wish = wish.value
    elif wish is Wish.CANCEL:
        work.state, work.activity = WorkState.CANCELLED.value, "cancelled"
        work.finished_at = session.scalar(select(func.clock_timestamp()))
    else:
        work.state, work.activity = WorkState.PAUSED.value, "paused"
    session.flush()


def resume(session: Session, work: AnyWork) -> None:
    """It goes on from its last checkpoint. Raises Conflict."""
    session.refresh(work, with_for_update=True)
    state = WorkState(work.state)
    if state.ended:
        raise Conflict(f"it has {state.value} already", remedy="Ask for another one.")
    if state is WorkState.PAUSED:
        work.state, work.activity = _QUEUED, "queued again"
    elif work.wish == Wish.PAUSE:
        work.wish = None
    session.flush()


def _fail_poisonous(session: Session, kind: type[AnyWork], max_losses: int) -> None:
    error = AttemptsExhausted(
        f"{max_losses} workers died while they held it",
        remedy="Look at the train worker's log; ask for fewer or smaller batches, or for more memory.",
    )
    session.execute(
        update(kind)
        .where(kind.state == _QUEUED, kind.losses >= max_losses)
        .values(
            state=WorkState.FAILED.value,
            activity="failed",
            error=error.as_json(),
            finished_at=func.clock_timestamp(),
        )
        .execution_options(synchronize_session=False)
    )
