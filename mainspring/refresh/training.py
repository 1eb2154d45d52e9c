"""Second stage: a version from the champion and the dataset, by the policy's recipe."""

from datetime import datetime

from sqlalchemy.orm import Session

from mainspring.errors import MainspringError
from mainspring.refresh.failing import failed
from mainspring.refresh.moves import ACTOR, to
from mainspring.refresh.outcome import has_succeeded
from mainspring.refresh.plan import RefreshPlan
from mainspring.tables import (
    Dataset,
    Deployment,
    Refresh,
    RefreshState,
    Task,
    TrainingRun,
    Version,
)
from mainspring.training.runs import request_run


def step(session: Session, refresh: Refresh, now: datetime) -> bool:
    """Whether there is new work for the train worker."""
    if refresh.run_id is None:
        return _ask(session, refresh, now)
    run = session.get_one(TrainingRun, refresh.run_id)
    if has_succeeded(session, refresh, run, now):
        assert run.version_id is not None
        refresh.version_id = run.version_id
        made = session.get_one(Version, run.version_id)
        to(session, refresh, RefreshState.EVALUATING, reason=f"{made.label} is made")
    return False


def _ask(session: Session, refresh: Refresh, now: datetime) -> bool:
    plan = RefreshPlan.model_validate(refresh.plan)
    deployment = session.get_one(Deployment, refresh.deployment)
    dataset = session.get_one(Dataset, refresh.dataset_id)
    champion = session.get_one(Version, refresh.champion_id)
    try:
        run = request_run(
            session,
            deployment,
            plan.recipe_for(Task(deployment.task)),
            plan.parameters | {"base": champion.label},
            asked_by=ACTOR,
            dataset=dataset,
        )
    except MainspringError as error:
        failed(session, refresh, "the training", error.as_json(), now)
        return False
    refresh.run_id = run.id
    return True
