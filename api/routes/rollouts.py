"""Rollouts: begin one, look at it, promote it, pause it, take it back; and the way back to an earlier version."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.jobs import to_uuid
from api.takes import Reason, Why, takes
from api.verbs import VERBS
from mainspring.access import Caller
from mainspring.errors import UnknownRollout
from mainspring.refresh.line import Line, line_of
from mainspring.registry import named
from mainspring.release import rollout as verbs
from mainspring.release.back import go_back
from mainspring.release.holdable import require_holdable
from mainspring.release.plan import RolloutPlan, plan_of
from mainspring.serving import stream
from mainspring.serving.views import moment, optional_moment
from mainspring.tables import Rollout, Stage, Version
from mainspring.terms import ADMIN

MOST = 100

router = APIRouter(prefix="/v1", tags=["rollouts"], dependencies=[Security(BEARER)])


class Begin(BaseModel):
    """`version`: such as `assistant@4`. `plan`: instead of the policy's; without either it takes over at once.

    `force`: let one that was in production take over even if no worker can hold it.
    """

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(min_length=3, max_length=80)]
    plan: RolloutPlan | None = None
    force: bool = False
    reason: Reason = "asked for"


class Act(Why):
    """`force`: promote it even if no worker can hold it."""

    force: bool = False


class BackTo(Why):
    """`to`: an earlier version that was kept; else whoever answered before. `force`: even if no worker can hold it."""

    force: bool = False
    to: Annotated[str, Field(min_length=3, max_length=80)] | None = None


class Replan(Why):
    plan: RolloutPlan


class RolloutView(TypedDict):
    """`share`: of new work, to the challenger. `judged`: the last look at the evidence, with its thresholds."""

    id: str
    deployment: str
    challenger: str
    champion: str
    state: str
    step: int
    share: float
    paused: bool
    plan: dict[str, Any]
    judged: dict[str, Any]
    reason: str
    began_at: str
    step_at: str
    ended_at: str | None


class RolloutDetail(RolloutView):
    line: Line


class Rollouts(TypedDict):
    rollouts: list[RolloutView]


class Begun(TypedDict):
    """`rollout` is null if the version took over at once."""

    version: str
    rollout: RolloutView | None


class BackView(TypedDict):
    """`moved`: jobs that waited for the other version and wait for this one now."""

    version: str
    instead_of: str
    moved: int


@router.post(
    "/deployments/{name}/rollouts", status_code=201, response_model=Begun, openapi_extra=takes(Begin)
)
async def begin(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Move traffic to a version, step by step as its plan says."""
    given = await body.read(request, backends.settings.max_body_bytes, Begin)

    def work(session: Session, caller: Caller) -> Begun:
        caller.require(ADMIN)
        deployment = declared.find(session, name)
        version = named(session, given.version, deployment=name)
        plan = given.plan or plan_of(deployment.policy)
        if version.stage in (Stage.DRAINING, Stage.RETIRED) and not given.force:
            require_holdable(session, version)
        made = verbs.begin(session, version, plan, actor=f"key {caller.key_id}", reason=given.reason)
        return {"version": version.label, "rollout": None if made is None else _view(session, made)}

    begun = await transact(work)
    await backends.tell(stream.VERSIONS, "changed")
    return Json(begun, 201)


@router.get("/deployments/{name}/rollouts", response_model=Rollouts)
async def list_rollouts(name: str, transact: Transacting) -> Response:
    """Newest first; an open one has no `ended_at`."""

    def work(session: Session, _: Caller) -> Rollouts:
        declared.find(session, name)
        found = session.scalars(
            select(Rollout).where(Rollout.deployment == name).order_by(Rollout.id.desc()).limit(MOST)
        ).all()
        return {"rollouts": [_view(session, one) for one in found]}

    return Json(await transact(work))


@router.get("/rollouts/{rollout_id}", response_model=RolloutDetail)
async def look(rollout_id: str, transact: Transacting) -> Response:
    """How far it is, what was seen, and what it hangs together with."""

    def work(session: Session, _: Caller) -> RolloutDetail:
        found = session.get(Rollout, to_uuid(rollout_id, unknown_rollout))
        if found is None:
            raise unknown_rollout()
        return {**_view(session, found), "line": line_of(session, rollout=found.id)}

    return Json(await transact(work))


@router.put("/rollouts/{rollout_id}/plan", response_model=RolloutView, openapi_extra=takes(Replan))
async def replan(rollout_id: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Let it go on by another plan, from that one's first share."""
    given = await body.read(request, backends.settings.max_body_bytes, Replan)

    def work(session: Session, caller: Caller) -> RolloutView:
        caller.require(ADMIN)
        rollout = verbs.opened(session, to_uuid(rollout_id, unknown_rollout))
        verbs.replan(session, rollout, given.plan, actor=f"key {caller.key_id}", reason=given.reason)
        return _view(session, rollout)

    return Json(await transact(work))


@router.post("/rollouts/{rollout_id}/{verb}", response_model=RolloutView, openapi_extra=takes(Act))
async def act(
    rollout_id: str, verb: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """`promote`, `rollback`, `abort`, `pause` or `resume` it, with a reason for the log of events."""
    given = await body.read(request, backends.settings.max_body_bytes, Act)
    if verb not in VERBS:
        raise UnknownRollout(
            f"a rollout has no verb `{verb[:50]}`", field="verb", remedy=f"Use one of: {', '.join(VERBS)}."
        )

    def work(session: Session, caller: Caller) -> tuple[RolloutView, UUID, int]:
        caller.require(ADMIN)
        rollout = verbs.opened(session, to_uuid(rollout_id, unknown_rollout))
        actor = f"key {caller.key_id}"
        moved = VERBS[verb](session, rollout, actor=actor, reason=given.reason, force=given.force)
        return _view(session, rollout), rollout.champion_id, moved

    view, champion, moved = await transact(work)
    await backends.follow(champion, moved)
    return Json(view)


@router.post("/deployments/{name}/rollback", response_model=BackView, openapi_extra=takes(BackTo))
async def back(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Let the version answer that did before, or the one named; what waits for the present one moves with it."""
    given = await body.read(request, backends.settings.max_body_bytes, BackTo)

    def work(session: Session, caller: Caller) -> tuple[BackView, UUID]:
        caller.require(ADMIN)
        declared.find(session, name)
        to = None if given.to is None else named(session, given.to, deployment=name)
        actor = f"key {caller.key_id}"
        done = go_back(session, name, to, actor=actor, reason=given.reason, force=given.force)
        view: BackView = {
            "version": done.version.label,
            "instead_of": done.instead_of.label,
            "moved": done.moved,
        }
        return view, done.version.id

    view, version = await transact(work)
    await backends.follow(version, view["moved"])
    return Json(view)


def unknown_rollout() -> UnknownRollout:
    return UnknownRollout(
        "no rollout has that id", field="id", remedy="GET /v1/deployments/{name}/rollouts lists them."
    )


def _view(session: Session, rollout: Rollout) -> RolloutView:
    return {
        "id": str(rollout.id),
        "deployment": rollout.deployment,
        "challenger": session.get_one(Version, rollout.challenger_id).label,
        "champion": session.get_one(Version, rollout.champion_id).label,
        "state": rollout.state,
        "step": rollout.step,
        "share": rollout.share,
        "paused": rollout.paused_at is not None,
        "plan": rollout.plan,
        "judged": rollout.judged,
        "reason": rollout.reason,
        "began_at": moment(rollout.began_at),
        "step_at": moment(rollout.step_at),
        "ended_at": optional_moment(rollout.ended_at),
    }
