"""What a deployment's policy lets be kept of what was said, and be shown of its jobs elsewhere. Left out: nothing."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, le=1)]


class TextPlan(BaseModel):
    """`share`: of its jobs; of those, what was asked and answered is kept until `days` after their end."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    share: Share
    days: Annotated[float, Field(gt=0, le=3650)] = 30.0


class TracePlan(BaseModel):
    """`share`: of its jobs, as traces in MLflow. `text`: with what was asked and answered, where that is kept, in plain
    words, and as long as it is."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    share: Share
    text: bool = False


def text_plan(policy: dict[str, Any]) -> TextPlan | None:
    """Of a deployment's stored policy."""
    given = policy.get("texts")
    return None if given is None else TextPlan.model_validate(given)


def trace_plan(policy: dict[str, Any]) -> TracePlan | None:
    given = policy.get("traces")
    return None if given is None else TracePlan.model_validate(given)
