"""A candidate in a pipeline, against a real stack: it passes and waits, is staged, or is refused; no client sees it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.api.serving import until
from tests.contract.models import byte_level, causal, save
from tests.faults.stack import Stack
from tests.story.test_commands import command
from tests.story.test_readme import ROOT

FILE = """\
deployments:
  piped:
    task: text-generation
    policy: {rollout: {steps: [0.5], samples: 10, dwell_seconds: 0}}
    model: model
"""
PROMPTS = [
    {"input": text, "parameters": {"max_tokens": 6}} for text in ("A list is", "Wind it", "The watch", "Who")
]


@pytest.fixture(scope="module")
def file(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Applied; beside it `near`, nearly the same model, `far`, another one, and their prompts."""
    folder = tmp_path_factory.mktemp("piped")
    model = causal("llama", context=128)
    save(model, byte_level(), folder / "model")
    model.lm_head.weight.data[0, 0] += 1e-4
    save(model, byte_level(), folder / "near")
    model.lm_head.weight.data = model.lm_head.weight.data.flip(0)
    save(model, byte_level(), folder / "far")
    (folder / "prompts.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in PROMPTS))
    path = folder / "deployments.yaml"
    path.write_text(FILE)
    assert command(stack, "apply", str(path)).returncode == 0
    yield path
    command(stack, "abort", "piped")


def ci(stack: Stack, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    prompts = ["--prompts", str(file.parent / "prompts.jsonl")]
    return command(stack, "ci", str(file), *prompts, "--timeout", "60", *words)


def cases(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in json.loads(done.stdout)["cases"]}


def rollout(stack: Stack) -> dict[str, Any]:
    with stack.client() as api:
        found: list[dict[str, Any]] = api.request("GET", "/v1/deployments/piped/rollouts")["rollouts"]
    return found[0]


def stage(stack: Stack, label: str) -> str:
    with stack.client() as api:
        return str(api.request("GET", f"/v1/versions/{label}")["stage"])


def test_what_passes_waits_in_testing_then_in_staging(stack: Stack, file: Path, tmp_path: Path) -> None:
    near = ["--candidate", str(file.parent / "near"), "--agreement", "0.9"]
    written = ["--junit", str(tmp_path / "out.xml"), "--markdown", str(tmp_path / "out.md")]
    done = ci(stack, file, *near, *written, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(cases(done).values()) == {"passed"}
    assert stage(stack, "piped@2") == "testing"
    assert (rollout(stack)["paused"], rollout(stack)["share"]) == (True, 0)
    junit = etree.parse(tmp_path / "out.xml")
    assert junit.xpath("sum(//testsuite/@failures) + sum(//testsuite/@errors)") == 0
    assert (tmp_path / "out.md").read_text().startswith("## ✅ piped@<!-- -->2: passed")
    again = ci(stack, file, *near, "--stage", "--json")  # the same candidate goes on from there
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["facts"]["candidate"] == "piped@2"
    assert stage(stack, "piped@2") == "staging"
    found = rollout(stack)
    assert (found["state"], found["paused"], found["share"]) == ("shadow", True, 0)
    with stack.client() as api:
        assert api.result(api.submit("piped", "x", max_tokens=2)["id"])["version"] == "piped@1"


def test_another_candidate_takes_its_place_and_is_refused(stack: Stack, file: Path, tmp_path: Path) -> None:
    words = ["--candidate", str(file.parent / "far"), "--agreement", "0.9", "--stage", "--json"]
    done = ci(stack, file, *words, "--junit", str(tmp_path / "out.xml"))
    assert done.returncode == 1, done.stdout + done.stderr
    label = json.loads(done.stdout)["facts"]["candidate"]
    [failed] = [one for one in json.loads(done.stdout)["cases"] if one["outcome"] == "failed"]
    assert failed["name"].startswith("agreement with ci-")
    assert failed["remedy"]
    assert (stage(stack, label), rollout(stack)["state"]) == ("rejected", "rolled_back")
    assert etree.parse(tmp_path / "out.xml").xpath("sum(//testsuite/@failures)") == 1
    over = ci(stack, file, "--candidate", label, "--json")
    assert over.returncode == 2
    assert "is rejected" in over.stdout


def test_what_cannot_be_served_is_refused_and_what_is_wrong_in_the_file_is_shown(
    stack: Stack, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{}")
    done = ci(stack, file, "--candidate", str(tmp_path / "broken"), "--json")
    assert (done.returncode, cases(done)["is registered"]) == (1, "failed")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(FILE.replace("samples: 10", "samples: -1").replace("text-generation", "dance"))
    done = command(stack, "ci", str(wrong))
    assert done.returncode == 1
    assert f"{wrong}, line 3" in done.stdout
    assert "remedy" in done.stdout


def test_what_cannot_be_run_is_neither(stack: Stack, file: Path) -> None:
    done = ci(stack, file, "--prompts", "nobody", "--json")
    assert (done.returncode, "--prompts" in done.stdout) == (2, True)
    with stack.client() as api:
        plan = {"steps": [0.5], "samples": 1000, "dwell_seconds": 1000}
        version = api.register(file.parent / "near", deployment="piped", hold=True)["version"]
        api.request("POST", "/v1/deployments/piped/rollouts", json={"version": version, "plan": plan})
    done = ci(stack, file, "--candidate", str(file.parent / "far"), "--json")
    assert (done.returncode, "is open" in done.stdout) == (2, True)
    assert rollout(stack)["ended_at"] is None
    assert command(stack, "abort", "piped").returncode == 0


def test_what_answers_already_is_asked_as_well(stack: Stack, file: Path) -> None:
    done = ci(stack, file, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["facts"]["candidate"] == "piped@1"


@pytest.mark.slow
def test_on_a_stack_of_its_own_nothing_is_left(stack: Stack, file: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "deployments.yaml"
    candidate.write_text(
        FILE.replace("steps: [0.5]", "steps: [0.5], prompts: asked").replace(
            "model: model", f"model: {file.parent / 'near'}"
        )
    )
    words = ["--embedded", "--stage", "--json", "--prompts", f"asked={file.parent / 'prompts.jsonl'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mainspring", "ci", candidate, *words, "--champion", file.parent / "model"],
        env=stack.environment() | {"TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["facts"]["champion"], found["facts"]["candidate"]) == ("piped@1", "piped@2")
    assert cases(done)["is loaded in staging"] == "passed"
    assert list(tmp_path.glob("ms-ci-*")) == []


def test_a_run_that_is_cancelled_leaves_nothing_on_its_way(stack: Stack, file: Path) -> None:
    """As a pipeline cancels it: by SIGTERM, once the rollout has begun."""
    words = [
        "ci",
        str(file),
        "--prompts",
        str(file.parent / "prompts.jsonl"),
        "--candidate",
        str(file.parent / "far"),
    ]
    started = subprocess.Popen(
        [sys.executable, "-m", "mainspring", *words, "--json"],
        env=stack.environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = rollout(stack)["id"]
    until(lambda: rollout(stack)["id"] != before, seconds=60)
    started.send_signal(signal.SIGTERM)
    said, wrong = started.communicate(timeout=60)
    assert started.returncode == 2, said + wrong
    assert "told to stop" in said
    found = rollout(stack)
    assert (found["paused"], found["share"], found["ended_at"]) == (True, 0, None)
