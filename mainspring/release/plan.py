"""How a deployment's rollouts go: the part `rollout` of its policy."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]


class ShadowPlan(BaseModel):
    """The challenger answers a `share` of what the champion has answered, where no client sees it, until it has tried
    `samples`; the latest `replay` jobs from before count, too.

    `agreement`: so much of the champion's answers it has to say as well, from 0 to 1; None: that is no condition.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    samples: Annotated[int, Field(ge=30, le=2000)] = 100
    replay: Annotated[int, Field(ge=0, le=2000)] = 0
    agreement: Annotated[float, Field(ge=0, le=1)] | None = None


class RolloutPlan(BaseModel):
    """`prompts`: a set of them which both versions answer first; `shadow`: what the challenger then tries unseen.

    `steps`: the challenger's shares of new work, one after the other; behind the last it gets everything.

    A step takes at least `dwell_seconds`, and as long as the challenger has not answered `samples` sessions or jobs
    in it. `alpha`: the chance that a challenger which is no worse is rolled back all the same, ever. With `approval` a
    person says the last word. No steps: at once, without comparison.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    shadow: ShadowPlan | None = None
    steps: Annotated[tuple[Share, ...], Field(max_length=20)] = (0.01, 0.05, 0.25)
    dwell_seconds: Annotated[float, Field(ge=0, le=30 * 86400, allow_inf_nan=False)] = 300.0
    samples: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    approval: bool = False

    @property
    def part(self) -> float:
        """Of alpha, for each of what it goes through: the steps, the shadow, the prompts."""
        return self.alpha / (1 + (self.shadow is not None) + (self.prompts is not None))

    @model_validator(mode="after")
    def rising(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("each step's share must be larger than the one before")
        if not self.steps and (self.prompts is not None or self.shadow is not None):
            raise ValueError("prompts and a shadow lead to a first share: give steps, or leave them out")
        return self


def plan_of(policy: dict[str, Any]) -> RolloutPlan | None:
    """None: the policy names none, so a new version takes over at once."""
    given = policy.get("rollout")
    return None if given is None else RolloutPlan.model_validate(given)
