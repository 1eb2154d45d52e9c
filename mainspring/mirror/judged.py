"""Evaluations by a suite, as runs: every metric of the two versions, the gate's verdict, and the datasets measured with."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, exists, select
from sqlalchemy.orm import Session, aliased

from mainspring.mirror.progress import Kind
from mainspring.mirror.things import Input, Point, Run, texts
from mainspring.mirror.training import STATUS
from mainspring.tables import Evaluation, Mirrored, Verdict, Version, WorkState

_Champion = aliased(Version)
_SETTLED = exists().where(
    Mirrored.kind == Kind.RUN.value, Mirrored.key == cast(Evaluation.id, String), Mirrored.settled
)
_NEWER = aliased(Verdict)


def runs(session: Session) -> list[Run]:
    """Those that may have changed since they were written, the oldest first."""
    newest = ~exists().where(_NEWER.evaluation_id == Evaluation.id, _NEWER.id > Verdict.id)
    found = session.execute(
        select(Evaluation, Version, _Champion, Verdict)
        .join(Version, Version.id == Evaluation.challenger_id)
        .outerjoin(_Champion, _Champion.id == Evaluation.champion_id)
        .outerjoin(Verdict, (Verdict.evaluation_id == Evaluation.id) & newest)
        .where(~_SETTLED)
        .order_by(Evaluation.id)
    )
    return [_run(*row) for row in found]


def _run(row: Evaluation, version: Version, champion: Version | None, verdict: Verdict | None) -> Run:
    """It is settled once it is judged, or will never be."""
    state, plan = WorkState(row.state), row.suite.get("plan", {})
    beside = None if champion is None else champion.label
    sets = row.suite.get("sets", [])
    return Run(
        key=str(row.id),
        name=f"{version.label} beside {beside}" if beside else f"{version.label} alone",
        status=STATUS[state],
        began_at=row.started_at or row.created_at,
        ended_at=row.finished_at,
        parameters=texts(**{name: plan[name] for name in ("level", "items", "seed") if name in plan}),
        tags=texts(
            kind="gate",
            deployment=row.deployment,
            version=version.label,
            beside=beside,
            verdict=None if verdict is None else str(verdict.id),
            decision=None if verdict is None else verdict.decision,
            reasons=None if verdict is None else " ".join(verdict.reasons),
            dataset=(version.dataset or {}).get("digest"),
            error=None if row.error is None else row.error.get("code"),
        ),
        points=() if row.finished_at is None else tuple(_points(row.results or {}, row.finished_at)),
        inputs=tuple(Input(one["name"], one["dataset"], "evaluation") for one in sets),
        settled=state.ended and (verdict is not None or state is not WorkState.SUCCEEDED),
    )


def _points(results: dict[str, Any], at: datetime) -> Iterator[Point]:
    for one in results.get("measured", []):
        for part in ("challenger", "champion", "difference"):
            found = one.get(part) or {}
            for end, value in found.items():
                if value is not None:
                    name = f"{one['name']}/{part}" if end == "value" else f"{one['name']}/{part}/{end}"
                    yield Point(name, value, at)
