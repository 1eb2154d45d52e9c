"""All that an evaluation measures with, so complete that the same suite gives the same results.

A plan is what a policy says; a suite is that plan for two versions, with the sets that it comes down to.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mainspring.curation.rows import Origin, Split
from mainspring.evaluation.plan import SuitePlan
from mainspring.terms import Task

Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class MeasuringSet(BaseModel):
    """Rows of a dataset under a name, which is the metrics' last part. `origins`: those of these alone; None: all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    dataset: Digest
    split: Literal[Split.HELD_OUT] = Split.HELD_OUT
    origins: frozenset[Origin] | None = None


class Suite(BaseModel):
    """`sets`: all of them, those of the plan too, each under a name of its own. `parameters`: what a job of this deployment
    is asked with, such as a target language. `extra`: metrics of others, by their names.

    Latency and throughput are the only figures that differ from one time to the next.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Task
    sets: tuple[MeasuringSet, ...] = ()
    plan: SuitePlan = SuitePlan()
    parameters: dict[str, Any] = Field(default_factory=dict)
    extra: tuple[str, ...] = ()
