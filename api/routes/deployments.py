"""Deployments and their versions: declare, list, look, register a model."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.declared import DeploymentDetail, DeploymentView
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.training import ask, requested
from api.takes import takes
from api.views import RunView, VersionView, version_view
from mainspring import registry
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.kept.keys import require_keys
from mainspring.policy import Policy, kept
from mainspring.refresh.plan import require_trainable
from mainspring.serving import stream
from mainspring.tables import Task
from mainspring.terms import ADMIN

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

router = APIRouter(prefix="/v1/deployments", tags=["deployments"], dependencies=[Security(BEARER)])


class Declaration(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: Task
    policy: Policy | None = None


class ModelToImport(BaseModel):
    """`model`: a folder on the worker's machine, or a hub id, with its `revision`. Safetensors only.

    `base`: where the model is an adapter (LoRA), the version whose weights it changes, such as `chat@1`.
    `now`: take over at once. `hold`: stay registered, beside a version in production, until somebody begins a rollout.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[str, Field(min_length=1, max_length=4096)]
    revision: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    base: Annotated[str, Field(min_length=3, max_length=80)] | None = None
    now: bool = False
    hold: bool = False


class Deployments(TypedDict):
    deployments: list[DeploymentView]


class RetiredView(TypedDict):
    """`open_jobs` are still to be answered."""

    deployment: DeploymentDetail
    open_jobs: int


class Versions(TypedDict):
    versions: list[VersionView]


@router.put("/{name}", response_model=DeploymentView, openapi_extra=takes(Declaration))
async def declare(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Make a deployment, or change its policy. Doing it twice changes nothing."""
    given = await body.read(request, backends.settings.max_body_bytes, Declaration)
    policy = None if given.policy is None else kept(given.policy)
    require_keys(backends.settings, policy or {})
    require_trainable(policy or {}, given.task)
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "a deployment cannot have that name",
            field="name",
            remedy="Use 1 to 63 of: lower-case letters, digits, `.`, `_`, `-`; a letter or digit first.",
        )

    def work(session: Session, caller: Caller) -> DeploymentView:
        caller.require(ADMIN)
        return declared.declare(session, caller, name, given.task, policy)

    return Json(await transact(work))


@router.get("", response_model=Deployments)
async def list_deployments(transact: Transacting) -> Response:
    """All of them, by name."""

    def work(session: Session, _: Caller) -> Deployments:
        return {"deployments": declared.listed(session)}

    return Json(await transact(work))


@router.get("/{name}", response_model=DeploymentDetail)
async def look(name: str, transact: Transacting) -> Response:
    """Its versions and their stages, its latest training run, and the workers that hold it."""

    def work(session: Session, _: Caller) -> DeploymentDetail:
        return declared.detail(session, name)

    return Json(await transact(work))


@router.delete("/{name}", response_model=RetiredView)
async def retire(
    name: str,
    backends: TheBackends,
    transact: Transacting,
    reason: Annotated[str, Query(description="Why, for the log of events.", max_length=1000)] = "asked for",
) -> Response:
    """Retire it: new jobs are refused (410), those it has are answered, its rows stay. PUT brings it back."""

    def work(session: Session, caller: Caller) -> RetiredView:
        caller.require(ADMIN)
        declared.find(session, name)
        open_jobs = registry.retire(session, name, actor=f"key {caller.key_id}", reason=reason)
        return {"deployment": declared.detail(session, name), "open_jobs": open_jobs}

    retired = await transact(work)
    await backends.tell(stream.VERSIONS, "changed")
    return Json(retired)


@router.post("/{name}/versions", status_code=202, response_model=RunView, openapi_extra=takes(ModelToImport))
async def register(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Make a version from a model that exists: a training run of the recipe `import`."""
    given = await body.read(request, backends.settings.max_body_bytes, ModelToImport)

    def work(session: Session, caller: Caller) -> RunView:
        wanted = given.model_dump(exclude_none=True)
        if given.base is not None:
            caller.require(ADMIN)
            wanted["base_digest"] = registry.whole(session, given.base).digest
        return ask(session, caller, name, "import", wanted)

    run = await transact(work)
    return requested(backends, run)


@router.get("/{name}/versions", response_model=Versions)
async def list_versions(name: str, transact: Transacting) -> Response:
    """Newest first."""

    def work(session: Session, _: Caller) -> Versions:
        declared.find(session, name)
        plans = declared.plans_of(session, name)
        reasons = declared.reasons_of(session, name)
        return {
            "versions": [
                version_view(version, plans.get(version.id, []), reasons.get(version.label))
                for version in declared.versions_of(session, name)
            ]
        }

    return Json(await transact(work))
