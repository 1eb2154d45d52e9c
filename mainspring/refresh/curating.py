"""First stage: a dataset from what the policy names, from what has been asked since the alarm, and of what was known before."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.curation.plan import Replay
from mainspring.errors import DatasetRefused
from mainspring.identifiers import uuid7
from mainspring.refresh.moves import ACTOR, to
from mainspring.refresh.outcome import has_succeeded
from mainspring.refresh.plan import RefreshPlan
from mainspring.tables import (
    Dataset,
    DriftAlarm,
    Refresh,
    RefreshState,
    RetrainingRequest,
    Version,
    WorkState,
)

MOST_KNOWN = 100  # earlier datasets whose held-out rows are kept out of training


def step(session: Session, refresh: Refresh, now: datetime) -> bool:
    """Whether there is new work for the train worker."""
    if refresh.dataset_id is None:
        dataset = _ask(session, refresh)
        refresh.dataset_id = dataset.id
        return True
    dataset = session.get_one(Dataset, refresh.dataset_id)
    error = dataset.error or {}
    if error.get("code") == DatasetRefused.code:
        to(session, refresh, RefreshState.REFUSED, reason=error["detail"], error=error)
    elif has_succeeded(session, refresh, dataset, now):
        rows = dataset.rows or {}
        kept = f"{rows.get('train', 0):,} examples to learn from, {rows.get('held_out', 0):,} kept aside"
        to(session, refresh, RefreshState.TRAINING, reason=kept)
    return False


def _ask(session: Session, refresh: Refresh) -> Dataset:
    plan = RefreshPlan.model_validate(refresh.plan)
    known = _known(session, refresh)
    learned = (session.get_one(Version, refresh.champion_id).dataset or {}).get("digest")
    replay = list(plan.curate.replay)
    if plan.replay and learned in known:
        replay.append(Replay(dataset=learned, share=plan.replay))
    curate = plan.curate.model_copy(
        update={
            "since": _since(session, refresh) if plan.curate.since is None else plan.curate.since,
            "replay": replay,
            "evaluation": [*dict.fromkeys([*plan.curate.evaluation, *known])],
        }
    )
    dataset = Dataset(
        id=uuid7(),
        deployment=refresh.deployment,
        plan=curate.model_dump(mode="json", exclude_none=True),
        asked_by=ACTOR,
    )
    session.add(dataset)
    session.flush()
    return dataset


def _known(session: Session, refresh: Refresh) -> list[str]:
    """The digests of what the deployment's versions have learned from, the newest first, where it is kept."""
    found = session.scalars(
        select(Dataset.digest)
        .join(Version, Version.dataset["digest"].astext == Dataset.digest)
        .where(Version.deployment == refresh.deployment, Dataset.state == WorkState.SUCCEEDED.value)
        .order_by(Version.number.desc())
        .limit(MOST_KNOWN)
    )
    return [*dict.fromkeys(digest for digest in found if digest is not None)]


def _since(session: Session, refresh: Refresh) -> datetime | None:
    """When what the alarm tells of began."""
    request = session.get_one(RetrainingRequest, refresh.request_id)
    if request.alarm_id is None:
        return None
    alarm = session.get_one(DriftAlarm, request.alarm_id)
    return alarm.since or alarm.at
