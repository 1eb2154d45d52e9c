"""The plain client."""

import time
from collections.abc import Iterable, Iterator
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


class Client(Winding[dict[str, Any], list[dict[str, Any]]]):
    """Thread-safe. Connections are kept; use it as a context manager or `close()` it."""

    def __init__(self, url: str, key: str, *, timeout: float = 40.0) -> None:
        self._http = httpx.Client(base_url=url, headers=wire.headers(key), timeout=timeout, trust_env=False)

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
        **more: Any,
    ) -> dict[str, Any]:
        """The receipt: id, state, version, position. Raises Refused.

        `priority`, `deadline_seconds`, `session`, `subject`, `metadata` and `webhook` (a URL) are the job's; any other
        keyword is a parameter of its task, such as `max_tokens`.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.request("POST", "/v1/jobs", json=wire.job_body(deployment, input, more), headers=headers)

    def result(self, job_id: str, timeout: float = 120.0) -> dict[str, Any]:
        """The ended job, by long-poll. Raises TimeoutError; the job goes on all the same."""
        until = time.monotonic() + timeout
        while True:
            wait = min(max(until - time.monotonic(), 0.0), wire.LONGEST_WAIT)
            job = self.request("GET", f"/v1/jobs/{job_id}", params={"wait": round(wait, 3)})
            if job["state"] not in wire.UNFINISHED:
                return job
            if time.monotonic() >= until:
                raise TimeoutError(f"job {job_id} is still {job['state']} after {timeout:.0f} s")

    def stream(self, job_id: str, last_event_id: str | None = None) -> Iterator[dict[str, Any]]:
        """Server-sent events as {event, id, data}; resumes after `last_event_id`. Ends after `done`."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with self._http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
            if response.is_error:
                response.read()
                wire.checked(response)
            events = wire.Events()
            for line in response.iter_lines():
                if (event := events.take(line)) is not None:
                    yield event

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self.request("POST", f"/v1/jobs/{job_id}/cancel")

    def jobs(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """Your jobs, newest first, all pages: `deployment`, `version`, `state`, `session`, `limit` (of a page)."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.request("GET", "/v1/jobs", params={**wanted, "cursor": cursor})
            yield from page["jobs"]
            cursor = page["next_cursor"]

    def register(
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
        timeout: float = 900.0,
    ) -> dict[str, Any]:
        """Make it the next version of a deployment, which `task` makes if there is none of that name.

        `model`: live `transformers` objects with their `tokenizer`, a folder, or a hub id with its `revision`; with `base`, an adapter of that version. Live ones
        are saved below `folder`, by default the temporary files, which the train worker has to see. `now`: take over at
        once, whatever the policy says; `hold`: stay registered, until a rollout is begun by hand. Gives the version as `GET /v1/deployments/{name}/versions` has it, once it is
        registered. Raises ModelRefused for one that cannot be served, Refused, TimeoutError.
        """
        if task is not None:
            self.request("PUT", f"/v1/deployments/{deployment}", json={"task": task})
        until = time.monotonic() + timeout
        with registering.placed(model, tokenizer, folder) as place:
            body = registering.import_body(place, revision, base=base, now=now, hold=hold)
            run = self.request("POST", f"/v1/deployments/{deployment}/versions", json=body)
            while not registering.over(run):
                if time.monotonic() > until:
                    raise TimeoutError(f"training run {run['id']} is {run['state']}")
                time.sleep(registering.POLL_SECONDS)
                run = self.request("GET", f"/v1/training-runs/{run['id']}")
        found = self.request("GET", f"/v1/deployments/{deployment}/versions")["versions"]
        return next(one for one in found if one["version"] == run["version"])

    def end_session(self, deployment: str, session: str) -> None:
        """That conversation is over: no version is kept for it any more, and its name may be used for another."""
        self.request("DELETE", f"/v1/deployments/{deployment}/sessions/{quote(session, safe='')}")

    def feedback(self, job_id: str, **said: Any) -> dict[str, Any]:
        """One of `rating`, `correction`, `label`, `outcome={"name", "value"}`."""
        return self.request("POST", f"/v1/jobs/{job_id}/feedback", json=said)

    def drift(self, deployment: str, *, texts: str | None = None) -> dict[str, Any]:
        """What was decided of it and why, its references, what the detectors say, and its latest alarms.

        `texts`: show what was asked in the examples, where it is kept; it is the reason for which that is read.
        """
        path, asked = drifting.of(deployment, "drift"), drifting.reading(texts)
        return self.request("GET", path, params=asked)

    def new_reference(
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
        return self.request("POST", drifting.of(deployment, "drift", "references"), json=body)

    def retrain(self, deployment: str, reason: str) -> dict[str, Any]:
        """Ask for a better version. Raises Refused while one is asked for and not done."""
        return self.request("POST", drifting.of(deployment, "retraining"), json={"reason": reason})

    def store_prompts(self, deployment: str, called: str, prompts: Iterable[Prompt]) -> dict[str, Any]:
        """Under a name, for good: its name, how many prompts and their digest. Raises Refused where others have the name."""
        body = {"prompts": drifting.prompts_body(prompts)}
        return self.request("PUT", drifting.of(deployment, "prompts", called), json=body)

    def prompt_sets(self, deployment: str) -> list[dict[str, Any]]:
        """The stored ones, by their names."""
        found: list[dict[str, Any]] = self.request("GET", drifting.of(deployment, "prompts"))["sets"]
        return found

    def prompts(self, deployment: str, called: str) -> dict[str, Any]:
        """A stored set: its `name`, its `digest`, and its `prompts` in their order."""
        return self.request("GET", drifting.of(deployment, "prompts", called))

    def try_prompts(self, deployment: str, called: str, versions: Iterable[str]) -> dict[str, int]:
        """Let versions answer a stored set, behind all that clients wait for; how many prompts each was asked now."""
        path = drifting.of(deployment, "prompts", called, "trials")
        asked: dict[str, int] = self.request("POST", path, json={"versions": list(versions)})["asked"]
        return asked

    def submit_all(self, bodies: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any] | wire.Refused]:
        """Bodies of jobs by the bulk route; for each, in order, its receipt or why it was refused."""
        rest = iter(bodies)
        while batch := list(islice(rest, wire.BATCH)):
            yield from self._in_bulk(batch)

    def map(
        self, deployment: str, inputs: Iterable[Any], *, progress: bool = False, **more: Any
    ) -> Iterator[dict[str, Any]]:
        """The ended job of each input, in order, submitted by the bulk route. Raises Refused at the first refused one.

        As many are submitted as the queue lets in; then their results are collected until there is room for more.
        `progress` shows a bar. Jobs already submitted go on when you stop reading.
        """
        course = Course(wire.job_body(deployment, given, more) for given in inputs)
        with bar(progress) as shown:
            while (step := course.step()) is not None:
                match step:
                    case Send(bodies):
                        shown.submitted(course.sent(self._in_bulk(bodies)))
                    case Pause(seconds):
                        time.sleep(seconds)
                    case Ask(body):
                        ended = self.request("POST", "/v1/jobs/results", json=body)["jobs"]
                        for job in course.after(ended):
                            shown.answered()
                            yield job

    def _in_bulk(self, batch: list[dict[str, Any]]) -> list[dict[str, Any] | wire.Refused]:
        response = self._http.post("/v1/jobs/bulk", content=wire.ndjson(batch), headers=wire.NDJSON)
        return wire.receipts(wire.checked(response))

    def wait(self, kind: Wound, one: str, timeout: float = 3600.0) -> dict[str, Any]:
        """A dataset, a training run, an evaluation or a refresh, once it does nothing more by itself. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while (found := self.request("GET", f"/v1/{kind}/{one}"))["state"] not in STILL:
            if time.monotonic() > until:
                raise TimeoutError(f"{kind} {one} is still {found['state']} after {timeout:.0f} s")
            time.sleep(POLL_SECONDS)
        return found

    def listed(self, path: str, name: str, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.request("GET", path, **more)[name]
        return found

    def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Any other verb. Raises Refused with the server's code, field and remedy."""
        return wire.content(self._http.request(method, path, **more))
