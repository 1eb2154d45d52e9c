"""Versions that workers cannot hold: when a rollout ends by that, what is refused for it, and who is told."""

from io import StringIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis import Redis
from rich.console import Console
from sqlalchemy import func, select

from mainspring.cli.status import _tell
from mainspring.identifiers import uuid7
from mainspring.release import draining
from mainspring.release.holdable import PASSING_SECONDS, tell_unheld
from mainspring.serving import lease
from mainspring.serving.overview import overview
from mainspring.settings import Environment
from mainspring.tables import Database, Event, HeldVersion, Stage, TrainingRun, WorkState
from tests.api.rolling import NAME, another, begin, judge, over, stage, submitted
from tests.api.serving import Hands

DAMAGED = "model.safetensors is not what was registered. Register the model again."


def says(
    database: Database, worker: Hands | UUID, version: UUID, state: str = "refused", **engine: Any
) -> None:
    """A worker's word on a version, in place of its last one."""
    life = worker.incarnation if isinstance(worker, Hands) else worker
    reason = DAMAGED if state == "refused" else None
    with database.transaction() as session:
        row = HeldVersion(incarnation=life, version_id=version, state=state, reason=reason, engine=engine)
        session.merge(row)


def live(database: Database, role: str = "infer", environment: Environment = Environment.ALL) -> UUID:
    with database.transaction() as session:
        return lease.begin(session, role, 60, environment)


def state(client: httpx.Client) -> str:
    return str(client.get(f"{NAME}/rollouts").json()["rollouts"][0]["state"])


def after(client: httpx.Client, database: Database, *said: Any, **engine: Any) -> str:
    """The rollout's state once a worker has said so and beat has looked."""
    says(database, *said, **engine)
    judge(database)
    return state(client)


@pytest.mark.usefixtures("assistant")
def test_a_small_worker_that_speaks_first_does_not_end_the_rollout(
    client: httpx.Client, database: Database, hands: Hands, redis: Redis
) -> None:
    large, version = Hands(database, redis), another(database)
    begin(client)
    assert after(client, database, hands, version) == "loading"  # the large one has not looked yet
    assert after(client, database, large, version, "loading") == "loading"
    assert after(client, database, large, version, "ready") == "canary"


@pytest.mark.usefixtures("assistant")
def test_when_each_worker_that_could_hold_it_has_refused_it_goes_back(
    client: httpx.Client, database: Database, hands: Hands, redis: Redis
) -> None:
    other, dead, version = Hands(database, redis), Hands(database, redis), another(database)
    live(database, "train")
    live(database, environment=Environment.TESTING)  # where it is not awaited
    dead.die()
    begin(client)
    for worker in (hands, other):
        judge(database)
        assert state(client) == "loading"
        says(database, worker, version, refusal="lasting")
    judge(database)
    assert (state(client), stage(database, 2)) == ("rolled_back", Stage.REJECTED)


@pytest.mark.usefixtures("assistant")
def test_what_may_pass_counts_once_it_has_lasted(
    client: httpx.Client, database: Database, hands: Hands
) -> None:
    version = another(database)
    begin(client)
    for lasted in (0.0, PASSING_SECONDS - 1):
        assert after(client, database, hands, version, refusal="passing", lasted=lasted) == "loading"
    last = {"refusal": "passing", "lasted": PASSING_SECONDS}
    assert after(client, database, hands, version, **last) == "rolled_back"


@pytest.mark.usefixtures("assistant")
def test_a_challenger_that_has_a_share_and_that_nobody_holds_any_more_goes_back(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    version = another(database)
    begin(client, steps=[0.5])
    says(database, hands, version, "ready")
    judge(database)
    waiting = submitted(client, 40)
    assert {one["version"] for one in waiting} == {"assistant@1", "assistant@2"}
    says(database, hands, version, refusal="lasting")
    found = judge(database)
    assert (state(client), stage(database, 2)) == ("rolled_back", Stage.REJECTED)
    assert found.moved[str(assistant)] == sum(one["version"] == "assistant@2" for one in waiting)


def test_a_draining_version_is_kept_while_a_worker_may_hold_it(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands, redis: Redis
) -> None:
    other = Hands(database, redis)
    submitted(client, 1, session="talk")
    another(database)
    over(client)
    says(database, hands, assistant)
    with database.transaction() as session:
        assert draining.retire_drained(session) == []
    says(database, other, assistant)
    with database.transaction() as session:
        assert draining.retire_drained(session) == ["assistant@1"]


def back(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(f"{NAME}/rollback", json=more)


def again(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post(f"{NAME}/rollouts", json={"version": "assistant@1"} | more)


@pytest.mark.parametrize("asked", [back, again])
def test_the_way_back_to_what_nobody_can_hold_is_refused_unless_forced(
    asked: Any, client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another(database)
    over(client)
    says(database, hands, assistant, refusal="lasting")
    refused = asked(client)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["detail"] == (
        "no worker can hold assistant@1: model.safetensors is not what was registered"
    )
    assert "Register the model again" in refused.json()["remedy"]
    assert "force" in refused.json()["remedy"]
    assert (stage(database, 1), stage(database, 2)) == (Stage.DRAINING, Stage.PRODUCTION)
    asked(client, force=True).raise_for_status()
    assert (stage(database, 1), stage(database, 2)) == (Stage.PRODUCTION, Stage.DRAINING)


@pytest.mark.usefixtures("assistant")
def test_promoting_what_nobody_can_hold_is_refused_unless_forced(
    client: httpx.Client, database: Database, hands: Hands
) -> None:
    version = another(database)
    rollout = begin(client)
    says(database, hands, version, refusal="lasting")
    path = f"/v1/rollouts/{rollout['id']}/promote"
    refused = client.post(path, json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (state(client), stage(database, 2)) == ("loading", Stage.STAGING)
    assert client.post(path, json={"force": True}).json()["state"] == "promoted"


@pytest.mark.parametrize(
    "word",
    [("ready", {}), ("loading", {}), ("refused", {"refusal": "room"}), ("refused", {"refusal": "passing"})],
)
def test_the_way_back_is_open_where_a_worker_may_hold_it(
    word: tuple[str, dict[str, Any]],
    client: httpx.Client,
    database: Database,
    assistant: UUID,
    hands: Hands,
) -> None:
    another(database)
    over(client)
    state, engine = word
    says(database, hands, assistant, state, **engine)
    assert back(client).json()["version"] == "assistant@1"


def test_registered_again_after_it_was_refused_it_may_come_back(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another(database)
    over(client)
    says(database, hands, assistant, refusal="lasting")
    with database.transaction() as session:
        run = TrainingRun(
            id=uuid7(),
            deployment="assistant",
            recipe="import",
            parameters={},
            state=WorkState.SUCCEEDED.value,
            version_id=assistant,
            finished_at=func.clock_timestamp(),
        )
        session.add(run)
    assert back(client).json()["version"] == "assistant@1"


def test_who_answers_and_cannot_be_held_is_told_at_once(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands, redis: Redis
) -> None:
    def seen() -> tuple[str | None, str | None]:
        with database.begin() as connection:
            (served,) = overview(connection)["deployments"]
        return client.get(NAME).json()["trouble"], served["trouble"]

    def printed() -> str:
        console = Console(file=StringIO(), width=200)
        with database.begin() as connection:
            _tell(console, overview(connection))
        return console.file.getvalue()  # type: ignore[attr-defined]

    def told() -> list[tuple[str, str]]:
        with database.transaction() as session:
            return tell_unheld(session)

    assert (seen(), told()) == ((None, None), [])  # nobody has said
    says(database, hands, assistant)
    assert seen() == (DAMAGED, DAMAGED)
    assert f"assistant@1 is in production and cannot be held: {DAMAGED}" in printed()
    assert (told(), told()) == ([("assistant@1", DAMAGED)], [])
    [event] = [
        one
        for one in client.get("/v1/events", params={"about": "assistant@1"}).json()["events"]
        if one["kind"] == "version.unheld"
    ]
    assert event["reason"] == f"the version in production cannot be held: {DAMAGED}"
    says(database, Hands(database, redis), assistant, "ready")
    assert seen() == (None, None)
    assert "cannot be held" not in printed()
    with database.transaction() as session:
        assert len(session.scalars(select(Event).where(Event.kind == "version.unheld")).all()) == 1
