"""Conversations that are open when a version is replaced end where they began; after the last one the worker lets go."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from mainspring.client import Client
from tests.faults.marked import marked
from tests.faults.stack import Stack

NAME, TALKS = "talked", 200
LARGE = {"width": 768, "layers": 10}  # 71 million parameters: what is given back is seen
WEIGHTS = 71e6 * 2  # bytes, in the narrower of the two formats


def until(met: Callable[[], bool], seconds: float) -> float:
    """Seconds until then."""
    begun = time.monotonic()
    while not met():
        assert time.monotonic() < begun + seconds, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - begun


def say(client: Client, talks: Iterable[str]) -> list[dict[str, Any]]:
    """One word in each, at once; the ended jobs."""
    words = [
        {"deployment": NAME, "input": "and?", "session": talk, "parameters": {"max_tokens": 2}}
        for talk in talks
    ]
    receipts: list[Any] = list(client.submit_all(words))
    return [client.result(one["id"], 120) for one in receipts]


def held(client: Client) -> set[str]:
    found = client.request("GET", f"/v1/deployments/{NAME}")["workers"]
    return {one["version"] for one in found if one["state"] == "ready"}


@pytest.mark.timeout(280)
def test_open_conversations_end_on_the_version_they_began_on(stack: Stack, tmp_path: Path) -> None:
    talks = [f"talk {number}" for number in range(TALKS)]
    worker = psutil.Process(stack.pid("infer"))
    stack.deploy(NAME, marked(tmp_path / "a", "A", **LARGE), "text-generation")
    with stack.client() as client:
        unkept = {"task": "text-generation", "policy": {"drain": {"keep_seconds": 0}}}
        client.request("PUT", f"/v1/deployments/{NAME}", json=unkept)
        assert {one["version"] for one in say(client, talks)} == {f"{NAME}@1"}
        stack.deploy(NAME, marked(tmp_path / "b", "B", **LARGE), "text-generation")
        assert client.request("GET", f"/v1/deployments/{NAME}")["production"] == f"{NAME}@2"
        assert say(client, ["somebody else"])[0]["version"] == f"{NAME}@2"
        for _ in range(2):
            answers = say(client, talks)
            assert {one["version"] for one in answers} == {f"{NAME}@1"}
            assert {one["output"]["text"] for one in answers} == {"AA"}
        [leaving] = client.request("GET", f"/v1/versions/{NAME}@1/clients")["clients"]
        assert leaving["sessions"] == TALKS
        for talk in talks[1:]:
            client.end_session(NAME, talk)
        assert say(client, talks[:1])[0]["version"] == f"{NAME}@1"
        assert held(client) == {f"{NAME}@1", f"{NAME}@2"}
        before = worker.memory_info().rss
        client.end_session(NAME, talks[0])
        seconds = until(lambda: held(client) == {f"{NAME}@2"}, 30)
        until(lambda: before - worker.memory_info().rss > WEIGHTS * 0.8, 10)
        given_back = before - worker.memory_info().rss
        print(f"unloaded {seconds:.1f} s after the last of {TALKS} ended; {given_back >> 20} MiB given back")
        assert seconds < 10
        again = say(client, talks[:1])[0]
        assert (again["version"], "moved_from" in again) == (f"{NAME}@2", False)
        assert client.request("GET", "/v1/audit/verify")["whole"]
