"""Sets of prompts that a deployment's versions are tested and compared with."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.takes import takes
from mainspring.access import Caller
from mainspring.errors import Conflict, InvalidRequest, MainspringError
from mainspring.registry import desired
from mainspring.registry import named as version_named
from mainspring.serving.inputs import validated_input, validated_parameters
from mainspring.tables import Stage, Task, Version
from mainspring.terms import ADMIN
from mainspring.trials import asking
from mainspring.trials.prompts import Given, keep, named, prompts_of, sets

MOST = 2000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

router = APIRouter(prefix="/v1/deployments", tags=["prompts"], dependencies=[Security(BEARER)])


class PromptGiven(BaseModel):
    """`input` and `parameters` as in `POST /v1/jobs`. `expected`: the right label, or what a right text contains."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: Any
    parameters: dict[str, Any] = Field(default_factory=dict)
    expected: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None


class PromptsGiven(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    prompts: Annotated[list[PromptGiven], Field(min_length=1, max_length=MOST)]


class ToTry(BaseModel):
    """`versions`: such as `assistant@3`; each must be one that workers hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    versions: Annotated[list[Annotated[str, Field(max_length=80)]], Field(min_length=1, max_length=10)]


class SetView(TypedDict):
    name: str
    prompts: int
    digest: str


class Sets(TypedDict):
    sets: list[SetView]


class PromptView(TypedDict):
    input: Any
    parameters: dict[str, Any]
    expected: str | None


class Prompts(TypedDict):
    name: str
    digest: str
    prompts: list[PromptView]


class Asked(TypedDict):
    """How many prompts each version was asked for now; it has the others already."""

    asked: dict[str, int]


@router.get("/{name}/prompts", response_model=Sets)
async def list_sets(name: str, transact: Transacting) -> Response:
    """The sets by their names."""

    def work(session: Session, caller: Caller) -> Sets:
        caller.require(ADMIN)
        declared.find(session, name)
        found = sets(session, name)
        return {"sets": [{"name": one.name, "prompts": count, "digest": one.digest} for one, count in found]}

    return Json(await transact(work))


@router.put(
    "/{name}/prompts/{called}", response_model=SetView, openapi_extra=takes(PromptsGiven, line=PromptGiven)
)
async def store(
    name: str, called: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """Keep prompts under a name, for good: the same again changes nothing, others under that name are refused.

    As NDJSON each line is a prompt.
    """
    given = await body.read(request, backends.settings.max_body_bytes, PromptsGiven, lines="prompts")
    if _NAME.fullmatch(called) is None:
        raise InvalidRequest(
            "a set's name has small letters, digits, `.`, `_` and `-`, and at most 63 of them",
            field="name",
            remedy="Choose one such as `acceptance-1`.",
        )

    def work(session: Session, caller: Caller) -> tuple[SetView, bool]:
        caller.require(ADMIN)
        task = Task(declared.find(session, name).task)
        prompts = checked(task, given.prompts)
        found, new = keep(session, name, called, prompts)
        return {"name": found.name, "prompts": len(prompts), "digest": found.digest}, new

    view, new = await transact(work)
    return Json(view, 201 if new else 200)


@router.get("/{name}/prompts/{called}", response_model=Prompts)
async def look(name: str, called: str, transact: Transacting) -> Response:
    """The prompts of a set, in their order."""

    def work(session: Session, caller: Caller) -> Prompts:
        caller.require(ADMIN)
        declared.find(session, name)
        found = named(session, name, called)
        prompts: list[PromptView] = [
            {"input": one.input, "parameters": one.parameters, "expected": one.expected}
            for one in prompts_of(session, found)
        ]
        return {"name": found.name, "digest": found.digest, "prompts": prompts}

    return Json(await transact(work))


@router.post(
    "/{name}/prompts/{called}/trials", status_code=202, response_model=Asked, openapi_extra=takes(ToTry)
)
async def try_them(
    name: str, called: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """Let versions answer the prompts, behind all that clients wait for; compare shows what they said."""
    given = await body.read(request, backends.settings.max_body_bytes, ToTry)

    def work(session: Session, caller: Caller) -> Asked:
        caller.require(ADMIN)
        declared.find(session, name)
        found, asked, held = named(session, name, called), {}, desired(session)
        for label in given.versions:
            version = version_named(session, label, deployment=name)
            if all(one.id != version.id for one in held):
                raise _not_held(version, called)
            asked[version.label] = asking.prompts(session, version, found)
        return {"asked": asked}

    return Json(await transact(work), 202)


def _not_held(version: Version, called: str) -> Conflict:
    """What to do instead: workers load a version only for its rollout or its clients, so that these never lack memory."""
    label, name, stage = version.label, version.deployment, Stage(version.stage)
    rollout = f"give the policy's rollout, or its plan, `prompts: {called}`"
    said = {
        Stage.REGISTERED: f"Begin a rollout of it, mainspring rollout {label}, and {rollout}: it is asked before any client.",
        Stage.RETIRED: f"Compare what it said before, or let it answer again: mainspring rollback {name} --to {label}.",
    }
    again = f"Register the same model again, mainspring deploy {name}, and {rollout}."
    gone = version.deleted_at is not None
    return Conflict(
        f"{label} is {stage}{', its files are no longer kept' if gone else ''}: no worker holds it",
        field="versions",
        remedy=again if gone else said.get(stage, again),
    )


def checked(task: Task, given: list[PromptGiven]) -> list[Given]:
    """Each as a deployment of that task can read it. Raises InvalidRequest and kin, with the field as it is in the body."""
    return [_checked(task, one, place) for place, one in enumerate(given)]


def _checked(task: Task, given: PromptGiven, place: int) -> Given:
    try:
        return Given(
            validated_input(task, given.input), validated_parameters(task, given.parameters), given.expected
        )
    except MainspringError as error:
        error.field = f"prompts.{place}.{error.field}"
        raise
