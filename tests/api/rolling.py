"""What tests of rollouts do again and again: another version, a rollout of it, jobs and their answers."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from mainspring.errors import EngineFailed
from mainspring.release import beat
from mainspring.tables import Database, HeldVersion, Stage, Version
from tests.api.serving import Hands
from tests.rows import registered

NAME = "/v1/deployments/assistant"
ASK = {"deployment": "assistant", "input": "hello"}
NOBODY = "00000000-0000-7000-8000-000000000000"
PLAN = {"steps": [0.2, 0.5], "dwell_seconds": 0, "samples": 5, "alpha": 0.05}


def another(database: Database, number: int = 2, **more: Any) -> UUID:
    """`assistant@2`, registered."""
    with database.transaction() as session:
        usual = {"digest": f"sha256:0{number}", "path": f"assistant/{number}", "context_length": 512}
        return registered(session, "assistant", number, **(usual | more)).id


def holds(database: Database, hands: Hands, version: UUID, state: str = "ready") -> None:
    with database.transaction() as session:
        reason = "there is no room" if state == "refused" else None
        session.add(
            HeldVersion(incarnation=hands.incarnation, version_id=version, state=state, reason=reason)
        )


def judge(database: Database) -> beat.Judged:
    with database.transaction() as session:
        return beat.judge(session, "assistant")


def begin(client: httpx.Client, version: str = "assistant@2", **plan: Any) -> dict[str, Any]:
    answer = client.post(
        f"{NAME}/rollouts", json={"version": version, "plan": PLAN | plan, "reason": "newer"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["rollout"]


def stage(database: Database, number: int) -> Stage:
    with database.transaction() as session:
        found = select(Version.stage).where(Version.deployment == "assistant", Version.number == number)
        return Stage(session.scalars(found).one())


def submitted(client: httpx.Client, count: int, **more: Any) -> list[dict[str, Any]]:
    asked = {"deployment": "assistant", "input": "hello"} | more
    return [client.post("/v1/jobs", json=asked).raise_for_status().json() for _ in range(count)]


def answered(
    hands: Hands, versions: dict[str, UUID], receipts: list[dict[str, Any]], *, failing: str = ""
) -> None:
    """All of them, by the version that each was drawn for; those of `failing` fail."""
    for receipt in receipts:
        job = hands.take(versions[receipt["version"]])
        if receipt["version"] == failing:
            hands.fail(job, EngineFailed("it broke"))
        else:
            hands.finish(job, {"text": "yes"})


def over(client: httpx.Client, number: int = 2) -> None:
    """That version takes over at once; the one before drains."""
    client.post(f"{NAME}/rollouts", json={"version": f"assistant@{number}"}).raise_for_status()


def unkept(client: httpx.Client, **drain: Any) -> None:
    """By this policy a version that nobody needs retires at the next look."""
    policy = {"drain": {"keep_seconds": 0} | drain}
    client.put(NAME, json={"task": "text-generation", "policy": policy}).raise_for_status()
