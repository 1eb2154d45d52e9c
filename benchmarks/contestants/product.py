"""The whole of Mainspring over HTTP: a stack of its own, so many clients with one job at a time, answers polled for.

A round also says what each process of the stack, and the clients, took of the processor.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import local
from typing import Any

import psutil

from benchmarks.contestants.child import Round, serve
from benchmarks.prompts import NEW_TOKENS
from tests.faults.stack import Stack

WAIT_SECONDS = 30  # of one poll: the api answers when the job ends


class Clients:
    """`in_flight` threads, each with a connection."""

    def __init__(self, stack: Stack, in_flight: int) -> None:
        self._port = stack.settings.port
        key = (stack.settings.home / "key").read_text().strip()
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._threads = ThreadPoolExecutor(in_flight)

    def run(self, asked: Round) -> list[tuple[int, float]]:
        """Of each answer its tokens and the seconds to its first one, as the client sees it when it streams."""
        self._mine = local()  # new connections: those of the last round may have been closed meanwhile
        return list(self._threads.map(self._streamed if asked.stream else self._polled, asked.prompts))

    def _polled(self, prompt: str) -> tuple[int, float]:
        path = f"/v1/jobs/{self._submit(prompt)}"
        while True:
            job = json.loads(self._ask("GET", f"{path}?wait={WAIT_SECONDS}").read())
            if job["state"] == "succeeded":
                return int(job["usage"]["completion_tokens"]), float(job["timings"]["first_token"])
            if job["state"] not in ("queued", "running"):
                raise RuntimeError(f"a job has {job['state']}: {job['error']}")

    def _streamed(self, prompt: str) -> tuple[int, float]:
        begin, first = time.perf_counter(), 0.0
        for line in self._ask("GET", f"/v1/jobs/{self._submit(prompt)}/events"):
            if line.startswith(b"event: token") and not first:
                first = time.perf_counter() - begin
        return NEW_TOKENS, first

    def _submit(self, prompt: str) -> str:
        body = {"deployment": "measured", "input": prompt, "parameters": {"max_tokens": NEW_TOKENS}}
        return str(json.loads(self._ask("POST", "/v1/jobs", json.dumps(body)).read())["id"])

    def _ask(self, method: str, path: str, body: str | None = None) -> HTTPResponse:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection: HTTPConnection = self._mine.connection
        connection.request(method, path, body, self._headers)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status}: {answer.read()[:500]!r}")
        return answer


class Processor:
    """Seconds of the processor that the parts of a stack have taken so far."""

    def __init__(self, stack: Stack) -> None:
        self._root = psutil.Process(stack.process.pid)

    def taken(self) -> dict[str, float]:
        found = {"clients": sum(psutil.Process().cpu_times()[:2])}
        for process in self._root.children(recursive=True):
            try:
                name, seconds = _part(process.cmdline()), sum(process.cpu_times()[:2])
            except psutil.Error:
                continue
            found[name] = found.get(name, 0.0) + seconds
        return found


def _part(command: list[str]) -> str:
    text = " ".join(command)
    named = {
        "uvicorn": "api",
        "workers.infer": "infer",
        "workers.train": "train",
        "workers.ops beat": "beat",
        "workers.ops": "ops",
    }
    named |= {"postgres": "postgres", "valkey": "valkey"}
    return next((name for word, name in named.items() if word in text), "other")


def main() -> None:
    folder, in_flight = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="mainspring-") as home, Stack(Path(home)) as stack:
        stack.deploy("measured", folder, "text-generation")
        clients, processor = Clients(stack, in_flight), Processor(stack)

        def one_round(asked: Round) -> dict[str, Any]:
            before, begin = processor.taken(), time.perf_counter()
            answers = clients.run(asked)
            seconds, after = time.perf_counter() - begin, processor.taken()
            taken = {name: after[name] - before.get(name, 0.0) for name in after}
            tokens = sum(tokens for tokens, _ in answers)
            firsts = [first for _, first in answers]
            return {"seconds": seconds, "tokens": tokens, "first_tokens": firsts, "processor": taken}

        with stack.client() as api:
            (version,) = api.request("GET", "/v1/deployments/measured/versions")["versions"]
        plan = {name: version["plans"][0][name] for name in ("engine", "slots", "threads", "dtype")}
        serve(plan | {"clients": in_flight}, one_round)


if __name__ == "__main__":
    main()
