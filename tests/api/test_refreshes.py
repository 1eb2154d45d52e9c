"""The loop as an operator sees and steers it: a wish, its stages, the verdict, the word that it waits for, the line."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from mainspring.monitor import deciding
from mainspring.tables import Database, Evaluation, RetrainingRequest, Stage, Verdict
from tests.api.rolling import NAME, NOBODY, another, stage
from tests.api.winding import POLICY, Trainer, results, rounds


def wound(client: httpx.Client, **refresh: Any) -> None:
    policy = POLICY | {"refresh": POLICY["refresh"] | refresh}
    client.put(NAME, json={"task": "text-generation", "policy": policy}).raise_for_status()


def asked(client: httpx.Client) -> dict[str, Any]:
    answer = client.post(f"{NAME}/refreshes", json={"reason": "the manual has grown"})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/refreshes/{answer.json()['id']}"
    return answer.json()


def through(database: Database, hands: Trainer, **measured: Any) -> None:
    """Curated, trained, evaluated, judged."""
    for more in ({}, {}, measured):
        rounds(database)
        hands.carry_out(**more)
    rounds(database)


def look(client: httpx.Client, refresh: dict[str, Any]) -> dict[str, Any]:
    return client.get(f"/v1/refreshes/{refresh['id']}").json()


def test_from_a_wish_to_production_and_the_line_from_everywhere(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    wound(client)
    begun = asked(client)
    assert (begun["state"], begun["trigger"], begun["champion"]) == ("curating", "person", "assistant@1")
    again = client.post(f"{NAME}/refreshes", json={"reason": "still"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    hands = Trainer(database)
    rounds(database)
    hands.carry_out()
    rounds(database)
    fence = hands.claim()
    hands.tell(fence, 0.4, "training · step 4 of 10", step=4, training_loss=3.2)
    going = look(client, begun)
    assert (going["state"], going["work"]["kind"], going["work"]["progress"]) == ("training", "run", 0.4)
    assert going["work"]["measures"] == {"step": 4, "training_loss": 3.2}
    hands.finish(fence)
    rounds(database)
    hands.carry_out()
    rounds(database)
    ended = look(client, begun)
    assert (ended["state"], ended["version"], ended["asked"]) == (
        "released",
        "assistant@2",
        ["the manual has grown"],
    )
    assert stage(database, 2) == Stage.PRODUCTION
    assert ended["judged"]["decision"] == "accept"
    assert [turn["kind"].partition(".")[2] for turn in ended["history"]] == [
        "begun",
        "training",
        "evaluating",
        "releasing",
        "released",
    ]
    line = ended["line"]
    assert {name: len(ids) for name, ids in line.items()} == dict.fromkeys(line, 1) | {
        "alarms": 0,
        "rollouts": 0,
    }
    assert line["answers"] == ["/v1/jobs?version=assistant@2"]
    for path in (
        f"/v1/datasets/{ended['dataset']}",
        f"/v1/training-runs/{ended['run']}",
        "/v1/versions/assistant@2",
        f"/v1/evaluations/{ended['evaluation']}",
        f"/v1/verdicts/{ended['verdict']}",
    ):
        assert client.get(path).json()["line"] == line, path
    assert client.get("/v1/versions/assistant@1").json()["line"]["refreshes"] == []
    listed = client.get(f"{NAME}/refreshes").json()["refreshes"]
    assert [(one["id"], one["work"]) for one in listed] == [(begun["id"], None)]


def test_from_an_alarm_too(client: httpx.Client, database: Database, assistant: UUID) -> None:
    """What an alarm asked for is taken by the beat, and the drift view walks on from there."""
    with database.transaction() as session:
        deciding.ask(session, "assistant", actor="monitor", reason="the subject has moved")
    assert client.get(f"{NAME}/drift").json()["retraining"]["line"]["refreshes"] == []
    wound(client)
    rounds(database)
    (refresh,) = client.get(f"{NAME}/refreshes").json()["refreshes"]
    retraining = client.get(f"{NAME}/drift").json()["retraining"]
    assert retraining["line"]["refreshes"] == [refresh["id"]]
    assert retraining["line"]["datasets"] == [refresh["dataset"]]


def test_one_that_waits_for_a_word_hears_it(
    client: httpx.Client, database: Database, assistant: UUID, stranger: httpx.Client
) -> None:
    wound(client, approval=True)
    hands = Trainer(database)
    for word, state, its_stage in (
        ("refuse", "refused", Stage.REJECTED),
        ("approve", "releasing", Stage.TESTING),
    ):
        begun = asked(client)
        early = client.post(f"/v1/refreshes/{begun['id']}/{word}", json={})
        assert (early.status_code, early.json()["code"]) == (409, "conflict")
        through(database, hands)
        assert look(client, begun)["state"] == "waiting"
        assert stranger.post(f"/v1/refreshes/{begun['id']}/{word}", json={}).status_code == 403
        said = client.post(f"/v1/refreshes/{begun['id']}/{word}", json={"reason": "by the board"}).json()
        assert (said["state"], said["reason"]) == (state, "by the board")
        assert stage(database, hands.made) == its_stage
    rounds(database)
    assert look(client, begun)["state"] == "released"


def test_a_worse_one_is_refused_with_reasons(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    wound(client)
    begun = asked(client)
    through(database, Trainer(database), results=results(old=-0.5))
    ended = look(client, begun)
    assert ended["state"] == "refused"
    assert "likelihood.old" in ended["reason"]
    evaluation = client.get(f"/v1/evaluations/{ended['evaluation']}").json()
    assert (evaluation["version"], evaluation["beside"]) == ("assistant@2", "assistant@1")
    assert evaluation["verdict"]["decision"] == evaluation["decision"] == "reject"
    findings = {one["name"]: one["state"] for one in evaluation["verdict"]["findings"]}
    assert findings == {"likelihood.new": "holds", "likelihood.old": "fails"}
    assert {one["name"] for one in evaluation["results"]["measured"]} == {"likelihood.new", "likelihood.old"}
    verdict = client.get(f"/v1/verdicts/{ended['verdict']}").json()
    assert verdict["results"] == evaluation["results"]
    assert verdict["plan"]["metrics"]["likelihood.old"]["tolerance"] == 0.1


def test_one_that_goes_on_is_cancelled_and_what_works_for_it_hears(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    wound(client)
    begun = asked(client)
    rounds(database)
    hands = Trainer(database)
    fence = hands.claim()
    done = client.post(f"/v1/refreshes/{begun['id']}/cancel", json={"reason": "not today"}).json()
    assert (done["state"], done["reason"]) == ("cancelled", "not today")
    assert hands.tell(fence, 0.5, "cleaning").name == "CANCEL"
    over = client.post(f"/v1/refreshes/{begun['id']}/cancel", json={})
    assert over.status_code == 409
    assert asked(client)["state"] == "curating"


def test_a_person_has_any_version_evaluated_and_judged(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    wound(client)
    another(database)
    another(database, 3)
    path = f"{NAME}/evaluations"
    made = client.post(path, json={"version": "assistant@2", "beside": "assistant@3"})
    assert made.status_code == 202, made.text
    alone = client.post(path, json={"version": "assistant@1"}).json()
    beside = client.post(path, json={"version": "assistant@2"}).json()
    assert [made.json()["beside"], alone["beside"], beside["beside"]] == ["assistant@3", None, "assistant@1"]
    stopped = client.post(f"/v1/evaluations/{alone['id']}/cancel", json={}).json()
    assert stopped["state"] == "cancelled"
    hands = Trainer(database)
    hands.carry_out()
    hands.carry_out(results=results(new=0.1))
    rounds(database)
    found = {one["id"]: one["decision"] for one in client.get(path).json()["evaluations"]}
    assert found == {made.json()["id"]: "accept", alone["id"]: None, beside["id"]: "reject"}
    assert stage(database, 2) == Stage.REGISTERED
    rounds(database)
    with database.transaction() as session:
        assert session.query(Verdict).count() == 2
    line = client.get("/v1/versions/assistant@2").json()["line"]
    assert line["evaluations"] == [made.json()["id"], beside["id"]]
    assert len(line["verdicts"]) == 2


def test_what_cannot_be_read_is_left_and_hinders_nobody(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    another(database)
    for _ in range(2):
        client.post(f"{NAME}/evaluations", json={"version": "assistant@2"}).raise_for_status()
    hands = Trainer(database)
    hands.carry_out(results={"of": "another release"})
    hands.carry_out()
    rounds(database)
    decided = [one["decision"] for one in client.get(f"{NAME}/evaluations").json()["evaluations"]]
    assert decided[1] is None
    assert decided[0] is not None


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("evaluations", {"version": "assistant@9"}, (404, "version")),
        ("evaluations", {"version": "assistant@2", "beside": "assistant@9"}, (404, "beside")),
        ("evaluations", {"version": "assistant@2", "beside": "assistant@2"}, (422, "beside")),
        ("evaluations", {}, (422, "version")),
        ("refreshes", {}, (422, "reason")),
        ("refreshes", {"reason": "x"}, (409, "policy.refresh")),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_bad_wishes_name_the_field_and_the_remedy(
    client: httpx.Client, database: Database, path: str, body: Any, refusal: tuple[int, str]
) -> None:
    another(database)
    refused = client.post(f"{NAME}/{path}", json=body)
    assert (refused.status_code, refused.json()["field"]) == refusal, refused.text
    assert refused.json()["remedy"]


@pytest.mark.parametrize("kind", ["refreshes", "evaluations", "verdicts", "datasets", "training-runs"])
@pytest.mark.parametrize("given", [NOBODY, "x", NOBODY.upper().replace("-", "")])
def test_unknown_ids(client: httpx.Client, kind: str, given: str) -> None:
    unknown = client.get(f"/v1/{kind}/{given}")
    assert (unknown.status_code, unknown.json()["field"]) == (404, "id")
    assert unknown.json()["remedy"]


def test_what_was_asked_long_ago_shows_all_the_same(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    """A suite or results that an older release has stored are shown as they are."""
    another(database)
    made = client.post(f"{NAME}/evaluations", json={"version": "assistant@2"}).json()
    with database.transaction() as session:
        session.execute(update(Evaluation).values(suite={"of": "old"}))
        session.execute(update(RetrainingRequest).values(reasons=["old"]))
    assert client.get(f"/v1/evaluations/{made['id']}").json()["suite"] == {"of": "old"}
