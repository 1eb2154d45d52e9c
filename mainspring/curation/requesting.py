"""Datasets: how one is asked for. mainspring/work.py has the rest of their life."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.curation.plan import CurationPlan
from mainspring.errors import InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.registry import refuse_retired
from mainspring.tables import Dataset, Deployment, WorkState


def request_dataset(
    session: Session, deployment: Deployment, plan: CurationPlan, *, asked_by: str
) -> Dataset:
    """A queued one. Raises DeploymentRetired, InvalidRequest for an earlier dataset that is not there."""
    refuse_retired(deployment)
    _require_earlier(session, plan)
    dataset = Dataset(
        id=uuid7(),
        deployment=deployment.name,
        plan=plan.model_dump(mode="json", exclude_none=True),
        asked_by=asked_by,
    )
    session.add(dataset)
    session.flush()
    session.refresh(dataset)
    return dataset


def _require_earlier(session: Session, plan: CurationPlan) -> None:
    named = {f"plan.replay.{place}.dataset": one.dataset for place, one in enumerate(plan.replay)}
    named |= {f"plan.evaluation.{place}": digest for place, digest in enumerate(plan.evaluation)}
    made = select(Dataset.digest).where(
        Dataset.digest.in_(set(named.values())), Dataset.state == WorkState.SUCCEEDED.value
    )
    known = set(session.scalars(made)) if named else set()
    for field, digest in named.items():
        if digest not in known:
            raise InvalidRequest(
                f"there is no dataset {digest[:12]}",
                field=field,
                remedy="Give the digest of one that has succeeded: GET /v1/datasets lists them.",
            )
