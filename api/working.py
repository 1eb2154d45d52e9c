"""Long work by its id: found, paused, resumed, cancelled, each with an event."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from api.backends import Backends
from api.routes.jobs import to_uuid
from mainspring import work
from mainspring.access import Caller
from mainspring.errors import NotFound
from mainspring.messages import Train
from mainspring.tables import Dataset, Evaluation, Event, TrainingRun, Wish
from mainspring.terms import ADMIN
from mainspring.work import AnyWork

Some = TypeVar("Some", Dataset, Evaluation, TrainingRun)
Verb = Callable[[Session, AnyWork], None]
VERBS: dict[str, Verb] = {
    "pause": partial(work.ask, wish=Wish.PAUSE),
    "cancel": partial(work.ask, wish=Wish.CANCEL),
    "resume": work.resume,
}
_WORDS: dict[type[Any], tuple[str, str, str]] = {
    Dataset: ("dataset", "dataset", "GET /v1/datasets lists them."),
    TrainingRun: ("run", "training run", "GET /v1/deployments/{name}/training-runs lists them."),
    Evaluation: ("evaluation", "evaluation", "GET /v1/deployments/{name}/evaluations lists them."),
}


def found(session: Session, kind: type[Some], given: str, *, field: str = "id") -> Some:
    """Raises NotFound."""
    one = session.get(kind, to_uuid(given, partial(_unknown, kind, field)))
    if one is None:
        raise _unknown(kind, field)
    return one


def act(session: Session, caller: Caller, which: tuple[type[Some], str], verb: str, reason: str) -> Some:
    """`which`: its kind and its id. Raises Forbidden, NotFound, also for a verb that there is not, and Conflict for work
    that has ended."""
    kind, given = which
    caller.require(ADMIN)
    if verb not in VERBS:
        what = _WORDS[kind][1]
        raise NotFound(
            f"there is no verb `{verb[:50]}` for a {what}",
            field="verb",
            remedy=f"Use one of: {', '.join(VERBS)}.",
        )
    one = found(session, kind, given)
    VERBS[verb](session, one)
    inputs = {_WORDS[kind][0]: str(one.id), "state": one.state}
    actor = f"key {caller.key_id}"
    session.add(Event(kind=f"work.{verb}", about=one.deployment, actor=actor, reason=reason, inputs=inputs))
    session.flush()
    return one


def nudge(backends: Backends, verb: str, work_id: str) -> None:
    """After the commit: the train worker hears of what waits again."""
    if verb == "resume":
        backends.nudger.send(Train(work_id))


def _unknown(kind: type[Any], field: str) -> NotFound:
    _, what, remedy = _WORDS[kind]
    return NotFound(f"no {what} has that id", field=field, remedy=remedy)
