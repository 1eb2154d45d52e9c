"""Testing, staging and production by workers of their own: a version goes through all three, and clients see it last."""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from mainspring.tables import HeldVersion, Incarnation, Rollout, Trial, Version
from tests.api.serving import until
from tests.faults.marked import marked
from tests.faults.stack import Stack

NAME = "staged"
MARKS = {f"{NAME}@1": "A", f"{NAME}@2": "B"}
ROLLOUT = {
    "prompts": "acceptance",
    "shadow": {"share": 1.0, "samples": 30},
    "steps": [0.5],
    "dwell_seconds": 0,
    "samples": 5,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: sockets live in it."""
    made = Path(tempfile.mkdtemp(prefix="ms-env-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def worker(stack: Stack, environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The same command and the same settings but for the environment."""
    command = [sys.executable, "-m", "celery", "-A", "workers.infer", "worker", "-P", "threads", "-c", "8"]
    command += ["-Q", "infer", "-n", f"{environment}@%h", "--without-gossip", "--without-mingle"]
    with (stack.settings.home / f"{environment}.log").open("ab") as log:
        running = subprocess.Popen(
            command,
            env={**stack.environment(), "MAINSPRING_ENVIRONMENT": environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)


def holders(stack: Stack, label: str) -> set[str]:
    """Of which environments live workers have the version ready."""
    number = int(label.rpartition("@")[2])
    asked = (
        select(Incarnation.environment)
        .join(HeldVersion, HeldVersion.incarnation == Incarnation.id)
        .join(Version, Version.id == HeldVersion.version_id)
        .where(Version.deployment == NAME, Version.number == number, HeldVersion.state == "ready")
        .where(Incarnation.ended_at.is_(None))
    )
    database = stack.database()
    try:
        with database.transaction() as session:
            return set(session.scalars(asked))
    finally:
        database.close()


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_version_goes_through_all_three(folder: Path) -> None:
    models = [marked(folder / mark, mark) for mark in "AB"]
    answers: list[dict[str, Any]] = []
    over = Event()
    with (
        Stack(
            folder / "home",
            MAINSPRING_ENVIRONMENT="production",
            MAINSPRING_STORE_URL=f"file://{folder}/bucket",
        ) as stack,
        worker(stack, "testing"),
        ThreadPoolExecutor(5) as pool,
    ):
        stack.deploy(NAME, models[0], "text-generation")
        assert holders(stack, f"{NAME}@1") == {"production"}

        def produce(number: int) -> None:
            with stack.client() as mine:
                while not over.wait(0.2):  # between jobs the worker tries what waits
                    answers.append(mine.result(mine.submit(NAME, f"{number}", max_tokens=4)["id"], 60))

        with stack.client() as client:
            prompts = [{"input": f"question {number}", "expected": "A"} for number in range(4)]
            base = f"/v1/deployments/{NAME}"
            client.request("PUT", f"{base}/prompts/acceptance", json={"prompts": prompts})
            policy = {"task": "text-generation", "policy": {"rollout": ROLLOUT}}
            client.request("PUT", base, json=policy)
            producers = [pool.submit(produce, number) for number in range(4)]

            def rollout() -> dict[str, Any]:
                found: list[dict[str, Any]] = client.request("GET", f"{base}/rollouts")["rollouts"]
                return found[0] if found else {"state": "none", "judged": {}}

            try:
                deploying = pool.submit(stack.deploy, NAME, models[1], "text-generation")
                until(lambda: "testing" in rollout()["judged"], 90)
                assert holders(stack, f"{NAME}@2") <= {"testing"}
                shutil.rmtree(stack.settings.home / "store")  # who loads from now on fetches
                with worker(stack, "staging") as staging:
                    until(lambda: rollout()["judged"].get("shadow", {}).get("tried", 0) > 3, 90)
                    assert holders(stack, f"{NAME}@2") <= {"testing", "staging"}
                    staging.kill()  # what it was trying waits for the next one
                assert {answer["version"] for answer in answers} == {f"{NAME}@1"}
                with worker(stack, "staging"):
                    until(lambda: "production" in holders(stack, f"{NAME}@2"), 90)
                    until(lambda: rollout()["state"] == "promoted", 90)
                until(lambda: answers[-1]["version"] == f"{NAME}@2", 60)
                deploying.result(60)
            finally:
                over.set()
                for producer in producers:
                    producer.result(90)
            compared = client.request(
                "GET",
                f"{base}/compare",
                params={"a": f"{NAME}@1", "b": f"{NAME}@2", "prompts": "acceptance"},
            )
            assert client.request("GET", "/v1/audit/verify")["whole"]
        database = stack.database()
        with database.transaction() as session:
            shadowed = session.scalars(select(Rollout.shadowed_at)).one()
            tried = session.scalars(select(Trial).where(Trial.job_id.is_not(None))).all()
        database.close()
    assert {answer["state"] for answer in answers} == {"succeeded"}
    assert all(set(answer["output"]["text"]) == {MARKS[answer["version"]]} for answer in answers)
    assert shadowed is not None
    assert len(tried) >= 30
    assert {one.output["text"] for one in tried if one.output is not None} == {"BBBB"}
    assert compared["prompts"]["missing"] == 0
    assert compared["shadow"]["agreement"]["value"] == 0.0
    said = compared["prompts"]["answers"][0]
    assert (said["a"]["right"], said["b"]["right"]) == (True, False)
