"""The line on which a version was made and judged, from wherever one stands on it: what it comes from, what came of it.

alarm → request → refresh → dataset → run → version → evaluation → verdict, and version → rollout → answers.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session
from typing_extensions import TypedDict

from mainspring.tables import Evaluation, Refresh, RetrainingRequest, Rollout, TrainingRun, Verdict, Version

MOST = 100  # of a kind, the newest

Kind = Literal["alarm", "request", "refresh", "dataset", "run", "version", "evaluation", "verdict", "rollout"]
KINDS: tuple[Kind, ...] = (
    "alarm",
    "request",
    "refresh",
    "dataset",
    "run",
    "version",
    "evaluation",
    "verdict",
    "rollout",
)


class Line(TypedDict):
    """Ids, the oldest first; versions by their names. `answers`: where those are listed that each version gave."""

    alarms: list[str]
    requests: list[str]
    refreshes: list[str]
    datasets: list[str]
    runs: list[str]
    versions: list[str]
    evaluations: list[str]
    verdicts: list[str]
    rollouts: list[str]
    answers: list[str]


class _Link(NamedTuple):
    """In the rows of one table, `made` came of `maker`."""

    earlier: Kind
    maker: InstrumentedAttribute[Any]
    later: Kind
    made: InstrumentedAttribute[Any]


# In the order of the line: once through finds all that came of something, once back all that it comes from.
_LINKS = (
    _Link("alarm", RetrainingRequest.alarm_id, "request", RetrainingRequest.id),
    _Link("request", Refresh.request_id, "refresh", Refresh.id),
    _Link("refresh", Refresh.id, "dataset", Refresh.dataset_id),
    _Link("refresh", Refresh.id, "run", Refresh.run_id),
    _Link("refresh", Refresh.id, "version", Refresh.version_id),
    _Link("dataset", TrainingRun.dataset_id, "run", TrainingRun.id),
    _Link("run", TrainingRun.id, "version", TrainingRun.version_id),
    _Link("version", Evaluation.challenger_id, "evaluation", Evaluation.id),
    _Link("evaluation", Verdict.evaluation_id, "verdict", Verdict.id),
    _Link("version", Rollout.challenger_id, "rollout", Rollout.id),
)
_AFTER_VERSION = frozenset({"evaluation", "verdict", "rollout"})

_Ids = dict[Kind, set[UUID]]


def line_of(session: Session, **given: UUID) -> Line:
    """Of one thing by its kind, as in `line_of(session, run=…)`. What is beside it, such as another refresh that came of the
    same alarm, is not on its line; of a version's evaluation, the version's other evaluations and its rollouts are."""
    found: _Ids = {kind: set() for kind in KINDS}
    ((kind, one),) = given.items()
    found[_kind(kind)].add(one)
    before = _walked(session, found, [(link.later, link) for link in reversed(_LINKS)])
    if kind in _AFTER_VERSION:
        found["version"] |= before["version"]
    after = _walked(session, found, [(link.earlier, link) for link in _LINKS])
    return _shown(session, {kind: before[kind] | after[kind] for kind in KINDS})


def _kind(given: str) -> Kind:
    return next(kind for kind in KINDS if kind == given)


def _walked(session: Session, begin: _Ids, links: Iterable[tuple[Kind, _Link]]) -> _Ids:
    """What is reached from there; each link is gone from the kind that stands before it."""
    found = {kind: set(ids) for kind, ids in begin.items()}
    for here, link in links:
        if not found[here]:
            continue
        have, want, there = (link.maker, link.made, link.later)
        if here == link.later:
            have, want, there = (link.made, link.maker, link.earlier)
        found[there].update(
            session.scalars(
                select(want).where(have.in_(found[here]), want.is_not(None)).order_by(want.desc()).limit(MOST)
            )
        )
    return found


def _shown(session: Session, found: _Ids) -> Line:
    labels = list(_labels(session, found["version"]))

    def ids(kind: Kind) -> list[str]:
        return [str(one) for one in sorted(found[kind])]

    return {
        "alarms": ids("alarm"),
        "requests": ids("request"),
        "refreshes": ids("refresh"),
        "datasets": ids("dataset"),
        "runs": ids("run"),
        "versions": labels,
        "evaluations": ids("evaluation"),
        "verdicts": ids("verdict"),
        "rollouts": ids("rollout"),
        "answers": [f"/v1/jobs?version={label}" for label in labels],
    }


def _labels(session: Session, ids: set[UUID]) -> Iterator[str]:
    if ids:
        named = select(Version).where(Version.id.in_(ids)).order_by(Version.deployment, Version.number)
        yield from (version.label for version in session.scalars(named))
