"""The same verbs for asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from mainspring.client import drifting, registering, wire
from mainspring.client.course import Ask, Course, Pause, Send
from mainspring.client.drifting import Prompt
from mainspring.client.progress import bar
from mainspring.client.registering import Saveable
from mainspring.client.winding import POLL_SECONDS, STILL, Winding, Wound


class AsyncClient(Winding[Awaitable[dict[str, Any]], Awaitable[list[dict[str, Any]]]]):
    """One event loop. Use it as an asynchronous context manager or `await close()`."""

    def __init__(self, url: str, key: str, *, timeout: float = 40.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers=wire.headers(key), timeout=timeout, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def submit(
        self,
        deployment: str,
        input: Any,  # noqa: A002  the API's word for it
        *,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """As Client.submit."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = wire.job_body(deployment, input, more)
        return await self.request("POST", "/v1/jobs", json=body, headers=headers)

    async def result(self, job_id: str, timeout: float = 120.0) -> dict[str, Any]:  # noqa: ASYNC109  as Client has it
        """The ended job, by long-poll. Raises TimeoutError; the job goes on all the same."""
        until = time.monotonic() + timeout
        while True:
            wait = min(max(until - time.monotonic(), 0.0), wire.LONGEST_WAIT)
            job = await self.request("GET", f"/v1/jobs/{job_id}", params={"wait": round(wait, 3)})
            if job["state"] not in wire.UNFINISHED:
                return job
            if time.monotonic() >= until:
                raise TimeoutError(f"job {job_id} is still {job['state']} after {timeout:.0f} s")

    async def stream(self, job_id: str, last_event_id: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Server-sent events as {event, id, data}; resumes after `last_event_id`. Ends after `done`."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
            if response.is_error:
                await response.aread()
                wire.checked(response)
            events = wire.Events()
            async for line in response.aiter_lines():
                if (event := events.take(line)) is not None:
                    yield event

    async def register(
        self,
        model: Saveable | str | Path,
        tokenizer: Saveable | None = None,
        *,
        deployment: str,
        task: str | None = None,
        revision: str | None = None,
        base: str | None = None,
        folder: Path | None = None,
        now: bool = False,
        hold: bool = False,
    ) -> dict[str, Any]:
        """As `Client.register`; to save live objects holds the event loop. Bound it with `asyncio.timeout`."""
        if task is not None:
            await self.request("PUT", f"/v1/deployments/{deployment}", json={"task": task})
        with registering.placed(model, tokenizer, folder) as place:
            body = registering.import_body(place, revision, base=base, now=now, hold=hold)
            run = await self.request("POST", f"/v1/deployments/{deployment}/versions", json=body)
            while not registering.over(run):
                await asyncio.sleep(registering.POLL_SECONDS)
                run = await self.request("GET", f"/v1/training-runs/{run['id']}")
        found = (await self.request("GET", f"/v1/deployments/{deployment}/versions"))["versions"]
        return next(one for one in found if one["version"] == run["version"])

    async def end_session(self, deployment: str, session: str) -> None:
        """That conversation is over: no version is kept for it any more, and its name may be used for another."""
        await self.request("DELETE", f"/v1/deployments/{deployment}/sessions/{quote(session, safe='')}")

    async def cancel(self, job_id: str) -> dict[str, Any]:
        return await self.request("POST", f"/v1/jobs/{job_id}/cancel")

    async def jobs(self, **wanted: Any) -> AsyncIterator[dict[str, Any]]:
        """Your jobs, newest first, all pages: `deployment`, `version`, `state`, `session`, `limit` (of a page)."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self.request("GET", "/v1/jobs", params={**wanted, "cursor": cursor})
            for job in page["jobs"]:
                yield job
            cursor = page["next_cursor"]

    async def feedback(self, job_id: str, **said: Any) -> dict[str, Any]:
        """One of `rating`, `correction`, `label`, `outcome={"name", "value"}`."""
        return await self.request("POST", f"/v1/jobs/{job_id}/feedback", json=said)

    async def drift(self, deployment: str, *, texts: str | None = None) -> dict[str, Any]:
        """What was decided of it and why, its references, what the detectors say, and its latest alarms.

        `texts`: show what was asked in the examples, where it is kept; it is the reason for which that is read.
        """
        path, asked = drifting.of(deployment, "drift"), drifting.reading(texts)
        return await self.request("GET", path, params=asked)

    async def new_reference(
        self,
        deployment: str,
        reason: str,
        *,
        version: str | None = None,
        prompts: str | Iterable[Prompt] | None = None,
    ) -> dict[str, Any]:
        """Say that what is asked lately of `version`, by default the one in production, is normal; or what `prompts` ask,
        a stored set by its name or at least fifty different ones. The latter is being made of them: `drift` shows it.
        """
        body = drifting.reference_body(reason, version, prompts)
        return await self.request("POST", drifting.of(deployment, "drift", "references"), json=body)

    async def retrain(self, deployment: str, reason: str) -> dict[str, Any]:
        """Ask for a better version. Raises Refused while one is asked for and not done."""
        return await self.request("POST", drifting.of(deployment, "retraining"), json={"reason": reason})

    async def store_prompts(self, deployment: str, called: str, prompts: Iterable[Prompt]) -> dict[str, Any]:
        """Under a name, for good: its name, how many prompts and their digest. Raises Refused where others have the name."""
        body = {"prompts": drifting.prompts_body(prompts)}
        return await self.request("PUT", drifting.of(deployment, "prompts", called), json=body)

    async def prompt_sets(self, deployment: str) -> list[dict[str, Any]]:
        """The stored ones, by their names."""
        found: list[dict[str, Any]] = (await self.request("GET", drifting.of(deployment, "prompts")))["sets"]
        return found

    async def prompts(self, deployment: str, called: str) -> dict[str, Any]:
        """A stored set: its `name`, its `digest`, and its `prompts` in their order."""
        return await self.request("GET", drifting.of(deployment, "prompts", called))

    async def try_prompts(self, deployment: str, called: str, versions: Iterable[str]) -> dict[str, int]:
        """Let versions answer a stored set, behind all that clients wait for; how many prompts each was asked now."""
        path = drifting.of(deployment, "prompts", called, "trials")
        asked: dict[str, int] = (await self.request("POST", path, json={"versions": list(versions)}))["asked"]
        return asked

    async def submit_all(
        self, bodies: Iterable[dict[str, Any]]
    ) -> AsyncIterator[dict[str, Any] | wire.Refused]:
        """Bodies of jobs by the bulk route; for each, in order, its receipt or why it was refused."""
        rest = iter(bodies)
        while batch := list(islice(rest, wire.BATCH)):
            for receipt in await self._in_bulk(batch):
                yield receipt

    async def map(
        self, deployment: str, inputs: Iterable[Any], *, progress: bool = False, **more: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """As Client.map."""
        course = Course(wire.job_body(deployment, given, more) for given in inputs)
        with bar(progress) as shown:
            while (step := course.step()) is not None:
                match step:
                    case Send(bodies):
                        shown.submitted(course.sent(await self._in_bulk(bodies)))
                    case Pause(seconds):
                        await asyncio.sleep(seconds)
                    case Ask(body):
                        ended = (await self.request("POST", "/v1/jobs/results", json=body))["jobs"]
                        for job in course.after(ended):
                            shown.answered()
                            yield job

    async def _in_bulk(self, batch: list[dict[str, Any]]) -> list[dict[str, Any] | wire.Refused]:
        response = await self._http.post("/v1/jobs/bulk", content=wire.ndjson(batch), headers=wire.NDJSON)
        return wire.receipts(wire.checked(response))

    async def wait(self, kind: Wound, one: str) -> dict[str, Any]:
        """As Client.wait. Bound it with `asyncio.timeout`."""
        while True:
            found = await self.request("GET", f"/v1/{kind}/{one}")
            if found["state"] in STILL:
                return found
            await asyncio.sleep(POLL_SECONDS)

    async def listed(self, path: str, name: str, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.request("GET", path, **more))[name]
        return found

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Any other verb. Raises Refused with the server's code, field and remedy."""
        return wire.content(await self._http.request(method, path, **more))
