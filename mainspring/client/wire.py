"""What both clients share: bodies, problems, and how server-sent events are read."""

import json
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mainspring.errors import MainspringError

LONGEST_WAIT = 30.0  # seconds of one long-poll
BATCH = 1000  # lines of one bulk request
TOGETHER = 100  # jobs whose results are asked for at once
UNFINISHED = ("queued", "running")
NDJSON = {"Content-Type": "application/x-ndjson"}
# What stands beside `parameters` in a job's body.
BESIDE = ("priority", "deadline_seconds", "session", "subject", "metadata", "webhook")


class Refused(MainspringError):
    """The server answered with a problem (RFC 9457); `status` is its HTTP status.

    `retry_after`: in how many seconds it may be asked again, None where it does not say so.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        super().__init__(
            problem.get("detail") or problem.get("title") or f"HTTP {status}",
            field=problem.get("field"),
            remedy=problem.get("remedy"),
        )
        self.status = status
        self.code = problem.get("code", "http_error")
        said = problem.get("retry_after")
        self.retry_after = float(said) if isinstance(said, int | float) else retry_after


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.strip()}"}


def job_body(deployment: str, given: Any, more: dict[str, Any]) -> dict[str, Any]:
    """`more`: what stands beside the parameters goes there, all else is a parameter. `webhook` is a URL."""
    beside = {name: more[name] for name in BESIDE if more.get(name) is not None}
    if "webhook" in beside:
        beside["webhook"] = {"url": beside["webhook"]}
    parameters = {name: value for name, value in more.items() if name not in BESIDE}
    return {"deployment": deployment, "input": given, "parameters": parameters, **beside}


def checked(response: httpx.Response) -> httpx.Response:
    """Raises Refused."""
    if not response.is_error:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    retry_after = _seconds(response.headers.get("retry-after", ""))
    raise Refused(response.status_code, problem if isinstance(problem, dict) else {}, retry_after)


def content(response: httpx.Response) -> dict[str, Any]:
    """What a verb answers; empty where there is nothing to say. Raises Refused."""
    found: dict[str, Any] = checked(response).json() if response.status_code != httpx.codes.NO_CONTENT else {}
    return found


def ndjson(bodies: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


def receipts(response: httpx.Response) -> list[dict[str, Any] | Refused]:
    """Of a bulk request, in order: a receipt, or why that line was refused."""
    found: list[dict[str, Any] | Refused] = []
    for line in response.iter_lines():
        if line.strip():
            one = json.loads(line)
            found.append(Refused(one["status"], one) if "status" in one and "code" in one else one)
    return found


def _seconds(said: str) -> float | None:
    """Of a `Retry-After`: a number of them, or a date, as something between us and the server may have it (RFC 9110)."""
    if said.isdecimal():
        return float(said)
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


class Events:
    """Server-sent events, line by line (HTML Standard, section 9.2, as far as this API uses it)."""

    def __init__(self) -> None:
        self._event: dict[str, Any] = {}

    def take(self, line: str) -> dict[str, Any] | None:
        """The event {event, id, data} that this line ends."""
        if not line:
            done, self._event = self._event, {}
            return done if "data" in done else None
        name, _, value = line.partition(":")
        if name in ("event", "id"):
            self._event[name] = value.strip()
        elif name == "data":
            self._event["data"] = json.loads(value)
        return None
