"""A challenger before it has any share: tested with stored prompts, tried in the shadow of live traffic, and compared."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from mainspring.errors import EngineFailed, EngineStopping, PromptTooLong
from mainspring.tables import Database, Event, Stage, Trial, Version
from mainspring.trials import asking, running
from tests.api.rolling import NAME, another, begin, holds, judge, over, stage, submitted
from tests.api.serving import Hands
from tests.api.trying import finish, states, take, tried

SHADOW = {"share": 1.0, "samples": 30}
PROMPTS = [
    {"input": "What is the capital of France?", "expected": "Paris"},
    {"input": {"messages": [{"role": "user", "content": "Say yes."}]}, "parameters": {"max_tokens": 3}},
]


def look(client: httpx.Client, rollout: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/rollouts/{rollout['id']}").json()
    return found


def lived(client: httpx.Client, hands: Hands, version: UUID, count: int, text: str = "yes") -> None:
    submitted(client, count)
    for _ in range(count):
        hands.finish(hands.take(version), {"text": text})


def stored(client: httpx.Client, prompts: Any = PROMPTS, called: str = "acceptance") -> httpx.Response:
    return client.put(f"{NAME}/prompts/{called}", json={"prompts": prompts})


def test_a_shadow_is_seen_by_no_client_and_leads_to_the_first_share(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    lived(client, hands, assistant, 5)  # before: not in the shadow
    rollout = begin(client, shadow=SHADOW)
    judge(database)
    assert (look(client, rollout)["state"], stage(database, 2)) == ("shadow", Stage.STAGING)
    lived(client, hands, assistant, 20)
    judge(database)
    assert states(database) == {"waiting": 20}
    assert tried(database, hands, second, "yes") == 20
    judge(database)
    assert look(client, rollout)["state"] == "shadow"
    lived(client, hands, assistant, 20)
    judge(database)
    assert tried(database, hands, second, "yes and no") == 20
    assert judge(database).changed
    assert look(client, rollout)["state"] == "loading"  # in production now
    judge(database)
    found = look(client, rollout)
    assert (found["state"], found["share"], stage(database, 2)) == ("canary", 0.2, Stage.CANARY)
    assert found["judged"]["shadow"]["tried"] == 40
    assert 0.5 < found["judged"]["shadow"]["agreement"]["value"] < 1
    with database.transaction() as session:
        told = session.scalars(select(Event.kind).where(Event.about == "assistant").order_by(Event.id)).all()
    assert told == ["rollout.begun", "rollout.shadow", "rollout.shadowed", "rollout.stepped"]
    compared = client.get(f"{NAME}/compare", params={"a": "assistant@1", "b": "assistant@2"}).json()["shadow"]
    assert compared["tried"] == 40
    turned = client.get(f"{NAME}/compare", params={"a": "assistant@2", "b": "assistant@1"}).json()["shadow"]
    assert turned["agreement"] == compared["agreement"]


def test_who_fails_unseen_goes_back_unseen(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    rollout = begin(client, shadow=SHADOW)
    judge(database)
    lived(client, hands, assistant, 30)
    judge(database)
    for _ in range(20):
        taken = take(database, hands, second)
        assert taken is not None
        assert finish(database, hands, taken, PromptTooLong("too long"))
    assert judge(database).changed
    found = look(client, rollout)
    assert (found["state"], stage(database, 2)) == ("rolled_back", Stage.REJECTED)
    with database.transaction() as session:
        reason = session.scalars(select(Event.reason).where(Event.kind == "rollout.rolled_back")).one()
        asking.drop_unwanted(session)
    assert "unseen by clients" in reason
    assert states(database) == {"failed": 20}  # nobody tries the rest


def test_a_replay_counts_too_and_a_sample_is_a_sample(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    lived(client, hands, assistant, 50)
    rollout = begin(client, shadow={"share": 0.3, "samples": 40, "replay": 40})
    judge(database)
    judge(database)
    assert states(database) == {"waiting": asking.MOST_WAITING}  # never more than can soon be tried
    tried(database, hands, second, "yes")
    judge(database)
    assert tried(database, hands, second, "yes") == 40 - asking.MOST_WAITING
    judge(database)
    assert look(client, rollout)["state"] == "loading"
    with database.transaction() as session:
        again = session.scalars(select(Trial.job_id)).all()
    assert len(set(again)) == len(again) == 40


def test_only_a_share_is_drawn(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    begin(client, shadow={"share": 0.3, "samples": 1000})
    judge(database)
    drawn = 0
    for _ in range(4):
        lived(client, hands, assistant, 50)
        judge(database)
        drawn += tried(database, hands, second, "yes")
    judge(database)
    assert states(database) == {"done": drawn}  # looking again draws nobody else
    assert 30 < drawn < 90


def test_prompts_come_first_and_decide(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    assert stored(client).status_code == 201
    second = another(database)
    holds(database, hands, second)
    rollout = begin(client, prompts="acceptance")
    assert stage(database, 2) == Stage.TESTING
    judge(database)
    assert look(client, rollout)["state"] == "testing"
    assert states(database) == {"waiting": 4}
    tried(database, hands, assistant, "It is Paris, yes.")
    judge(database)
    assert look(client, rollout)["judged"]["testing"]["missing"] == 2
    tried(database, hands, second, "It is Paris, no.")
    assert judge(database).changed
    assert (look(client, rollout)["state"], stage(database, 2)) == ("loading", Stage.STAGING)
    judge(database)
    assert (look(client, rollout)["state"], stage(database, 2)) == ("canary", Stage.CANARY)
    params = {"a": "assistant@1", "b": "assistant@2", "prompts": "acceptance"}
    found = client.get(f"{NAME}/compare", params=params).json()["prompts"]
    assert [one["input"] for one in found["answers"]] == [
        "What is the capital of France?",
        {"messages": [{"role": "user", "content": "Say yes."}]},
    ]
    assert found["answers"][0]["a"]["right"] is found["answers"][0]["b"]["right"] is True
    assert found["answers"][0]["differences"] == [
        ["same", "It is Paris, "],
        ["a", "yes"],
        ["b", "no"],
        ["same", "."],
    ]
    page = client.get(f"{NAME}/compare", params=params, headers={"Accept": "text/html"}).text
    assert "<ins>" in page
    assert "What is the capital of France?" in page


def test_who_fails_the_prompts_is_never_staged(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client, [{"input": f"Question {number}"} for number in range(12)])
    second = another(database)
    holds(database, hands, second)
    rollout = begin(client, prompts="acceptance")
    judge(database)
    tried(database, hands, assistant, "yes")
    tried(database, hands, second, PromptTooLong("too long"))
    judge(database)
    assert (look(client, rollout)["state"], stage(database, 2)) == ("rolled_back", Stage.REJECTED)
    with database.transaction() as session:
        stages = session.scalars(
            select(Event.inputs["to"].as_string()).where(Event.about == "assistant@2").order_by(Event.id)
        ).all()
    assert stages == ["testing", "rejected"]


def test_prompts_are_kept_for_good(client: httpx.Client, database: Database, assistant: UUID) -> None:
    made, again = stored(client), stored(client)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    other = stored(client, PROMPTS[:1])
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert client.get(f"{NAME}/prompts").json()["sets"] == [made.json()]
    shown = client.get(f"{NAME}/prompts/acceptance").json()
    assert [one["expected"] for one in shown["prompts"]] == ["Paris", None]
    missing = client.get(f"{NAME}/prompts/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_prompts")


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize(
    ("prompts", "field"),
    [
        ([{"input": 3}], "prompts.0.input"),
        ([{"input": "yes"}, {"input": "no", "parameters": {"warmth": 1}}], "prompts.1.parameters.warmth"),
        ([{"input": "yes", "expected": ""}], "prompts.0.expected"),
        ([], "prompts"),
    ],
)
def test_bad_prompts_are_named(client: httpx.Client, prompts: list[Any], field: str) -> None:
    refused = stored(client, prompts)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert refused.json()["remedy"]


def lines(client: httpx.Client, content: bytes, media_type: str = "application/x-ndjson") -> httpx.Response:
    return client.put(f"{NAME}/prompts/acceptance", content=content, headers={"Content-Type": media_type})


def test_prompts_come_line_by_line_too(client: httpx.Client, assistant: UUID) -> None:
    ndjson = b"\r\n\n".join(json.dumps(one).encode() for one in PROMPTS)
    assert lines(client, ndjson).status_code == 201
    assert stored(client).status_code == 200  # they are the same
    assert lines(client, json.dumps(PROMPTS[0]).encode()).status_code == 409


@pytest.mark.parametrize(
    ("content", "status", "field", "said"),
    [
        (b"", 422, "prompts", "at least 1 item"),
        (b'\n{"input": "x"}\n\n{"input": \n', 400, "prompts.1", "line 4, column"),
        (b'{"input": "x"}\n"x"\n', 422, "prompts.1", "valid"),
        (b'{"input": "x"}\n{"input": " "}\n', 422, "prompts.1.input", "empty"),
        (b'{"input": "\xff"}', 400, "prompts.0", "not UTF-8 at line 1"),
        (b'{"input": "x"}\n' * 2001, 422, "prompts", "2000"),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_bad_lines_are_named(
    client: httpx.Client, content: bytes, status: int, field: str, said: str
) -> None:
    refused = lines(client, content)
    problem = refused.json()
    assert (refused.status_code, problem["field"]) == (status, field)
    assert said in problem["detail"]
    assert problem["remedy"]


def test_other_kinds_of_bodies_are_refused(client: httpx.Client, assistant: UUID) -> None:
    refused = lines(client, b"input\nx", "text/csv")
    assert (refused.status_code, "x-ndjson" in refused.json()["remedy"]) == (415, True)


@pytest.mark.usefixtures("assistant")
def test_prompts_are_for_versions_that_are_held(client: httpx.Client, database: Database) -> None:
    stored(client)
    another(database)
    refused = client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@2"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "mainspring rollout assistant@2" in refused.json()["remedy"]
    assert "`prompts: acceptance`" in refused.json()["remedy"]
    asked = client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@1"]})
    assert (asked.status_code, asked.json()) == (202, {"asked": {"assistant@1": 2}})
    again = client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@1"]})
    assert again.json() == {"asked": {"assistant@1": 0}}
    unknown = client.post(f"{NAME}/rollouts", json={"version": "assistant@2", "plan": {"prompts": "no"}})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_prompts")
    assert stage(database, 2) == Stage.REGISTERED


def test_a_trial_survives_its_worker_and_ends_when_it_takes_too_many(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client, PROMPTS[:1])
    client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@1"]}).raise_for_status()
    first = take(database, hands, assistant)
    assert first is not None
    assert take(database, Hands(database, hands.redis), assistant) is None
    assert finish(database, hands, first, EngineStopping("it stops"))  # that is nobody's fault
    first = take(database, hands, assistant)
    assert first is not None
    assert finish(database, hands, first, EngineFailed("it broke"))
    for left in (1, 0):
        worker = Hands(database, hands.redis)
        taken = take(database, worker, assistant)
        assert taken is not None
        worker.die()
        with database.transaction() as session:
            assert running.requeue_lost(session) == 1
        assert not finish(database, worker, taken, "too late")
        assert states(database) == ({"waiting": 1} if left else {"failed": 1})
    assert take(database, Hands(database, hands.redis), assistant) is None


def test_what_a_worker_dropped_it_takes_again_and_not_for_ever(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client, PROMPTS[:1])
    client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@1"]}).raise_for_status()
    taken = [take(database, hands, assistant) for _ in range(4)]
    assert [one is not None for one in taken] == [True, True, True, False]
    assert states(database) == {"failed": 1}


@pytest.mark.parametrize("before", [{"prompts": "acceptance"}, {"shadow": SHADOW}])
def test_by_another_plan_it_still_goes_through_what_it_was_begun_with(
    before: dict[str, Any], client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client)
    holds(database, hands, another(database))
    rollout = begin(client, **before)
    judge(database)
    state = look(client, rollout)["state"]
    changed = client.put(f"/v1/rollouts/{rollout['id']}/plan", json={"plan": {"steps": [0.3]}}).json()
    assert (changed["state"], changed["plan"]["steps"]) == (state, [0.3])
    judge(database)
    assert look(client, rollout)["state"] == state


@pytest.mark.usefixtures("assistant")
def test_a_shadow_without_a_first_share_behind_it_is_refused(
    client: httpx.Client, database: Database
) -> None:
    another(database)
    plan = {"steps": [], "shadow": SHADOW}
    refused = client.post(f"{NAME}/rollouts", json={"version": "assistant@2", "plan": plan})
    assert refused.status_code == 422
    assert "steps" in refused.json()["detail"]


def test_what_a_conversation_said_before_belongs_to_its_trial(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    begin(client, shadow=SHADOW)
    judge(database)
    receipt = submitted(client, 1, session="a talk")[0]
    hands.finish(hands.take(assistant), {"text": "yes"})
    judge(database)
    taken = take(database, hands, second)
    assert taken is not None
    assert str(taken.job_id) == receipt["id"]
    assert taken.session_id is not None


def test_paused_it_tries_nothing_new(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    holds(database, hands, another(database))
    rollout = begin(client, shadow=SHADOW)
    judge(database)
    client.post(f"/v1/rollouts/{rollout['id']}/pause", json={}).raise_for_status()
    lived(client, hands, assistant, 5)
    judge(database)
    assert states(database) == {}
    client.post(f"/v1/rollouts/{rollout['id']}/resume", json={}).raise_for_status()
    judge(database)
    assert states(database) == {"waiting": 5}


@pytest.mark.usefixtures("assistant")
def test_promoted_by_hand_out_of_testing(client: httpx.Client, database: Database) -> None:
    stored(client)
    another(database)
    rollout = begin(client, prompts="acceptance")
    client.post(f"/v1/rollouts/{rollout['id']}/promote", json={"reason": "I know it"}).raise_for_status()
    assert stage(database, 2) == Stage.PRODUCTION


def test_one_that_is_being_tested_can_be_asked_another_set(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client)
    stored(client, PROMPTS[:1], "short")
    second = another(database)
    holds(database, hands, second)
    begin(client, prompts="acceptance")
    asked = client.post(f"{NAME}/prompts/short/trials", json={"versions": ["assistant@2"]})
    assert (asked.status_code, asked.json()) == (202, {"asked": {"assistant@2": 1}})
    assert tried(database, hands, second, "Paris") == 1


def test_what_to_do_instead_of_asking_one_that_has_gone(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    stored(client)
    another(database)
    over(client)
    client.post("/v1/versions/assistant@1/retire", json={}).raise_for_status()

    def refused() -> dict[str, Any]:
        answer = client.post(f"{NAME}/prompts/acceptance/trials", json={"versions": ["assistant@1"]})
        assert answer.status_code == 409
        return dict(answer.json())

    assert "assistant@1 is retired" in refused()["detail"]
    assert "mainspring rollback assistant --to assistant@1" in refused()["remedy"]
    with database.transaction() as session:
        session.get_one(Version, assistant).deleted_at = func.now()
    assert "its files are no longer kept" in refused()["detail"]
    assert "mainspring deploy assistant" in refused()["remedy"]


@pytest.mark.usefixtures("assistant")
def test_a_policy_that_names_prompts_which_are_not_there_is_refused(client: httpx.Client) -> None:
    """The next version, trained for hours, could not begin its rollout."""
    body = {"task": "text-generation", "policy": {"rollout": {"prompts": "acceptance"}}}
    for name in ("assistant", "newcomer"):
        refused = client.put(f"/v1/deployments/{name}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_prompts")
        assert refused.json()["field"] == "policy.rollout.prompts"
        assert f"mainspring prompts {name} acceptance --store FILE" in refused.json()["remedy"]
    assert client.get(NAME).json()["policy"] == {}
    assert client.get("/v1/deployments/newcomer").status_code == 404
    stored(client)
    assert client.put(NAME, json=body).status_code == 200
