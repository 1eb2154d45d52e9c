"""Take a wish for a better version: from here on a refresh carries it out, where the deployment's policy says how."""

from pydantic import ValidationError
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.logs import log
from mainspring.refresh.moves import tell
from mainspring.refresh.plan import RefreshPlan, refresh_plan
from mainspring.registry import champion_of
from mainspring.tables import Deployment, Refresh, RequestState, RetrainingRequest

_PENDING = (
    select(RetrainingRequest)
    .join(Deployment, Deployment.name == RetrainingRequest.deployment)
    .where(
        RetrainingRequest.state == RequestState.PENDING.value,
        Deployment.policy.has_key("refresh"),
        Deployment.retired_at.is_(None),
        ~exists().where(Refresh.deployment == Deployment.name, Refresh.ended_at.is_(None)),
    )
    .with_for_update(of=RetrainingRequest, skip_locked=True)
)


def take(session: Session) -> list[Refresh]:
    """A refresh for each wish that waits and can be carried out. One at a time for each deployment."""
    begun = [begin(session, request) for request in session.scalars(_PENDING).all()]
    return [refresh for refresh in begun if refresh is not None]


def begin(session: Session, request: RetrainingRequest) -> Refresh | None:
    """None: it waits, since there is nothing in production to begin from, or no plan that can be read."""
    champion = champion_of(session, request.deployment)
    plan = _plan(session, request.deployment)
    if champion is None or plan is None:
        return None
    reason = "; ".join(request.reasons)
    refresh = Refresh(
        id=uuid7(),
        deployment=request.deployment,
        request_id=request.id,
        champion_id=champion.id,
        plan=plan.model_dump(mode="json"),
        reason=reason,
    )
    request.state = RequestState.TAKEN.value
    session.add(refresh)
    session.flush()
    session.refresh(refresh)
    tell(session, refresh, "begun", reason, champion=champion.label, trigger=request.trigger)
    return refresh


def _plan(session: Session, name: str) -> RefreshPlan | None:
    """None also for one that an older server took and this one cannot read: the wish waits until it is mended."""
    try:
        return refresh_plan(session.get_one(Deployment, name).policy)
    except ValidationError as error:
        log.error("refresh.unreadable", deployment=name, why=error.errors()[0]["msg"])
        return None
