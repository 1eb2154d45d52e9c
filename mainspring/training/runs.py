"""Training runs: how one is asked for. mainspring/work.py has the rest of their life."""

from typing import Any

from sqlalchemy.orm import Session

from mainspring.errors import InvalidRequest, UnknownDeployment
from mainspring.identifiers import uuid7
from mainspring.registry import refuse_retired
from mainspring.tables import Dataset, Deployment, Task, TrainingRun, WorkState
from mainspring.training.recipes import validated

UNMADE = "0" * 64  # in the place of a digest that is not known yet, while the rest is looked at


def request_run(
    session: Session,
    deployment: Deployment | str,
    recipe: str,
    parameters: dict[str, Any],
    *,
    asked_by: str | None = None,
    dataset: Dataset | None = None,
) -> TrainingRun:
    """A queued run with its parameters complete. `asked_by`: as events name it. `dataset`: what it learns from, which may
    still be made: the run waits for it.

    Raises UnknownDeployment, DeploymentRetired, InvalidRequest, UnknownParameter.
    """
    found = session.get(Deployment, deployment) if isinstance(deployment, str) else deployment
    if found is None:
        raise UnknownDeployment(f"there is no deployment {deployment}", field="deployment")
    refuse_retired(found)
    if dataset is not None:
        refuse_foreign(dataset, found.name)
        parameters = parameters | {"dataset": dataset.digest or UNMADE}
    complete = validated(recipe, Task(found.task), parameters).model_dump(exclude_none=True)
    if complete.get("dataset") == UNMADE:
        del complete["dataset"]
    run = TrainingRun(
        id=uuid7(),
        deployment=found.name,
        recipe=recipe,
        parameters=complete,
        asked_by=asked_by,
        dataset_id=None if dataset is None else dataset.id,
    )
    session.add(run)
    session.flush()
    session.refresh(run)
    return run


def refuse_foreign(dataset: Dataset, deployment: str) -> None:
    """Raises InvalidRequest for what was made for another deployment, or could not be made."""
    if dataset.deployment != deployment:
        said, remedy = f"this dataset was made for `{dataset.deployment}`", "Make one for this deployment."
    elif WorkState(dataset.state) in (WorkState.FAILED, WorkState.CANCELLED):
        said, remedy = f"this dataset has {dataset.state}", "See why, and make another one."
    else:
        return
    raise InvalidRequest(said, field="dataset_id", remedy=remedy)
