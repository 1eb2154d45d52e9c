"""What may be said of how a deployment is served and how its versions come and go, and how that is kept."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mainspring.evaluation.plan import GatePlan, SuitePlan
from mainspring.kept.plan import TextPlan, TracePlan
from mainspring.monitor.plan import DriftPlan
from mainspring.refresh.plan import RefreshPlan
from mainspring.release.draining import DrainPlan
from mainspring.release.plan import RolloutPlan
from mainspring.tables import EngineName


class Policy(BaseModel):
    """`queue_bound`: how many jobs may wait before producers are told to slow down.

    `engine`: what serves its versions. `vllm` is started by the worker, unless `engine_url` says where one runs.
    `rollout`: how a new version takes over; without it, at once. `drain`: how the former one leaves.
    `drift`: how its traffic is watched. `refresh`: how a better version is made of what has changed; without it, not by
    itself. `evaluation`: what is measured of one; `gate`: what it has to show before it is released.
    `texts`: what is kept of what was said; `traces`: which jobs MLflow shows.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    queue_bound: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    engine: Annotated[EngineName, Field(strict=False)] | None = None
    engine_url: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    rollout: Annotated[RolloutPlan, Field(strict=False)] | None = None
    drain: Annotated[DrainPlan, Field(strict=False)] | None = None
    drift: Annotated[DriftPlan, Field(strict=False)] | None = None
    refresh: Annotated[RefreshPlan, Field(strict=False)] | None = None
    evaluation: Annotated[SuitePlan, Field(strict=False)] | None = None
    gate: Annotated[GatePlan, Field(strict=False)] | None = None
    texts: Annotated[TextPlan, Field(strict=False)] | None = None
    traces: Annotated[TracePlan, Field(strict=False)] | None = None


def kept(policy: Policy) -> dict[str, Any]:
    """With every default filled in, as JSON. What there is none of is left out, but where none means never."""
    drain = {} if policy.drain is None else {"drain": policy.drain.model_dump(mode="json")}
    return policy.model_dump(mode="json", exclude_none=True) | drain
