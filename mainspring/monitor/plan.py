"""What a deployment's policy says of watching it: how sure an alarm has to be, against what, and what follows."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mainspring.observe.sampling import SHARE

_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
Seconds = Annotated[float, Field(ge=0, le=10 * 365 * 86400)]


class DriftPlan(BaseModel):
    """`alpha`: the chance that a version whose traffic never changes ever raises an alarm, however long it is watched.

    `reference`: so many of a version's first answered requests say what is normal. `prompts`: a set of them that says
    instead what is asked of a version, from its first request on; for the rest it is those. `encoder_share`: of one core, for the
    frozen encoder's vectors of a sample. `minimum`: requests since a change began, without which nothing is learned
    from it. `cooldown_seconds`: between two retrainings. `schedule`: when to train anew whatever was seen, as five
    fields of cron, in UTC. `risk_tolerance`: how much larger than the reference's a rate of wrong answers may be.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    reference: Annotated[int, Field(ge=100, le=10_000)] = 2000
    prompts: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    encoder_share: Annotated[float, Field(ge=0, le=1)] = SHARE
    minimum: Annotated[int, Field(ge=0, le=10_000_000)] = 200
    cooldown_seconds: Seconds = 86400.0
    schedule: Annotated[str, Field(max_length=100)] | None = None
    risk_tolerance: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def readable(self) -> Self:
        if self.schedule is not None:
            try:
                CronSim(self.schedule, _ANY_DAY)
            except CronSimError as error:
                raise ValueError(f"`schedule` is not a line of cron, such as `0 3 * * 1`: {error}") from None
        return self


def drift_plan(policy: dict[str, Any]) -> DriftPlan:
    """Of a deployment's stored policy."""
    return DriftPlan.model_validate(policy.get("drift", {}))
