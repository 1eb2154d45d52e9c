"""How a deployment's traffic drifts; a new reference, and a wish for a better version, where a person asks."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api import body, declared
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.prompts import MOST, PromptGiven, checked
from api.routes.texts import Reason, reader
from api.takes import takes
from mainspring import registry
from mainspring.access import Caller
from mainspring.errors import InvalidRequest, UnknownPrompts
from mainspring.kept.keys import keys_at_hand
from mainspring.monitor import deciding, detect, prompted, reference
from mainspring.monitor.plan import drift_plan
from mainspring.monitor.reference_views import (
    ReferenceRequestView,
    ReferenceView,
    reference_view,
    request_of_reference_view,
)
from mainspring.monitor.views import (
    DriftView,
    RequestView,
    asked_of,
    drift,
    request_view,
    show_texts,
)
from mainspring.refresh.line import line_of
from mainspring.tables import Deployment, PromptSet, Task, Version
from mainspring.terms import ADMIN
from mainspring.trials.prompts import digest_of, keep, named

router = APIRouter(prefix="/v1/deployments", tags=["drift"], dependencies=[Security(BEARER)])


class NewNormal(BaseModel):
    """Its `version`'s latest requests are normal from now on. Without one, of the version in production.

    With a `prompt_set`, the name of a stored one, its prompts are instead, as far as they tell; or `prompts`, of which at
    least fifty are different, and which are stored. Those in a file of NDJSON are stored as a set first.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    version: Annotated[str, Field(min_length=3, max_length=80)] | None = None
    prompt_set: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    prompts: Annotated[list[PromptGiven], Field(min_length=1, max_length=MOST)] | None = None


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("/{name}/drift", response_model=DriftView)
async def look(
    name: str,
    backends: TheBackends,
    transact: Transacting,
    *,
    texts: Annotated[
        bool, Query(description="With what was asked in the examples, where it is kept.")
    ] = False,
    reason: Reason = "the examples of an alarm",
) -> Response:
    """What was decided of it and why, its references, what the detectors say, and its latest alarms.

    `texts` are for keys of scope `admin`; that they were read is then in the log of events, with the `reason`.
    """

    def work(session: Session, caller: Caller) -> DriftView:
        deployment = declared.find(session, name)
        view = drift(session, deployment)
        _show_lines(session, view)
        if texts:
            show_texts(session, deployment, view, keys_at_hand(backends.settings), reader(caller, reason))
        return view

    return Json(await transact(work))


@router.post(
    "/{name}/drift/references",
    status_code=201,
    response_model=ReferenceView,
    responses={202: {"model": ReferenceRequestView, "description": "It is being made of prompts."}},
    openapi_extra=takes(NewNormal),
)
async def renew(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Say that what is asked lately is normal, or what the prompts of a set ask. The reference before stays as it was, and
    counts no more once the new one is there."""
    given = await body.read(request, backends.settings.max_body_bytes, NewNormal)

    def work(session: Session, caller: Caller) -> tuple[ReferenceView | ReferenceRequestView, int]:
        caller.require(ADMIN)
        deployment = declared.find(session, name)
        version = _version(session, name, given.version)
        prompts = _set(session, deployment, given)
        if prompts is not None:
            asked = prompted.ask(session, version, prompts, actor=f"key {caller.key_id}", reason=given.reason)
            return request_of_reference_view(session, asked), 202
        made = reference.replace(
            session,
            version,
            drift_plan(deployment.policy).reference,
            actor=f"key {caller.key_id}",
            reason=given.reason,
        )
        detect.begin_watch(session, version, made)
        return reference_view(made), 201

    view, status = await transact(work)
    return Json(view, status)


def _show_lines(session: Session, view: DriftView) -> None:
    """Into the request, and into each alarm of which something came."""
    if (wish := view["retraining"]) is not None:
        wish["line"] = line_of(session, request=UUID(wish["id"]))
    heard = asked_of(session, [UUID(alarm["id"]) for alarm in view["alarms"]])
    for alarm in view["alarms"]:
        if UUID(alarm["id"]) in heard:
            alarm["line"] = line_of(session, alarm=UUID(alarm["id"]))


def _set(session: Session, deployment: Deployment, given: NewNormal) -> PromptSet | None:
    """None: it shall be of traffic. Prompts that are given are kept under a name by their content.

    Raises UnknownPrompts, InvalidRequest and kin.
    """
    if given.prompt_set is not None and given.prompts is not None:
        raise InvalidRequest(
            "there is a set and a list of prompts", field="prompts", remedy="Leave one of the two out."
        )
    if given.prompt_set is not None:
        return _named(session, deployment.name, given.prompt_set)
    if given.prompts is None:
        return None
    prompts = checked(Task(deployment.task), given.prompts)
    return keep(session, deployment.name, f"reference-{digest_of(prompts)[:12]}", prompts)[0]


def _named(session: Session, deployment: str, called: str) -> PromptSet:
    try:
        return named(session, deployment, called)
    except UnknownPrompts as error:
        error.field = "prompt_set"
        raise


def _version(session: Session, name: str, label: str | None) -> Version:
    if label is not None:
        return registry.named(session, label, deployment=name)
    version = registry.champion_of(session, name)
    if version is None:
        raise InvalidRequest(
            f"`{name}` has no version in production",
            field="version",
            remedy=f"Name one of mainspring versions {name}.",
        )
    return version


@router.post("/{name}/retraining", status_code=201, response_model=RequestView, openapi_extra=takes(Wish))
async def ask(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Ask for a better version; 409 while one is asked for and not done."""
    given = await body.read(request, backends.settings.max_body_bytes, Wish)

    def work(session: Session, caller: Caller) -> RequestView:
        caller.require(ADMIN)
        declared.find(session, name)
        made = deciding.ask(session, name, actor=f"key {caller.key_id}", reason=given.reason)
        return request_view(made) | {"line": line_of(session, request=made.id)}

    return Json(await transact(work), 201)
