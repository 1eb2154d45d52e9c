"""Refreshes: ask for a better version, see how far it is, say the word that it waits for, stop it."""

from typing import Protocol
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.deps import BEARER, TheBackends, Transacting
from api.paging import Limit, page_length
from api.rendering import Json
from api.routes.drift import Wish
from api.routes.jobs import to_uuid
from api.takes import Why, takes
from mainspring.access import Caller
from mainspring.errors import NotFound
from mainspring.refresh import saying
from mainspring.refresh.asking import a_refresh
from mainspring.refresh.views import (
    RefreshDetail,
    RefreshView,
    refresh_detail,
    refresh_view,
    refreshes_of,
)
from mainspring.serving import stream
from mainspring.tables import Refresh
from mainspring.terms import ADMIN

router = APIRouter(prefix="/v1", tags=["refreshes"], dependencies=[Security(BEARER)])


class Verb(Protocol):
    def __call__(self, session: Session, refresh: Refresh, *, actor: str, reason: str) -> None: ...


VERBS: dict[str, Verb] = {"approve": saying.approve, "refuse": saying.refuse, "cancel": saying.cancel}


class Refreshes(TypedDict):
    refreshes: list[RefreshView]


@router.post(
    "/deployments/{name}/refreshes", status_code=202, response_model=RefreshView, openapi_extra=takes(Wish)
)
async def ask(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Make a better version as the policy's part `refresh` says; 409 while one is under way."""
    given = await body.read(request, backends.settings.max_body_bytes, Wish)

    def work(session: Session, caller: Caller) -> RefreshView:
        caller.require(ADMIN)
        deployment = declared.find(session, name)
        made = a_refresh(session, deployment, actor=f"key {caller.key_id}", reason=given.reason)
        return refresh_view(session, made)

    view = await transact(work)
    return Json(view, 202, {"Location": f"/v1/refreshes/{view['id']}"})


@router.get("/deployments/{name}/refreshes", response_model=Refreshes)
async def list_refreshes(name: str, transact: Transacting, limit: Limit = "100") -> Response:
    """Newest first; one that goes on has no `ended_at`."""
    most = page_length(limit)

    def work(session: Session, _: Caller) -> Refreshes:
        declared.find(session, name)
        return {"refreshes": refreshes_of(session, name, most)}

    return Json(await transact(work))


@router.get("/refreshes/{refresh_id}", response_model=RefreshDetail)
async def look(refresh_id: str, transact: Transacting) -> Response:
    """How far it is, each turn that it took with its reason, what was judged, and what it hangs together with."""

    def work(session: Session, _: Caller) -> RefreshDetail:
        found = session.get(Refresh, _id(refresh_id))
        if found is None:
            raise _unknown()
        return refresh_detail(session, found)

    return Json(await transact(work))


@router.post("/refreshes/{refresh_id}/{verb}", response_model=RefreshView, openapi_extra=takes(Why))
async def act(
    refresh_id: str, verb: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """`approve` or `refuse` one that waits for a word, or `cancel` one that goes on, with a reason."""
    given = await body.read(request, backends.settings.max_body_bytes, Why)
    if verb not in VERBS:
        raise NotFound(
            f"there is no verb `{verb[:50]}` for a refresh",
            field="verb",
            remedy=f"Use one of: {', '.join(VERBS)}.",
        )

    def work(session: Session, caller: Caller) -> RefreshView:
        caller.require(ADMIN)
        refresh = saying.found(session, _id(refresh_id))
        VERBS[verb](session, refresh, actor=f"key {caller.key_id}", reason=given.reason)
        return refresh_view(session, refresh)

    view = await transact(work)
    await backends.tell(stream.VERSIONS, "changed")
    return Json(view)


def _id(given: str) -> UUID:
    return to_uuid(given, _unknown)


def _unknown() -> NotFound:
    return NotFound(
        "no refresh has that id", field="id", remedy="GET /v1/deployments/{name}/refreshes lists them."
    )
