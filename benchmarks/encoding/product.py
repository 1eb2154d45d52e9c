"""The whole product: jobs handed in over HTTP to a running stack, and each one's result fetched over HTTP."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

from mainspring.settings import Settings

PRODUCERS = 8
TOGETHER = 100  # results of a bulk that are asked for at once, as the client does it


class Product:
    """`one_by_one`: eight producers submit their share, job by job, and then fetch its results. `in_bulk`: one submits."""

    def __init__(self, settings: Settings, deployment: str) -> None:
        self._port, self._deployment = settings.port, deployment
        self._key = (settings.home / "key").read_text().strip()

    def one_by_one(self, texts: list[str]) -> list[Any]:
        def produce(share: list[str]) -> list[Any]:
            call = self._caller()
            jobs = [json.loads(call("POST", "/v1/jobs", self._body(text))) for text in share]
            return [_result(call, job["id"]) for job in jobs]

        return self._shared(produce, texts)

    def in_bulk(self, texts: list[str]) -> list[Any]:
        body = "\n".join(map(self._body, texts))
        call = self._caller()
        answer = call("POST", "/v1/jobs/bulk", body, "application/x-ndjson")
        ids = [json.loads(line)["id"] for line in answer.splitlines()]
        ended: dict[str, Any] = {}
        while len(ended) < len(ids):
            missing = [one for one in ids if one not in ended][:TOGETHER]
            found = json.loads(call("POST", "/v1/jobs/results", json.dumps({"ids": missing, "wait": 60})))
            ended |= {job["id"]: _output(job) for job in found["jobs"]}
        return [ended[one] for one in ids]

    def _shared(self, work: Callable[[list[str]], list[Any]], things: list[str]) -> list[Any]:
        """In the order of `things`."""
        with ThreadPoolExecutor(PRODUCERS) as pool:
            shares = list(pool.map(work, [things[number::PRODUCERS] for number in range(PRODUCERS)]))
        return [shares[number % PRODUCERS][number // PRODUCERS] for number in range(len(things))]

    def _body(self, text: str) -> str:
        return json.dumps({"deployment": self._deployment, "input": text})

    def _caller(self) -> Callable[..., bytes]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)

        def call(method: str, path: str, body: str | None = None, kind: str = "application/json") -> bytes:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
            connection.request(method, path, body, headers)
            return connection.getresponse().read()

        return call


def _result(call: Callable[..., bytes], job_id: str) -> Any:
    return _output(json.loads(call("GET", f"/v1/jobs/{job_id}?wait=60")))


def _output(job: dict[str, Any]) -> Any:
    assert job["state"] == "succeeded", job
    return job["output"]
