"""The part `refresh` of a deployment's policy: what a better version is made from and how, and who has the last word."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mainspring.curation.plan import CurationPlan
from mainspring.errors import InvalidRequest
from mainspring.tables import Task
from mainspring.training import recipes
from mainspring.training.runs import UNMADE

# What a policy does not say of a run, since the loop does.
FILLED = frozenset({"base", "dataset"})
BY_TASK = {
    Task.TEXT_GENERATION: recipes.CONTINUED_PRETRAINING,
    Task.TEXT_CLASSIFICATION: recipes.ENCODER_FINE_TUNING,
}


class RefreshPlan(BaseModel):
    """`curate`: what is learned from. `replay`: so large a part of what the champion has learned from, with it.

    `recipe` and its `parameters`, but for what it begins from and learns from; None: what fits the task. `approval`: a
    person says whether an accepted version is released. A stage that fails is tried `tries` times, `retry_seconds` after
    the first failure, and twice as long after each further one; then the refresh is parked.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    curate: CurationPlan
    replay: Annotated[float, Field(ge=0, le=1)] = 0.5
    recipe: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    parameters: dict[str, Any] = {}
    approval: bool = False
    tries: Annotated[int, Field(ge=1, le=20)] = 3
    retry_seconds: Annotated[float, Field(ge=0, le=7 * 86400)] = 30.0

    def recipe_for(self, task: Task) -> str:
        """Raises InvalidRequest if none is named and none fits."""
        found = self.recipe or BY_TASK.get(task)
        if found is None:
            raise InvalidRequest(
                f"there is no usual recipe for {task.value}",
                field="policy.refresh.recipe",
                remedy="Name one, with its parameters.",
            )
        return found


def refresh_plan(policy: dict[str, Any]) -> RefreshPlan | None:
    """Of a deployment's stored policy. None: nothing is refreshed by itself."""
    given = policy.get("refresh")
    return None if given is None else RefreshPlan.model_validate(given)


def require_trainable(policy: dict[str, Any], task: Task) -> None:
    """Raises InvalidRequest or UnknownParameter for a plan whose recipe could not be asked for."""
    plan = refresh_plan(policy)
    if plan is None:
        return
    if (said := FILLED & plan.parameters.keys()) != set():
        raise InvalidRequest(
            f"`{min(said)}` is filled in by each refresh",
            field=f"policy.refresh.parameters.{min(said)}",
            remedy="Leave it out: it begins from the champion, and learns from what was curated.",
        )
    filled = {"base": "champion", "dataset": UNMADE}
    try:
        recipes.validated(plan.recipe_for(task), task, plan.parameters | filled)
    except InvalidRequest as error:
        field = f"policy.refresh.{error.field or 'recipe'}"
        raise type(error)(error.detail, field=field, remedy=error.remedy) from None
