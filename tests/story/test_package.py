"""A version in a package: complete, the same twice, and started where there is no network with what it brings alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.models import byte_level, causal, save
from tests.contract.test_adapters import trained
from tests.faults.stack import Stack, free_port
from tests.story.test_commands import command
from tests.story.test_readme import ROOT

POLICY = {"queue_bound": 77, "rollout": {"prompts": "acceptance", "steps": [0.5]}}
PROMPTS = [{"input": "A list is"}, {"input": "Wind the watch", "expected": "a"}]
# A folder that is none: what is wanted of a hub fails at once.
NO_PROXY = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
)


@pytest.fixture(scope="module")
def packed(stack: Stack) -> Iterator[Path]:
    """A folder with the package of an adapter, `packed@2`, of the model `packed@1`, with its policy and prompts."""
    folder = Path(tempfile.mkdtemp(prefix="ms-pack-", dir="/tmp"))
    model = causal("llama", context=128)
    save(model, byte_level(), folder / "model")
    trained(model, folder / "adapter")
    with stack.client() as api:
        api.register(folder / "model", deployment="packed", task="text-generation")
        api.register(folder / "adapter", deployment="packed", base="packed@1")
        api.request("PUT", "/v1/deployments/packed/prompts/acceptance", json={"prompts": PROMPTS})
        body = {"task": "text-generation", "policy": POLICY}
        api.request("PUT", "/v1/deployments/packed", json=body)
    done = command(stack, "package", "packed@2", "--into", str(folder / "context"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == "packed@2"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_what_is_in_it(stack: Stack, packed: Path) -> None:
    context = packed / "context"
    manifest = json.loads((context / "manifest.json").read_text())
    with stack.client() as api:
        adapter, base = (api.request("GET", f"/v1/versions/packed@{number}") for number in (1 + 1, 1))
    assert (manifest["digest"], manifest["base"]["digest"]) == (adapter["digest"], base["digest"])
    for one in (adapter, base):
        for name, digest in one["files"].items():
            assert manifest["files"][f"models/{one['digest']}/{name}"] == digest
    there = {str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()}
    assert there == {*manifest["files"], "manifest.json"}
    pins = (context / "constraints.txt").read_text().splitlines()
    assert all(line.count("==") == 1 for line in pins)
    assert {"torch", "transformers", "celery", "psycopg"} <= {line.partition("==")[0] for line in pins}
    assert "mainspring" not in {line.partition("==")[0] for line in pins}
    assert "packed@2" in (context / "card.md").read_text()
    assert manifest["lineage"]["source"]["base"] == "packed@1"


def test_packed_again_it_is_the_same_whatever_happened_since(stack: Stack, packed: Path) -> None:
    assert command(stack, "submit", "packed", "A list is", "--set", "max_tokens=2").returncode == 0
    done = command(stack, "package", "packed@2", "--into", str(packed / "again"))
    assert done.returncode == 0, done.stderr
    assert (packed / "again/manifest.json").read_bytes() == (packed / "context/manifest.json").read_bytes()
    refused = command(stack, "package", "packed@2", "--into", str(packed / "again"), "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stderr)["field"] == "into"


def test_no_secret_is_in_it(stack: Stack, packed: Path) -> None:
    secrets = {
        "MAINSPRING_ENGINE_KEY": "hidden-1",
        "MAINSPRING_SECRET": "hidden-2",
        "MAINSPRING_MAX_LOSSES": "7",
    }
    stack_environment = stack.environment() | secrets
    done = subprocess.run(
        [sys.executable, "-m", "mainspring", "package", "packed@1", "--into", str(packed / "whole")],
        env=stack_environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    key = (stack.settings.home / "key").read_text().strip()
    for path in (packed / "whole").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(one.encode() in content for one in ("hidden-1", "hidden-2", key)), path
    said = (packed / "whole/environment.env").read_text()
    assert "MAINSPRING_MAX_LOSSES=7" in said.splitlines()
    assert "# MAINSPRING_SECRET" in said


def test_the_dockerfile_copies_what_is_there(packed: Path) -> None:
    content = (packed / "context/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    words = [line.split(maxsplit=1) for line in lines]
    known = {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "ENV",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
    }
    assert words[0][0] == "FROM"
    assert {word for word, _ in words} <= known
    for word, rest in words:
        if word == "COPY":
            assert (packed / "context" / rest.split()[0]).exists(), rest
        if word == "RUN":
            shell = rest.split(maxsplit=1)[1] if rest.startswith("--mount=") else rest
            assert subprocess.run(["sh", "-n"], input=shell, text=True).returncode == 0
    assert json.loads(next(rest for word, rest in words if word == "ENTRYPOINT"))[0] == "sh"
    assert subprocess.run(["sh", "-n", packed / "context/start.sh"]).returncode == 0


def cut_off(packed: Path, context: Path, home: Path) -> dict[str, Any]:
    """What the package answers from a fresh home, with Mainspring from its own wheel and nothing to be reached."""
    site = packed / "site"
    [wheel] = (packed / "context/wheels").glob("mainspring-*.whl")
    if not site.exists():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            site,
            wheel,
        ]
        subprocess.run(pip, check=True, timeout=120)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAINSPRING_", "HF_"))
    }
    environment |= NO_PROXY | {
        "PYTHONPATH": str(site),
        "PYTHON": sys.executable,
        "MAINSPRING_HOME": str(home),
        "MAINSPRING_PORT": str(free_port()),
        "MAINSPRING_COMPILE_STEPS": "false",
    }
    alone = (
        os.geteuid() == 0 and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0
    )
    words = ["unshare", "-n"] if alone else []
    done = subprocess.run(
        [*words, sys.executable, Path(__file__).parent / "cut_off.py", context, "packed", "A list is"],
        env=environment | ({"OWN_NETWORK": "yes"} if alone else {}),
        cwd=packed,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:] + "".join(
        path.read_text()[-3000:] for path in home.parent.glob("*.log")
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if alone:
        assert said["world"] == "Network is unreachable"
    return said


def test_it_starts_without_a_network_and_answers_as_it_did(stack: Stack, packed: Path) -> None:
    with stack.client() as api:
        api.request(
            "POST", "/v1/deployments/packed/rollouts", json={"version": "packed@2", "plan": {"steps": []}}
        )
        before = api.result(api.submit("packed", "A list is", max_tokens=4, seed=1)["id"])
        digest = api.request("GET", "/v1/versions/packed@2")["digest"]
    assert before["version"] == "packed@2"
    home = packed / "h" / "home"
    home.parent.mkdir()
    found = cut_off(packed, packed / "context", home)
    assert found["code"] == 0
    assert [one["digest"] for one in found["versions"]] == [digest]
    assert (found["job"]["version"], found["job"]["state"]) == ("packed@1", "succeeded")
    assert found["job"]["output"]["text"] == before["output"]["text"]
    assert found["policy"]["rollout"]["prompts"] == "acceptance"
    assert "is registered from" in found["log"]
    assert found["program"].startswith(str(packed / "site"))


@pytest.mark.slow
def test_started_again_it_leaves_what_has_happened_since(packed: Path) -> None:
    """The home of the test before, or a fresh one."""
    home = packed / "h" / "home"
    if not home.exists():
        home.parent.mkdir()
        cut_off(packed, packed / "context", home)
    again = cut_off(packed, packed / "context", home)
    assert len(again["versions"]) == 1
    assert "is registered from" not in again["log"]


def test_what_was_changed_is_not_started(packed: Path, tmp_path: Path) -> None:
    shutil.copytree(packed / "context", tmp_path / "context")
    [card] = (tmp_path / "context/models").glob("*/adapter_config.json")
    card.write_text(card.read_text() + " ")
    environment = os.environ | {"MAINSPRING_HOME": str(tmp_path / "home"), "PYTHON": sys.executable}
    done = subprocess.run(
        ["sh", tmp_path / "context/start.sh"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "adapter_config.json is not what was packed" in done.stderr
