"""Submit a job: what its producer sends, and what it is given for it."""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from typing import Annotated, Any, NotRequired

from fastapi import APIRouter, Request, Response, Security
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from api import body
from api.backends import Backends
from api.deps import BEARER, Transact, authorization, opened_by
from api.rendering import Json
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.messages import Answer
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Leaving, Receipt, Submission
from mainspring.serving.views import moment
from mainspring.tables import Priority
from mainspring.terms import JOBS

_VISIBLE = re.compile(r"[!-~]{1,255}")
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Bare(APIRoute):
    """Described like any other, and called with the request alone: nothing is resolved or validated for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)], route_class=Bare)


class Webhook(BaseModel):
    """Where the end of the job is told, signed as Standard Webhooks has it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://")]


class Asked(BaseModel):
    """A job as its producer sends it. What `input` and `parameters` may be depends on the deployment's task.

    `deployment` is a name, or one version of it, such as `assistant@3`, while that answers.
    `priority` is a share of the work, not an order; after `deadline_seconds` it is not begun, or stopped; the jobs
    of one `session` run in order, on one version, and see what was said before; `subject` is whom it is about.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    deployment: str
    input: Any
    parameters: dict[str, Any] = {}
    priority: Annotated[Priority, Field(strict=False)] = Priority.NORMAL
    deadline_seconds: Annotated[float, Field(gt=0, le=30 * 86400, allow_inf_nan=False)] | None = None
    session: Name | None = None
    subject: Name | None = None
    webhook: Webhook | None = None
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
        Field(max_length=16),
    ] = {}

    def submission(self, idempotency_key: str | None) -> Submission:
        return Submission(
            self.deployment,
            self.input,
            self.parameters,
            self.metadata,
            idempotency_key,
            self.priority,
            self.deadline_seconds,
            self.session,
            self.subject,
            None if self.webhook is None else self.webhook.url,
        )


class ReceiptView(TypedDict):
    """`position` 1 is next; `estimated_wait_seconds` pass until the answer begins: its first text, or all of it.

    Both are null for a job that waits no more; the estimate also while no worker holds the version, and until it has
    answered once. `moved_from`: the version that the conversation was on until now, if it had to leave it.
    `deprecation` and `sunset`: in bulk, what the headers of the same names say otherwise.
    """

    id: str
    state: str
    deployment: str
    version: str
    position: int | None
    estimated_wait_seconds: float | None
    created_at: str
    moved_from: NotRequired[str]
    deprecation: NotRequired[str]
    sunset: NotRequired[str]


@router.post(
    "",
    status_code=202,
    response_model=ReceiptView,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": Asked.model_json_schema(ref_template="#/$defs/{model}"),
                    "example": {"deployment": "assistant", "input": "What is a B-tree?"},
                }
            },
        },
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same body gives the same job, whenever it is sent again.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ],
    },
)
async def submit(request: Request) -> Response:
    """Enqueue a request. When this answers, the job is stored and will be answered, whatever dies."""
    backends, key = opened_by(request), idempotency_key(request)
    asked = await body.read(request, backends.settings.max_body_bytes, Asked)
    with backends.road.accepting(request.headers) as accepting:
        receipt = await _stored(backends, authorization(request), accepting.given(asked.submission(key)))
        accepting.stored(receipt)
    job_id = str(receipt.job_id)
    request.state.job_id = job_id
    headers = {"Location": f"/v1/jobs/{job_id}"}
    if not receipt.fresh:
        headers["Idempotent-Replayed"] = "true"
    if receipt.leaving is not None:
        headers |= leaving_headers(receipt.leaving)
    return Json(receipt_view(receipt), 202, headers)


async def _stored(backends: Backends, caller: str, submission: Submission) -> Receipt:
    if submission.plain:
        return await backends.intake.accept(caller, submission)

    def nudge(receipt: Receipt) -> None:
        if receipt.fresh:
            backends.nudger.send(Answer(str(receipt.version_id), str(receipt.job_id)))

    transact = Transact(backends, caller)
    store = transact.together if submission.grouped else transact.plainly
    return await store(partial(_accept, submission=submission), nudge)


def idempotency_key(request: Request) -> str | None:
    """Raises InvalidRequest."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    return checked_key(given[0] if len(given) == 1 else None, "Idempotency-Key")


def checked_key(given: object, field: str) -> str:
    """Raises InvalidRequest."""
    if isinstance(given, str) and _VISIBLE.fullmatch(given) is not None:
        return given
    raise InvalidRequest(
        "this is not one key of visible characters",
        field=field,
        remedy="Send one key of 1 to 255 visible ASCII characters, such as a UUID.",
    )


def leaving_headers(leaving: Leaving) -> dict[str, str]:
    """For clients that look for them (RFC 9745, RFC 8594): since when the version leaves, and when it is gone."""
    return {
        "Deprecation": f"@{int(leaving.since.timestamp())}",
        "Sunset": format_datetime(leaving.until.astimezone(UTC), usegmt=True),
    }


def receipt_view(receipt: Receipt) -> ReceiptView:
    wait = receipt.wait
    view: ReceiptView = {
        "id": str(receipt.job_id),
        "state": receipt.state,
        "deployment": receipt.deployment,
        "version": receipt.version,
        "position": None if wait is None else wait.position,
        "estimated_wait_seconds": None if wait is None else wait.seconds,
        "created_at": moment(receipt.created_at),
    }
    if receipt.moved_from is not None:
        view["moved_from"] = receipt.moved_from
    return view


def _accept(connection: Connection, caller: Caller, submission: Submission) -> Receipt:
    caller.require(JOBS)
    return accept(connection, caller, submission)
