"""A file of deployments: what is wrong in it is shown where it stands, and what would change is said in words."""

from pathlib import Path
from typing import Any

import pytest

from mainspring.declaring.difference import declared, registered, weighted
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted, read
from mainspring.errors import BadDeclaration
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


def version(number: int, digest: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "digest": digest, "stage": "production", "source": {}} | more


def test_a_model_that_is_known_by_its_bytes_or_its_hub_id_is_not_registered_again() -> None:
    wanted = Wanted(task=Task.TEXT_GENERATION, model="/models/chat")
    assert registered("chat", wanted, [version(1, "aa")], "aa") is None
    assert registered("chat", wanted, [version(1, "aa", stage="rejected")], "aa") is not None
    made = registered("chat", wanted, [version(1, "aa"), version(4, "bb")], "cc")
    assert made is not None
    assert (made.said, made.body) == (
        "chat@5 is registered from /models/chat",
        {"model": "/models/chat"},
    )
    hub = Wanted(task=Task.TEXT_GENERATION, model="owner/name", revision="v1")
    known = version(1, "aa", source={"hub": "owner/name", "revision": "v1"})
    assert registered("chat", hub, [known], None) is None
    hub.revision = "v2"
    assert registered("chat", hub, [known], None) is not None


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
    assert registered("tuned", declared["tuned"], [known], None) is None
    declared["tuned"].base = "chat@2"
    made = registered("tuned", declared["tuned"], [known], None)
    assert made is not None
    assert made.said == "tuned@2 is registered from me/adapter, an adapter of chat@2"
    assert made.body == {"model": "me/adapter", "base": "chat@2"}


STAGES = {"chat@1": "production", "chat@2": "canary", "chat@3": "registered", "chat@4": "draining"}


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
    open_one = None if rollout is None else {"challenger": rollout[0], "plan": {"steps": rollout[1]}}
    if verb is None or verb in ("takes_over", "shares", "reshares"):
        change = weighted("chat", wanted, production, open_one, STAGES)
        assert (None if change is None else change.verb) == verb
        return
    with pytest.raises(ValueError, match=verb):
        weighted("chat", wanted, production, open_one, STAGES)
