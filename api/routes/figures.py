"""How a deployment's versions do: latency, quality, what people and the world say of it, engagement."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response, Security
from sqlalchemy.orm import Session

from api import declared
from api.deps import BEARER, Transacting
from api.rendering import Json
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.figures.metrics import MOST, MetricsView, metrics
from mainspring.terms import ADMIN

router = APIRouter(prefix="/v1/deployments", tags=["figures"], dependencies=[Security(BEARER)])


@router.get("/{name}/metrics", response_model=MetricsView)
async def look(
    name: str,
    transact: Transacting,
    hours: Annotated[str, Query(description="That have passed lately; more than 72 are told by day.")] = "24",
) -> Response:
    """By version, each figure with its 95% interval, over all tenants: so it takes the scope `admin`.

    Of a figure that people give, the newest of a job counts. Half a minute after it came, a label counts for the hour
    in which its job ended, however long ago that was.
    """
    if not hours.isdecimal() or not 1 <= int(hours[:6]) <= MOST or len(hours) > len(str(MOST)):
        raise InvalidRequest("so many hours cannot be told", field="hours", remedy=f"Send 1 to {MOST}.")

    def work(session: Session, caller: Caller) -> MetricsView:
        caller.require(ADMIN)
        declared.find(session, name)
        return metrics(session, name, int(hours), datetime.now(UTC))

    return Json(await transact(work))
