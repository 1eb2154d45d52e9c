"""What both clients share: bodies, problems, and how server-sent events are read."""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
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
    """The server answered with a problem (RFC 9457); `status` is its HTTP status."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(
            problem.get("detail") or problem.get("title") or f"HTTP {status}",
            field=problem.get("field"),
            remedy=problem.get("remedy"),
        )
        self.status = status
        self.code = problem.get("code", "http_error")


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
    raise Refused(response.status_code, problem if isinstance(problem, dict) else {})


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


class Waiting:
    """The jobs of a `map` that are still to come, in their order."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._left = deque(ids)
        self._ended: dict[str, dict[str, Any]] = {}  # before one that was submitted earlier

    def __bool__(self) -> bool:
        return bool(self._left)

    def next(self) -> dict[str, Any]:
        """The body of the request for results: the first of those that have not ended."""
        missing = (one for one in self._left if one not in self._ended)
        return {"ids": list(islice(missing, TOGETHER)), "wait": LONGEST_WAIT}

    def after(self, ended: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Those whose turn it is now that these have ended."""
        self._ended |= {job["id"]: job for job in ended}
        while self._left and self._left[0] in self._ended:
            yield self._ended.pop(self._left.popleft())
