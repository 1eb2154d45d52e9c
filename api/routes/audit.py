"""The log of events, and whether it is whole."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security
from sqlalchemy import Connection, select
from typing_extensions import TypedDict

from api.deps import BEARER, Transacting
from api.rendering import Json
from mainspring.access import Caller
from mainspring.audit import verify
from mainspring.serving.views import moment
from mainspring.tables import Event

router = APIRouter(prefix="/v1", tags=["audit"], dependencies=[Security(BEARER)])


class EventView(TypedDict):
    """`about`: `assistant@7`, a deployment, a job's or a key's id. `hash` covers this event and all before it."""

    position: int
    at: str
    kind: str
    about: str
    actor: str
    reason: str
    inputs: dict[str, object]
    hash: str


class Events(TypedDict):
    """`cursor` gives the next page; null: this is the last."""

    events: list[EventView]
    cursor: int | None


class FindingView(TypedDict):
    """`trouble`: edited, removed, swapped (with `other`) or inserted."""

    position: int
    trouble: str
    other: int | None


class AuditView(TypedDict):
    """`head`: note it outside; if it is no longer the hash of that event, everything up to there was rewritten."""

    whole: bool
    events: int
    head: str
    findings: list[FindingView]


@router.get("/events", response_model=Events)
async def list_events(
    transact: Transacting,
    about: Annotated[str | None, Query(max_length=200)] = None,
    kind: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What was decided, by whom and why, newest first."""

    def work(connection: Connection, caller: Caller) -> Events:
        caller.require_operator()
        asked = select(*Event.__table__.c).order_by(Event.position.desc()).limit(limit + 1)
        for column, value in ((Event.about, about), (Event.kind, kind)):
            if value is not None:
                asked = asked.where(column == value)
        if cursor is not None:
            asked = asked.where(Event.position < cursor)
        rows = connection.execute(asked).all()
        return {
            "events": [
                {
                    "position": row.position,
                    "at": moment(row.at),
                    "kind": row.kind,
                    "about": row.about,
                    "actor": row.actor,
                    "reason": row.reason,
                    "inputs": row.inputs,
                    "hash": row.hash.hex(),
                }
                for row in rows[:limit]
            ],
            "cursor": rows[limit - 1].position if len(rows) > limit else None,
        }

    return Json(await transact.plainly(work))


@router.get("/audit/verify", response_model=AuditView)
async def verify_events(transact: Transacting) -> Response:
    """Compute every hash anew, and say which events were tampered with."""

    def work(connection: Connection, caller: Caller) -> AuditView:
        caller.require_operator()
        report = verify(connection)
        return {
            "whole": not report.findings,
            "events": report.events,
            "head": report.head.hex(),
            "findings": [
                {"position": one.position, "trouble": one.trouble.value, "other": one.other}
                for one in report.findings
            ],
        }

    return Json(await transact.together(work))
