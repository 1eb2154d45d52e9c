"""What a person may ask for: a refresh, begun at once, and an evaluation of any version."""

from sqlalchemy.orm import Session

from mainspring.errors import Conflict, InvalidRequest
from mainspring.monitor import deciding
from mainspring.refresh import evaluating
from mainspring.refresh.taking import begin
from mainspring.registry import champion_of, refuse_deleted, refuse_retired
from mainspring.tables import Deployment, Evaluation, Refresh, Version


def a_refresh(session: Session, deployment: Deployment, *, actor: str, reason: str) -> Refresh:
    """Raises Conflict while one is under way, or where none can be carried out; DeploymentRetired."""
    name = deployment.name
    refuse_retired(deployment)
    if "refresh" not in deployment.policy:
        raise Conflict(
            f"the policy of `{name}` does not say what a better version is made from",
            field="policy.refresh",
            remedy="Declare it, such as {curate: {traffic: {basis: consent}}}: PUT /v1/deployments/{name}.",
        )
    if champion_of(session, name) is None:
        raise Conflict(
            f"`{name}` has no version in production to begin from",
            remedy=f"Deploy one first: mainspring deploy {name} --model MODEL.",
        )
    refresh = begin(session, deciding.ask(session, name, actor=actor, reason=reason))
    if refresh is None:
        raise Conflict(
            f"what the policy of `{name}` says of `refresh` cannot be read",
            field="policy.refresh",
            remedy="Declare it again: PUT /v1/deployments/{name}.",
        )
    return refresh


def an_evaluation(session: Session, version: Version, beside: Version | None, *, actor: str) -> Evaluation:
    """Without `beside`: beside the version in production, alone if that is the version itself.

    Raises Conflict if the files of one are gone, InvalidRequest for a version beside itself.
    """
    champion = champion_of(session, version.deployment)
    if beside is not None:
        if beside.id == version.id:
            raise InvalidRequest(
                "a version cannot be compared with itself",
                field="beside",
                remedy="Name another version, or none.",
            )
        champion = beside
    elif champion is not None and champion.id == version.id:
        champion = None
    for one in (version, champion):
        if one is not None:
            refuse_deleted(one)
    return evaluating.request(session, version, champion, asked_by=actor)
