"""Versions: one with its card, two side by side, who needs one, and one that leaves by somebody's word."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response, Security
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.takes import Why, takes
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.refresh.line import line_of
from mainspring.registry import named
from mainspring.release.card import as_markdown, record
from mainspring.release.compare import compare
from mainspring.release.leaving import needing, retire_version
from mainspring.release.page import page
from mainspring.release.tried import in_shadow, with_prompts
from mainspring.serving.views import optional_moment
from mainspring.terms import ADMIN
from mainspring.trials.prompts import named as set_named

MOST_ANSWERS = 200

router = APIRouter(prefix="/v1", tags=["versions"], dependencies=[Security(BEARER)])


class NeedingView(TypedDict):
    """`sessions`: open conversations. `pinned`: jobs that named the version. `last_at`: its latest job of either kind."""

    tenant: str
    sessions: int
    pinned: int
    last_at: str | None


class Clients(TypedDict):
    version: str
    stage: str
    clients: list[NeedingView]


class GoneView(TypedDict):
    """`jobs` that waited for it and `sessions` were moved to the version in production."""

    version: str
    stage: str
    jobs: int
    sessions: int


@router.get("/deployments/{name}/compare")
async def side_by_side(
    name: str,
    transact: Transacting,
    *,
    a: Annotated[str, Query(max_length=80, description="Such as assistant@3.")],
    b: Annotated[str, Query(max_length=80)],
    prompts: Annotated[str, Query(max_length=64, description="A stored set: answer beside answer.")] = "",
    answers: Annotated[str, Query(description="Of the jobs that both answered, how many to show.")] = "20",
    accept: Annotated[str, Header()] = "",
) -> Response:
    """What two versions are, and how they did with what they answered lately, each figure with its 95% interval.

    With the same questions, too: what one of them tried, unseen, of the other's jobs, and the prompts of a set. Of the
    jobs, your own are shown with both answers, those that differ most first. As a page for who accepts `text/html`.
    """
    if not answers.isdecimal() or len(answers) > 3 or int(answers) > MOST_ANSWERS:
        raise InvalidRequest(
            "so many answers cannot be shown", field="answers", remedy=f"Send 0 to {MOST_ANSWERS}."
        )

    def work(session: Session, caller: Caller) -> dict[str, Any]:
        declared.find(session, name)
        first, second = (named(session, one, deployment=name) for one in (a, b))
        tenant = (
            caller.tenant_id if ADMIN in caller.scopes else None
        )  # what no client has seen is for who decides
        shadow = in_shadow(session, first, second, tenant=tenant, most=int(answers))
        found = compare(session, first, second) | {"shadow": shadow}
        if prompts:
            caller.require(ADMIN)
            found["prompts"] = with_prompts(session, set_named(session, name, prompts), first, second)
        return found

    found = await transact(work)
    return HTMLResponse(page(found)) if "text/html" in accept else Json(found)


@router.get("/versions/{label}")
async def look(label: str, transact: Transacting, accept: Annotated[str, Header()] = "") -> Response:
    """What it is, how it was made, each stage with its reason, how much it answered, and what it hangs together with; as a
    card for `text/markdown`."""

    def work(session: Session, _: Caller) -> dict[str, Any]:
        version = named(session, label)
        return record(session, version) | {"line": line_of(session, version=version.id)}

    found = await transact(work)
    if "text/markdown" in accept:
        return Response(as_markdown(found), media_type="text/markdown")
    return Json(found)


@router.get("/versions/{label}/clients", response_model=Clients)
async def clients(label: str, transact: Transacting) -> Response:
    """Whose conversations are on it, and who names it: whom to tell before it goes."""

    def work(session: Session, caller: Caller) -> Clients:
        caller.require_operator()
        version = named(session, label)
        found: list[Any] = [
            asdict(one) | {"last_at": optional_moment(one.last_at)} for one in needing(session, version)
        ]
        return {"version": version.label, "stage": version.stage, "clients": found}

    return Json(await transact(work))


@router.post("/versions/{label}/retire", response_model=GoneView, openapi_extra=takes(Why))
async def retire(label: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Let it answer nothing more, without waiting for its conversations: they go on with the one in production."""
    given = await body.read(request, backends.settings.max_body_bytes, Why)

    def work(session: Session, caller: Caller) -> tuple[GoneView, UUID | None]:
        caller.require(ADMIN)
        version = named(session, label)
        left = retire_version(session, version, actor=f"key {caller.key_id}", reason=given.reason)
        view: GoneView = {
            "version": version.label,
            "stage": version.stage,
            "jobs": left.jobs,
            "sessions": left.sessions,
        }
        return view, left.champion

    view, champion = await transact(work)
    await backends.follow(champion, view["jobs"])
    return Json(view)
