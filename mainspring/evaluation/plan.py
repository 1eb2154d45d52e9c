"""What a deployment's policy says of evaluating and of the gate: what is measured, and what a challenger has to show."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6})?%$")]
Unsure = Literal["ask", "reject"]
Role = Literal["must_not_fall", "must_rise", "informs"]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.*?-]+$")]


class Rule(BaseModel):
    """What is asked of a metric. To fall is to get worse, to rise to get better: seconds fall by becoming more.

    `tolerance`: how much worse than the champion it may be, of a metric that must not fall. `at_least`: how much better
    it has to be, of one that must rise. Either in the metric's own unit, or as a share of the champion's figure: `20%`.
    `limit`: what its own figure must reach, whatever the champion's; what it must stay under where less is better.
    `weight`: how much it counts when what was gained is weighed against what was lost; None: 1, and 0 of one that
    informs. `group`: which side of that scale it lies on, such as `quality` or `safety`; None: by its name.
    `when_missing`: what follows if it was not measured; None: what the plan says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    tolerance: Amount | Percent = 0.0
    at_least: Amount | Percent = 0.0
    limit: Annotated[float, Field(allow_inf_nan=False)] | None = None
    weight: Annotated[float, Field(ge=0, le=1000)] | None = None
    group: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    when_missing: Literal["ask", "reject", "ignore"] | None = None

    @model_validator(mode="after")
    def fitting(self) -> Self:
        if self.tolerance != 0 and self.role != "must_not_fall":
            raise ValueError("`tolerance` belongs to the role must_not_fall")
        if self.at_least != 0 and self.role != "must_rise":
            raise ValueError("`at_least` belongs to the role must_rise")
        if self.limit is not None and self.role == "informs":
            raise ValueError("a `limit` is a condition: give the role must_not_fall or must_rise")
        return self

    @property
    def weighs(self) -> float:
        return self.weight if self.weight is not None else 0.0 if self.role == "informs" else 1.0


class GatePlan(BaseModel):
    """`metrics`: what is asked of each, by its name or a pattern such as `likelihood.*`; of several that fit, the longest
    counts. A metric that none fits informs. None: what fits the deployment's task.

    `when_unsure`: what follows when the data do not decide: a person is asked, or the challenger is rejected.
    `when_missing`: the same, when a metric of the plan was not measured. `when_outweighed`: when all conditions hold
    and what was lost weighs more than what was gained. `when_alone`: when there is no champion to compare with.
    `fewest_items`, `fewest_clusters`: with fewer, or from fewer sources, there is too little data to decide by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: Annotated[dict[Name, Rule], Field(min_length=1, max_length=200)] | None = None
    when_unsure: Unsure = "ask"
    when_missing: Unsure = "ask"
    when_outweighed: Literal["informs", "ask", "reject"] = "informs"
    when_alone: Literal["accept", "ask", "reject"] = "accept"
    fewest_items: Annotated[int, Field(ge=2, le=1_000_000)] = 30
    fewest_clusters: Annotated[int, Field(ge=2, le=1_000_000)] = 10

    def rule_for(self, name: str) -> tuple[str, Rule] | None:
        """The pattern that fits the name, and its rule. Of patterns as long, the first by the alphabet."""
        fitting = [one for one in self.metrics or {} if one == name or fnmatchcase(name, one)]
        best = min(fitting, key=lambda one: (one != name, -len(one), one), default=None)
        return None if best is None or self.metrics is None else (best, self.metrics[best])


class Check(BaseModel):
    """What an answer has to be; all that is given has to hold. `matches`: a regular expression, found anywhere in it.

    `is_json`: it is nothing but JSON; `keys`: an object of JSON with these keys. `max_length`: in characters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contains: str | None = None
    lacks: str | None = None
    matches: Annotated[str, Field(max_length=1000)] | None = None
    equals: str | None = None
    is_json: bool = False
    keys: tuple[str, ...] = ()
    max_length: Annotated[int, Field(ge=0)] | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def readable(self) -> Self:
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"`matches` is not a regular expression: {error}") from None
        if self.model_dump(exclude_defaults=True, exclude={"ignore_case"}) == {}:
            raise ValueError("a check has to ask for something, such as `contains: Paris`")
        return self


class Golden(BaseModel):
    """A prompt whose answer is known to have to be so. `input`: as a job's input of the deployment's task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: str | dict[str, Any]
    checks: Annotated[tuple[Check, ...], Field(min_length=1, max_length=50)]


class JudgePlan(BaseModel):
    """A `deployment` that says which of two answers is better, not knowing whose they are, asked twice: in both orders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deployment: Annotated[str, Field(min_length=1, max_length=64)]
    items: Annotated[int, Field(ge=1, le=10_000)] = 100


class HarnessPlan(BaseModel):
    """`tasks` of lm-evaluation-harness, whose files are in `folder`. `items`: the first so many of each; None: all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Annotated[str, Field(min_length=1, max_length=1000)]
    tasks: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    items: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class SuitePlan(BaseModel):
    """What is measured of a version. `level`: how often each interval holds the true value.

    `sets`: further sets by their names beside `new` and `old`: digests of datasets. `metrics`: which; None: those of the
    deployment's task. `items`: of each set at most so many, drawn by `seed`. `tokens`: the longest answer that is made.
    `perturbed`: of so many items of each set the answer is compared to the one when case, spaces, typing and punctuation
    change a little. `timed`: so many answers say how long one takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    sets: dict[
        Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")], Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    ] = Field(default_factory=dict)
    metrics: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)] | None = None
    items: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    tokens: Annotated[int, Field(ge=1, le=32_768)] = 64
    perturbed: Annotated[int, Field(ge=0, le=100_000)] = 100
    timed: Annotated[int, Field(ge=0, le=10_000)] = 50
    seed: int = 1
    golden: Annotated[tuple[Golden, ...], Field(max_length=1000)] = ()
    judge: JudgePlan | None = None
    harness: HarnessPlan | None = None


def gate_plan(policy: dict[str, Any]) -> GatePlan:
    """Of a deployment's stored policy."""
    return GatePlan.model_validate(policy.get("gate", {}))


def suite_plan(policy: dict[str, Any]) -> SuitePlan:
    """Of a deployment's stored policy."""
    return SuitePlan.model_validate(policy.get("evaluation", {}))
