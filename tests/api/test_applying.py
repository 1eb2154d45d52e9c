"""`mainspring apply` beside versions that exist: which of them answers is what the file says, or the line is named."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mainspring import registry
from mainspring.lifecycle import advance
from mainspring.tables import Database, Deployment, Stage, Task
from tests.api.commanding import Commands
from tests.core.model_folders import model, safetensors
from tests.rows import registered

CHAT = "/v1/deployments/chat"
STEPS = {"steps": [0.1, 0.5], "approval": True}
NOTHING = "Everything is as the file says."


class Declared:
    """`chat` with a version of each of the folders a, b and c, the first in production; and the file that declares it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.file = folder / "deployments.yaml"
        with database.transaction() as session:
            session.add(Deployment(name="chat", task="text-generation", policy={"rollout": STEPS}))
            session.flush()
            for number, name in enumerate("abc", 1):
                (model(folder / name) / "model.safetensors").write_bytes(safetensors(number))
                digest = registry.expected_digest(folder / name, Task.TEXT_GENERATION)
                version = registered(session, "chat", number, digest=digest, path=name, parameters=number)
                if number == 1:
                    advance(session, version, Stage.PRODUCTION, actor="test", reason="the first")

    def say(self, **parts: Any) -> str:
        """As YAML, a part a line, from line 4 on. Gives the file's name."""
        lines = [f"    {name}: {json.dumps(value)}\n" for name, value in parts.items()]
        self.file.write_text("deployments:\n  chat:\n    task: text-generation\n" + "".join(lines))
        return str(self.file)


@pytest.fixture
def declared(database: Database, tmp_path: Path) -> Declared:
    return Declared(database, tmp_path)


def production(client: httpx.Client) -> str:
    return str(client.get(CHAT).json()["production"])


def rollouts(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{CHAT}/rollouts").json()["rollouts"]
    return found


def at_once(client: httpx.Client, number: int) -> None:
    body = {"version": f"chat@{number}", "plan": {"steps": []}}
    client.post(f"{CHAT}/rollouts", json=body).raise_for_status()


def test_a_file_that_names_the_earlier_model_again_brings_it_back(
    client: httpx.Client, declared: Declared, commands: Commands
) -> None:
    file = declared.say(model="a")
    assert NOTHING in commands("apply", file).said
    at_once(client, 2)
    back = "chat@1 takes over from chat@2, at once, since it has been in production"
    shown = commands("apply", file, "--dry-run")
    assert shown.said.splitlines() == [back, "Nothing was changed."]
    assert production(client) == "chat@2"
    assert commands("apply", file).said.splitlines() == [back]
    assert production(client) == "chat@1"
    assert NOTHING in commands("apply", file).said
    assert rollouts(client) == []


def test_one_that_has_not_answered_yet_comes_as_the_policy_says(
    client: httpx.Client, declared: Declared, commands: Commands
) -> None:
    done = json.loads(commands("apply", declared.say(model="c"), "--json").said)
    assert [one["verb"] for one in done["changes"]] == ["rolls_out"]
    [rollout] = rollouts(client)
    assert (rollout["challenger"], rollout["plan"]["steps"]) == ("chat@3", [0.1, 0.5])
    assert (rollout["reason"], production(client)) == ("deployments.yaml says so", "chat@1")
    assert commands("apply", declared.say(model="c")).said.splitlines() == [NOTHING]
    noted = commands("apply", declared.say(model="a"))
    assert noted.said.splitlines()[0] == NOTHING
    assert "The rollout of chat@3, of another model, is open: mainspring abort chat" in noted.said
    other = commands("apply", declared.say(model="b"), "--dry-run")
    assert (other.code, "line 4" in other.wrong) == (1, True)
    assert "the rollout of chat@3 is open" in other.wrong


def test_what_was_rejected_is_said_with_its_reason_and_not_tried_again(
    client: httpx.Client, declared: Declared, commands: Commands
) -> None:
    commands("apply", declared.say(model="c"))
    client.post(f"{CHAT}/rollback", json={"reason": "it repeats itself"}).raise_for_status()
    for more in ([], ["--dry-run"]):
        refused = commands("apply", declared.say(model="c"), *more)
        assert (refused.code, f"{declared.file}, line 4" in refused.wrong) == (1, True)
        assert "chat@3 of these bytes was rejected: it repeats itself" in refused.wrong
        by_hand = f"mainspring deploy chat --model {declared.file.parent / 'c'} --task text-generation"
        assert by_hand in refused.wrong
    shares = {"chat@1": 0.9, "chat@3": 0.1}
    refused = commands("apply", declared.say(model="c", weights=shares))
    assert (refused.code, f"{declared.file}, line 5" in refused.wrong) == (1, True)
    assert "chat@3 was rejected and can have no share of new work: it repeats itself" in refused.wrong
    assert commands("apply", declared.say(model="c", weights={"chat@1": 1})).said.splitlines() == [NOTHING]
    assert len(client.get(f"{CHAT}/versions").json()["versions"]) == 3
    assert client.get(f"{CHAT}/training-runs").json()["training_runs"] == []


def test_what_is_no_longer_in_a_part_of_the_policy_is_seen(
    client: httpx.Client, declared: Declared, commands: Commands
) -> None:
    said = declared.say(policy={"rollout": {"steps": [0.1, 0.5]}, "drain": {"idle_seconds": 60}})
    changed = commands("apply", said).said
    assert "policy.rollout.approval is False instead of True" in changed
    assert "policy.drain is" in changed
    assert client.get(CHAT).json()["policy"]["rollout"]["approval"] is False
    assert NOTHING in commands("apply", said).said
    changed = commands("apply", declared.say(policy={"rollout": {"steps": [0.1, 0.5]}})).said
    assert "policy.drain is left out" in changed
    assert "drain" not in client.get(CHAT).json()["policy"]


def test_shares_are_reached_by_way_of_the_policys_prompts_and_shadow(
    client: httpx.Client, declared: Declared, commands: Commands
) -> None:
    rollout = {"prompts": "acceptance", "shadow": {"samples": 30}, "alpha": 0.01}
    parts = {"policy": {"rollout": rollout}, "weights": {"chat@1": 0.9, "chat@2": 0.1}}
    for more in ([], ["--dry-run"]):
        refused = commands("apply", declared.say(**parts), *more)
        assert (refused.code, "line 4" in refused.wrong) == (1, True)
        assert "`chat` has no prompts of the name `acceptance`" in refused.wrong
        assert "mainspring prompts chat acceptance --store FILE" in refused.wrong
    client.put(f"{CHAT}/prompts/acceptance", json={"prompts": [{"input": "Hello"}]}).raise_for_status()
    done = json.loads(commands("apply", declared.say(**parts), "--json").said)
    assert [one["verb"] for one in done["changes"]] == ["declare", "shares"]
    [begun] = rollouts(client)
    assert (begun["plan"]["steps"], begun["plan"]["alpha"]) == ([0.1], 0.01)
    assert (begun["plan"]["prompts"], begun["plan"]["shadow"]["samples"]) == ("acceptance", 30)
    assert client.get(f"{CHAT}").json()["versions"][1] == {"version": "chat@2", "stage": "testing"}
    assert NOTHING in commands("apply", declared.say(**parts)).said
