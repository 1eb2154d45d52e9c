"""Training runs: how one is asked for. mainspring/work.py has the rest of their life."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from mainspring.errors import UnknownDeployment
from mainspring.identifiers import uuid7
from mainspring.registry import refuse_retired
from mainspring.tables import Deployment, Task, TrainingRun
from mainspring.training.recipes import validated


def request_run(
    session: Session,
    deployment: Deployment | str,
    recipe: str,
    parameters: dict[str, Any],
    *,
    asked_by: str | None = None,
    dataset_id: UUID | None = None,
) -> TrainingRun:
    """A queued run with its parameters complete. `asked_by`: as events name it. `dataset_id`: the row of what it learns from.

    Raises UnknownDeployment, DeploymentRetired, InvalidRequest, UnknownParameter.
    """
    found = session.get(Deployment, deployment) if isinstance(deployment, str) else deployment
    if found is None:
        raise UnknownDeployment(f"there is no deployment {deployment}", field="deployment")
    refuse_retired(found)
    run = TrainingRun(
        id=uuid7(),
        deployment=found.name,
        recipe=recipe,
        parameters=validated(recipe, Task(found.task), parameters).model_dump(exclude_none=True),
        asked_by=asked_by,
        dataset_id=dataset_id,
    )
    session.add(run)
    session.flush()
    session.refresh(run)
    return run
