"""Kept texts as people meet them: declared, counted, read under audit, in an alarm's examples, in the terminal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from mainspring.access import make_key
from mainspring.identifiers import uuid7
from mainspring.kept.keys import Keys, new_key
from mainspring.kept.writing import keep
from mainspring.observe.eyes import Eyes
from mainspring.observe.look import look
from mainspring.settings import Settings
from mainspring.tables import Database, DriftAlarm, Job, KeptText, Task
from mainspring.terms import ADMIN
from tests.api.commanding import Commands
from tests.api.serving import Hands, Served, produce
from tests.core.monitoring.traffic import reference
from tests.rows import caller
from tests.scraping import look as look_at
from tests.scraping import of

PATH = "/v1/deployments/assistant"
POLICY = {"texts": {"share": 1.0, "days": 7.0}}
DECLARED = {"task": "text-generation", "policy": POLICY}
SECRET = "the vault is behind the mirror"
KEY = new_key()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"text_keys": KEY})


@pytest.fixture
def other(served: Served, database: Database) -> Iterator[httpx.Client]:
    """The admin of another tenant."""
    with database.transaction() as session:
        key = make_key(session, "other", name="test", scopes=[ADMIN], actor="test")
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as opened:
        yield opened


@dataclass(frozen=True)
class Keeping:
    """`assistant`, whose texts are kept."""

    client: httpx.Client
    database: Database
    hands: Hands
    version: UUID

    def job(self, key: str = KEY) -> str:
        """One that was answered, looked at, and kept under this key."""
        body = {"deployment": "assistant", "input": SECRET, "subject": "ada"}
        job = str(self.client.post("/v1/jobs", json=body).json()["id"])
        self.hands.finish(self.hands.take(self.version), {"text": "say friend", "finish_reason": "stop"})
        with self.database.begin() as connection:
            assert sum(keep(connection, Keys([key]), look(connection, Eyes(None, None)).jobs)) == 1
        return job

    def alarm(self, *examples: str) -> None:
        with self.database.transaction() as session:
            made = DriftAlarm(
                id=uuid7(),
                reference_id=reference(session, self.version),
                version_id=self.version,
                deployment="assistant",
                kind="data",
                detector="words_prompt",
                requests=7,
                value=5.0,
                threshold=4.6,
                details={"examples": list(examples), "terms": ["vault"]},
            )
            session.add(made)

    def readings(self) -> list[dict[str, object]]:
        """What the log of events says of who has read, the newest first."""
        events = self.client.get("/v1/events").json()["events"]
        return [one["inputs"] | {"reason": one["reason"]} for one in events if one["kind"] == "text.read"]


@pytest.fixture
def keeping(client: httpx.Client, database: Database, hands: Hands, assistant: UUID) -> Keeping:
    assert client.put(PATH, json=DECLARED).status_code == 200
    return Keeping(client, database, hands, assistant)


def test_a_policy_that_keeps_text_needs_a_key(settings: Settings, client: httpx.Client, key: str) -> None:
    assert client.put(PATH, json=DECLARED).json()["policy"] == POLICY
    with Served(settings.model_copy(update={"text_keys": ""})) as without:
        headers = {"Authorization": f"Bearer {key}"}
        refused = httpx.put(f"{without.url}{PATH}", json=DECLARED, headers=headers)
        assert (refused.status_code, refused.json()["field"]) == (422, "policy.texts")
        assert "mainspring texts --new-key" in refused.json()["remedy"]
        plain = httpx.put(f"{without.url}{PATH}", json={"task": "text-generation"}, headers=headers)
        assert plain.status_code == 200
    for wrong in ({"share": 0, "days": 1}, {"share": 0.5, "days": 0}, {"share": 0.5, "hours": 1}):
        odd = client.put(PATH, json={"task": "text-generation", "policy": {"texts": wrong}})
        assert odd.status_code == 422
    shown = {"policy": {"traces": {"share": 0.5, "text": True}}}
    odd = client.put(PATH, json={"task": "text-generation"} | shown)
    assert (odd.status_code, odd.json()["field"]) == (422, "policy.traces.text")


def test_who_may_read_it(
    keeping: Keeping,
    stranger: httpx.Client,
    other: httpx.Client,
) -> None:
    job = keeping.job()
    found = keeping.client.get(f"{PATH}/texts/{job}", params={"reason": "case 7"}).json()
    assert (found["input"], found["output"]["text"], found["version"]) == (
        SECRET,
        "say friend",
        "assistant@1",
    )
    ends = datetime.fromisoformat(found["leaves_at"]) - datetime.fromisoformat(found["ended_at"])
    assert ends == timedelta(days=7)
    assert keeping.readings() == [{"jobs": [job], "reason": "case 7"}]
    assert other.get(f"{PATH}/texts/{job}").status_code == 404
    assert stranger.get(f"{PATH}/texts/{job}").json()["code"] == "forbidden"
    assert stranger.get(f"{PATH}/texts").status_code == 403
    assert keeping.client.get(f"{PATH}/texts/{uuid7()}").json()["code"] == "not_found"
    assert keeping.client.get(f"{PATH}/texts/7").json()["code"] == "unknown_job"
    assert keeping.client.get(f"/v1/deployments/nobody/texts/{job}").json()["code"] == "unknown_deployment"
    assert len(keeping.readings()) == 1
    with keeping.database.transaction() as session:
        session.execute(update(Job).values(tenant_id=caller(session, "other").tenant_id))
    assert other.get(f"{PATH}/texts/{job}").json()["input"] == SECRET
    assert keeping.client.get("/v1/audit/verify").json()["whole"]


def test_what_waits_for_a_key_is_a_figure(keeping: Keeping, served: Served) -> None:
    produce(keeping.database, "silent", Task.TEXT_GENERATION)
    keeping.job()
    with keeping.database.transaction() as session:
        session.execute(update(KeptText).values(key=None, content=None))
    keeping.job()
    shown = look_at(served.url)
    assert of(shown, "texts_waiting", deployment="assistant") == 1
    assert [dict(labels) for name, labels in shown if name == "mainspring_texts_waiting"] == [
        {"deployment": "assistant"}
    ]


def test_a_key_that_is_gone_is_told(keeping: Keeping, commands: Commands) -> None:
    job = keeping.job(new_key())
    refused = keeping.client.get(f"{PATH}/texts/{job}")
    assert (refused.status_code, refused.json()["code"]) == (409, "text_locked")
    assert "MAINSPRING_TEXT_KEYS" in refused.json()["remedy"]
    with keeping.database.transaction() as session:
        session.execute(update(KeptText).values(key=None, content=None))
    refused = keeping.client.get(f"{PATH}/texts/{job}")
    assert (refused.status_code, refused.json()["code"]) == (409, "text_locked")
    assert keeping.client.get(f"{PATH}/texts").json()["waiting"] == 1
    assert "1 wait for a key" in commands("texts", "assistant").said
    assert keeping.readings() == []


def test_examples_of_an_alarm(
    keeping: Keeping,
    other: httpx.Client,
    stranger: httpx.Client,
    commands: Commands,
) -> None:
    job, lost = keeping.job(), str(uuid7())
    keeping.alarm(lost, job)
    (quiet,) = keeping.client.get(f"{PATH}/drift").json()["alarms"]
    assert (quiet["examples"], quiet["kept"], quiet["texts"]) == ([lost, job], 1, [])
    assert SECRET not in commands("drift", "assistant").said
    assert keeping.readings() == []
    (loud,) = keeping.client.get(f"{PATH}/drift", params={"texts": True}).json()["alarms"]
    assert [(one["job"], one["input"]) for one in loud["texts"]] == [(job, SECRET)]
    assert len(keeping.readings()) == 1
    (theirs,) = other.get(f"{PATH}/drift", params={"texts": True}).json()["alarms"]
    assert theirs["texts"] == []
    assert stranger.get(f"{PATH}/drift", params={"texts": True}).status_code == 403
    said = commands("drift", "assistant", "--texts").said
    assert f"{job}  {SECRET} → say friend" in said
    assert keeping.readings()[0]["reason"] == "mainspring drift --texts"


def test_in_the_terminal(keeping: Keeping, commands: Commands) -> None:
    job = keeping.job()
    assert "1 kept, of 100.00% of its jobs for 7 days" in commands("texts", "assistant").said
    said = commands("texts", "assistant", "--job", job).said
    assert SECRET in said
    assert "say friend" in said
    assert json.loads(commands("texts", "assistant", "--json").said)["kept"] == 1
    assert Keys([commands("texts", "--new-key").said.strip()])
    keeping.client.put(PATH, json={"task": "text-generation", "policy": {}})
    assert "keeps no text" in commands("texts", "assistant").said
    assert keeping.client.get(f"{PATH}/texts/{job}").status_code == 404


def test_no_text_is_in_the_log_or_the_events(
    keeping: Keeping,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = keeping.job()
    assert keeping.client.get(f"{PATH}/texts/{job}").status_code == 200
    assert SECRET not in keeping.client.get("/v1/events").text
    assert SECRET not in caplog.text + "".join(capsys.readouterr())
