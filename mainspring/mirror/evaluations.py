"""Evaluations, as runs: what a version made of a set of prompts, and of its champion's jobs in the shadow."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Integer, Row, String, cast, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from mainspring.mirror.progress import Kind
from mainspring.mirror.things import Point, Run, Status, texts
from mainspring.tables import Mirrored, Prompt, PromptSet, Rollout, Stage, Trial, TrialState, Version

_OPEN = (TrialState.WAITING.value, TrialState.RUNNING.value)
_LEFT = (Stage.RETIRED.value, Stage.REJECTED.value)
_Champion = aliased(Version)
_FIGURES = {
    "tried": func.count(),
    "failed": func.count().filter(Trial.state == TrialState.FAILED.value),
    "right_share": func.avg(cast(Trial.right, Integer)),
    "agreement": func.avg(Trial.agreement),
    "seconds/p50": func.percentile_cont(0.5).within_group(Trial.engine_seconds),
    "first_token_seconds/p50": func.percentile_cont(0.5).within_group(Trial.first_token_seconds),
    "mean_logprob": func.avg(Trial.mean_logprob),
}
_COLUMNS = [
    *(figure.label(name) for name, figure in _FIGURES.items()),
    func.min(Trial.created_at).label("began_at"),
    func.max(Trial.finished_at).label("ended_at"),
    func.count().filter(Trial.state.in_(_OPEN)).label("open"),
]


def runs(session: Session) -> list[Run]:
    """Those that may have changed since they were written."""
    return [*_of_prompts(session), *_of_shadows(session)]


def _of_prompts(session: Session) -> Iterator[Run]:
    key = cast(Version.id, String) + literal(" ") + cast(PromptSet.id, String)
    size = select(func.count()).where(Prompt.set_id == PromptSet.id).correlate(PromptSet).scalar_subquery()
    own = aliased(Prompt)
    found = session.execute(
        select(Version, PromptSet, key.label("key"), size.label("size"), *_COLUMNS)
        .select_from(Trial)
        .join(own, own.id == Trial.prompt_id)
        .join(PromptSet, PromptSet.id == own.set_id)
        .join(Version, Version.id == Trial.version_id)
        .where(~_settled(key))
        .group_by(Version.id, PromptSet.id)
        .order_by(func.min(Trial.created_at))
    )
    for row in found:
        version, wanted = row.Version, row.PromptSet
        tags = texts(
            kind="evaluation",
            deployment=version.deployment,
            version=version.label,
            prompts=wanted.name,
            prompts_digest=wanted.digest,
        )
        over = not row.open and (row.tried == row.size or version.stage in _LEFT)
        yield _run(row, f"{version.label} on {wanted.name}", tags, over=over)


def _of_shadows(session: Session) -> Iterator[Run]:
    key = cast(Rollout.id, String) + literal(" shadow")
    found = session.execute(
        select(Rollout, Version, _Champion.number.label("champion"), key.label("key"), *_COLUMNS)
        .select_from(Rollout)
        .join(Trial, Trial.rollout_id == Rollout.id)
        .join(Version, Version.id == Rollout.challenger_id)
        .join(_Champion, _Champion.id == Rollout.champion_id)
        .where(~_settled(key))
        .group_by(Rollout.id, Version.id, _Champion.number)
        .order_by(Rollout.began_at)
    )
    for row in found:
        version, champion = row.Version, f"{row.Version.deployment}@{row.champion}"
        tags = texts(
            kind="shadow",
            deployment=version.deployment,
            version=version.label,
            champion=champion,
            rollout=str(row.Rollout.id),
            rollout_state=row.Rollout.state,
        )
        over = not row.open and row.Rollout.ended_at is not None
        yield _run(row, f"{version.label} in the shadow of {champion}", tags, over=over)


def _settled(key: Any) -> Any:
    return exists().where(Mirrored.kind == Kind.RUN.value, Mirrored.key == key, Mirrored.settled)


def _run(row: Row[Any], name: str, tags: dict[str, str], *, over: bool) -> Run:
    values = {figure: getattr(row, figure) for figure in _FIGURES}
    points = [
        Point(figure, float(value), row.ended_at) for figure, value in values.items() if value is not None
    ]
    return Run(
        key=row.key,
        name=name,
        status=Status.FINISHED if over else Status.RUNNING,
        began_at=row.began_at,
        ended_at=row.ended_at if over else None,
        tags=tags,
        points=tuple(points) if over else (),
        settled=over,
    )
