"""The Python client: the verbs of the HTTP API, light (no torch, no server).

client = Client("http://127.0.0.1:8000", key)
job = client.submit("assistant", "What is a list?")
print(client.result(job["id"])["output"]["text"])
"""

import json
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from mainspring.errors import MainspringError

LONGEST_WAIT = 30.0  # seconds of one long-poll


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


class Client:
    """Thread-safe. Connections are kept; use it as a context manager or `close()` it."""

    def __init__(self, url: str, key: str, *, timeout: float = 40.0) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key.strip()}"}, timeout=timeout, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self,
        deployment: str,
        input: Any,  # noqa: A002  the API's word for it
        *,
        idempotency_key: str | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """The receipt: id, state, version, position. Raises Refused."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {"deployment": deployment, "input": input, "parameters": parameters}
        return self.request("POST", "/v1/jobs", json=body, headers=headers)

    def result(self, job_id: str, timeout: float = 120.0) -> dict[str, Any]:
        """The ended job, by long-poll. Raises TimeoutError; the job goes on all the same."""
        until = time.monotonic() + timeout
        while True:
            wait = min(max(until - time.monotonic(), 0.0), LONGEST_WAIT)
            job = self.request("GET", f"/v1/jobs/{job_id}", params={"wait": round(wait, 3)})
            if job["state"] not in ("queued", "running"):
                return job
            if time.monotonic() >= until:
                raise TimeoutError(f"job {job_id} is still {job['state']} after {timeout:.0f} s")

    def stream(self, job_id: str, last_event_id: str | None = None) -> Iterator[dict[str, Any]]:
        """Server-sent events as {event, id, data}; resumes after `last_event_id`. Ends after `done`."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with self._http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
            if response.is_error:
                response.read()
                _checked(response)
            event: dict[str, Any] = {}
            for line in response.iter_lines():
                if not line and event:
                    yield event
                    event = {}
                name, _, value = line.partition(":")
                if name in ("event", "id"):
                    event[name] = value.strip()
                elif name == "data":
                    event["data"] = json.loads(value)

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self.request("POST", f"/v1/jobs/{job_id}/cancel")

    def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Any other verb. Raises Refused with the server's code, field and remedy."""
        response = _checked(self._http.request(method, path, **more))
        body: dict[str, Any] = response.json()
        return body


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_error:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise Refused(response.status_code, problem if isinstance(problem, dict) else {})
