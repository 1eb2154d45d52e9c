"""A file of deployments: what is wrong in it is shown where it stands, and what would change is said in words."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mainspring.declaring.difference import declared
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted, read
from mainspring.declaring.versions import Now, answering, bystander, registered, weighted
from mainspring.errors import BadDeclaration
from mainspring.evaluation.plan import GatePlan, SuitePlan
from mainspring.kept.plan import TextPlan, TracePlan
from mainspring.monitor.plan import DriftPlan
from mainspring.refresh.plan import RefreshPlan
from mainspring.release.draining import DrainPlan
from mainspring.release.plan import RolloutPlan, ShadowPlan
from mainspring.tables import Task

GOOD = """\
deployments:
  chat:
    task: text-generation
    policy:
      queue_bound: 100
      rollout: {steps: [0.1, 0.5]}
    model: models/chat
    weights: {chat@1: 0.9, chat@2: 0.1}
  sorter:
    task: text-classification
"""


def given(folder: Path, content: str) -> Document:
    path = folder / "deployments.yaml"
    path.write_text(content)
    return Document(path)


def test_a_folder_is_meant_from_where_the_file_is_and_all_else_is_a_hub_id(tmp_path: Path) -> None:
    (tmp_path / "models" / "chat").mkdir(parents=True)
    found = read(given(tmp_path, GOOD))
    assert found["chat"].model == str((tmp_path / "models" / "chat").resolve())
    assert found["sorter"] == Wanted(task=Task.TEXT_CLASSIFICATION)
    (tmp_path / "models" / "chat").rmdir()
    assert read(given(tmp_path, GOOD))["chat"].model == "models/chat"


@pytest.mark.parametrize(
    ("content", "line", "said", "remedy"),
    [
        ("", 1, "missing", "deployments:"),
        ("deployments: [\n", 2, "not YAML", "Correct"),
        ("deployments:\n  a:\n    model: x\n", 2, "a.task: it is missing", "task:"),
        ("deployments:\n  a:\n    task: dance\n", 3, "should be", "text-generation"),
        (
            "deployments:\n  a:\n    task: fill-mask\n    modle: x\n",
            4,
            "modle: nothing of that name",
            "model, revision",
        ),
        ("deployments:\n  a:\n    task: fill-mask\n  a:\n    task: fill-mask\n", 4, "twice", "Leave one"),
        ("deployments:\n  a:\n    task: fill-mask\n    model: 7\n", 4, "valid string", "README"),
        (
            "deployments:\n  a:\n    task: fill-mask\n    weights:\n      a@1: 0.5\n",
            4,
            "come to 0.5",
            "their shares",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    weights:\n      b@1: 1\n",
            5,
            "no version of `a`",
            "a@3",
        ),
        ("deployments:\n  a:\n    task: fill-mask\n    weights: {}\n", 4, "0 versions", "Give one"),
        (
            "deployments:\n  a:\n    task: fill-mask\n    base: b@1\n",
            4,
            "there is no model",
            "Write `model:`",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    policy:\n      drain:\n        idle: 5\n",
            6,
            "policy.drain.idle: nothing of that name",
            "idle_seconds, deadline_seconds",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    policy:\n      rollout: {steps: [0.5, 0.1]}\n",
            5,
            "each step's share must be larger",
            "README",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    policy:\n      engine: vllm\n",
            5,
            "does not serve fill-mask",
            "Use `auto`",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    policy:\n      texts: {hours: 5}\n",
            5,
            "policy.texts.share: it is missing",
            "README",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    policy:\n      traces: {share: 1, text: true}\n",
            5,
            "text that is not kept",
            "Keep it",
        ),
        (
            "deployments:\n  a:\n    task: fill-mask\n    model: x\n    base: b\n",
            5,
            "should match",
            "chat@1: the version",
        ),
    ],
)
def test_what_is_wrong_names_file_line_and_remedy(
    tmp_path: Path, content: str, line: int, said: str, remedy: str
) -> None:
    with pytest.raises(BadDeclaration) as refused:
        read(given(tmp_path, content))
    assert refused.value.field == f"{tmp_path}/deployments.yaml, line {line}"
    assert said in refused.value.detail
    assert remedy in (refused.value.remedy or "")


def test_the_policy_of_the_readme_has_everything_in_it(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [example] = re.findall(r"^```yaml\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    policy = read(given(tmp_path, example))["chat"].policy
    assert policy is not None
    assert policy["rollout"].keys() == RolloutPlan.model_fields.keys()
    assert policy["rollout"]["shadow"].keys() == ShadowPlan.model_fields.keys()
    assert policy["drain"].keys() == DrainPlan.model_fields.keys()
    assert policy["drift"].keys() == DriftPlan.model_fields.keys()
    assert policy["refresh"].keys() == RefreshPlan.model_fields.keys()
    assert policy["evaluation"].keys() == SuitePlan.model_fields.keys() - {"metrics", "judge", "harness"}
    assert policy["gate"].keys() == GatePlan.model_fields.keys()
    assert policy["texts"].keys() == TextPlan.model_fields.keys()
    assert policy["traces"].keys() == TracePlan.model_fields.keys()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadDeclaration, match="cannot be read"):
        Document(tmp_path / "nothing.yaml")


def found(**more: Any) -> dict[str, Any]:
    filled = {"queue_bound": 100, "rollout": {"steps": [0.1, 0.5], "alpha": 0.05}}
    return {"task": "text-generation", "policy": filled, "retired_at": None} | more


def test_what_the_server_fills_in_is_no_difference_and_what_is_left_out_is() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, policy={"queue_bound": 100, "rollout": {"steps": [0.1, 0.5]}})
    assert list(declared("chat", wanted, found())) == []
    wanted.policy = {"rollout": {"steps": [0.1, 0.6]}}
    [change] = declared("chat", wanted, found())
    assert "policy.rollout.steps is [0.1, 0.6] instead of [0.1, 0.5]" in change.said
    assert "policy.queue_bound is left out" in change.said
    wanted.policy = None
    assert list(declared("chat", wanted, found())) == []
    assert [one.verb for one in declared("chat", wanted, None)] == ["declare"]
    assert "is back" in next(declared("chat", wanted, found(retired_at="2026"))).said


def test_a_key_that_is_no_longer_in_a_part_of_the_policy_is_a_difference() -> None:
    plan = {"steps": [0.1, 0.5], "approval": True, "prompts": "acceptance"}
    kept = found(policy={"rollout": plan, "drain": {"idle_seconds": 60.0, "delete_seconds": None}})
    wanted = Wanted(task=Task.TEXT_GENERATION, policy=kept["policy"])
    assert list(declared("chat", wanted, kept)) == []
    wanted.policy = {"rollout": {"steps": [0.1, 0.5]}, "drain": {"idle_seconds": 60}}
    [change] = declared("chat", wanted, kept)
    assert "policy.rollout.approval is False instead of True" in change.said
    assert "policy.rollout.prompts is left out" in change.said
    assert "policy.drain.delete_seconds is 2592000.0 instead of nothing" in change.said
    assert change.body["policy"] == wanted.policy


def version(number: int, digest: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "digest": digest, "stage": "production", "source": {}} | more


def new(name: str, wanted: Wanted, versions: list[dict[str, Any]], digest: str | None) -> Any:
    return registered(name, wanted, Now(versions, f"{name}@1"), digest)


def test_a_model_that_is_known_by_its_bytes_or_its_hub_id_is_not_registered_again() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat")
    assert new("chat", wanted, [version(1, "aa")], "aa") is None
    made = new("chat", wanted, [version(1, "aa"), version(4, "bb")], "cc")
    assert (made.said, made.body) == (
        "chat@5 is registered from /models/chat",
        {"model": "/models/chat"},
    )
    hub = Wanted(task=Task.TEXT_GENERATION, model="owner/name", revision="v1")
    known = version(1, "aa", source={"hub": "owner/name", "revision": "v1"})
    assert new("chat", hub, [known], None) is None
    hub.revision = "v2"
    assert new("chat", hub, [known], None) is not None


def test_one_that_was_rejected_is_not_registered_again_either() -> None:
    """Each apply would begin another rollout of it, which the judge would end again."""
    wanted = Wanted(task=Task.TEXT_GENERATION, model="owner/name", revision="v1")
    source = {"hub": "owner/name", "revision": "v1"}
    rejected = version(4, "aa", stage="rejected", reason="it fails", source=source)
    with pytest.raises(BadDeclaration, match="chat@4 of these bytes was rejected: it fails") as refused:
        new("chat", wanted, [rejected], None)
    by_hand = "mainspring deploy chat --model owner/name --task text-generation --revision v1"
    assert by_hand in (refused.value.remedy or "")
    tried_again = version(5, "aa", stage="registered", source=source)
    assert new("chat", wanted, [tried_again, rejected], None) is None
    wanted.weights = {"chat@1": 1.0}  # which say who answers
    assert new("chat", wanted, [rejected], None) is None


def test_one_whose_files_are_gone_is_registered_again() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat")
    gone = version(2, "bb", stage="retired", deleted_at="2026-11-28")
    made = new("chat", wanted, [gone, version(1, "aa")], "bb")
    assert made.said == "chat@2 is registered again, since its files are no longer kept, from /models/chat"


def rollout_of(label: str, *steps: float) -> dict[str, Any]:
    return {"challenger": label, "plan": {"steps": list(steps)}}


@pytest.mark.parametrize(
    ("stage", "now", "verb", "said"),
    [
        ("production", Now(production="chat@3"), None, ""),
        ("canary", Now(production="chat@1", rollout=rollout_of("chat@3", 0.1)), None, ""),
        ("registered", Now(), "takes_over", "chat@3 answers for chat"),
        ("registered", Now(production="chat@1"), "takes_over", "chat@3 takes over from chat@1"),
        (
            "registered",
            Now(production="chat@1", policy={"rollout": {"steps": [0.1]}}),
            "rolls_out",
            "chat@3 begins to take over from chat@1",
        ),
        (
            "retired",
            Now(production="chat@1", policy={"rollout": {"steps": [0.1]}}),
            "takes_over",
            "chat@3 takes over from chat@1, at once",
        ),
        (
            "retired",
            Now(production="chat@1", rollout=rollout_of("chat@2", 0.1)),
            "wrong",
            "the rollout of chat@2 is open",
        ),
    ],
)
def test_the_model_of_a_file_is_the_one_that_answers(
    stage: str, now: Now, verb: str | None, said: str
) -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat")
    now = replace(now, versions=[version(3, "cc", stage=stage)])
    if verb == "wrong":
        with pytest.raises(BadDeclaration, match=said):
            answering("chat", wanted, now, "cc")
        return
    change = answering("chat", wanted, now, "cc")
    assert (None if change is None else change.verb) == verb
    assert change is None or (said in change.said and change.body == {"version": "chat@3"})
    wanted.weights = {"chat@1": 1.0}
    assert answering("chat", wanted, now, "cc") is None


def test_a_rollout_that_the_file_does_not_speak_of_is_told() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat")
    now = Now([version(1, "aa")], "chat@1", rollout_of("chat@2", 0.1))
    assert "mainspring abort chat" in (bystander("chat", wanted, now, "aa") or "")
    assert bystander("chat", wanted, replace(now, rollout=None), "aa") is None
    assert bystander("chat", wanted, replace(now, rollout=rollout_of("chat@1", 0.1)), "aa") is None


def test_an_adapter_is_another_one_beside_another_base_and_comes_behind_what_it_may_change(
    tmp_path: Path,
) -> None:
    content = (
        "deployments:\n"
        "  tuned: {task: text-generation, model: me/adapter, base: chat@1}\n"
        "  chat: {task: text-generation, model: me/model}\n"
    )
    declared = read(given(tmp_path, content))
    assert list(declared) == ["chat", "tuned"]
    known = version(1, "aa", source={"hub": "me/adapter", "revision": None, "base": "chat@1"})
    assert new("tuned", declared["tuned"], [known], None) is None
    declared["tuned"].base = "chat@2"
    made = new("tuned", declared["tuned"], [known], None)
    assert made.said == "tuned@2 is registered from me/adapter, an adapter of chat@2"
    assert made.body == {"model": "me/adapter", "base": "chat@2"}


STAGES = ("production", "canary", "registered", "draining", "rejected")
VERSIONS = [version(number, "", stage=stage, reason="it fails") for number, stage in enumerate(STAGES, 1)]


@pytest.mark.parametrize(
    ("weights", "production", "rollout", "verb"),
    [
        ({"chat@1": 1.0}, "chat@1", None, None),
        ({"chat@3": 1.0}, "chat@1", None, "takes_over"),
        ({"chat@4": 1.0}, "chat@1", None, "takes_over"),
        ({"chat@2": 1.0, "chat@1": 0.0}, "chat@1", ("chat@2", [0.1]), "takes_over"),
        ({"chat@1": 0.9, "chat@3": 0.1}, "chat@1", None, "shares"),
        ({"chat@1": 0.9, "chat@2": 0.1}, "chat@1", ("chat@2", [0.1]), None),
        ({"chat@1": 0.9, "chat@2": 0.1}, "chat@1", ("chat@2", [0.1, 0.5]), "reshares"),
        ({"chat@1": 0.9, "chat@2": 0.1}, "chat@1", ("chat@3", [0.1]), "the rollout of chat@3 is open"),
        ({"chat@1": 0.9, "chat@4": 0.1}, "chat@1", None, "chat@4 has been in production"),
        ({"chat@1": 0.9, "chat@5": 0.1}, "chat@1", None, "chat@5 was rejected .*: it fails"),
        ({"chat@5": 1.0}, "chat@1", None, "chat@5 was rejected .*: it fails"),
        ({"chat@1": 0.9, "chat@6": 0.1}, "chat@1", None, "there is no version chat@6"),
        ({"chat@1": 1.0}, "chat@1", ("chat@2", [0.1]), "the rollout of chat@2 is open"),
        ({"chat@2": 0.9, "chat@3": 0.1}, "chat@1", None, "neither is in production"),
        ({"chat@1": 1.0}, None, None, "neither is in production: nothing is"),
    ],
)
def test_shares(
    weights: dict[str, float],
    production: str | None,
    rollout: tuple[str, list[float]] | None,
    verb: str | None,
) -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, weights=weights)
    now = Now(VERSIONS, production, None if rollout is None else rollout_of(rollout[0], *rollout[1]))
    if verb is None or verb in ("takes_over", "shares", "reshares"):
        change = weighted("chat", wanted, now)
        assert (None if change is None else change.verb) == verb
        return
    with pytest.raises(BadDeclaration, match=verb):
        weighted("chat", wanted, now)


def test_shares_go_through_what_the_policys_rollout_has_before_them() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, weights={"chat@1": 0.9, "chat@3": 0.1})
    before = {"prompts": "acceptance", "shadow": {"share": 0.2}, "steps": [0.5], "alpha": 0.01, "samples": 9}
    change = weighted("chat", wanted, Now(VERSIONS, "chat@1", policy={"rollout": before}))
    assert change is not None
    assert change.body["plan"] == before | {"steps": [0.1], "samples": 1_000_000, "dwell_seconds": 0}


def test_shares_of_a_version_that_is_going_to_be_registered() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat", weights={"chat@1": 0.9, "chat@6": 0.1})
    now = Now(VERSIONS, "chat@1")
    made = registered("chat", wanted, now, "cc")
    assert made is not None
    shared = weighted("chat", wanted, now.after("chat", made))
    assert shared is not None
    assert shared.said == "chat@6 has 10% of chat's new work, chat@1 the rest"
