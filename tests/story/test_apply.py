"""`mainspring apply` against a real stack: shown, done, done again, and wrong."""

import json
from pathlib import Path

from tests.contract.models import byte_level, causal, save
from tests.contract.test_adapters import trained
from tests.faults.stack import Stack
from tests.story.test_commands import command

FILE = """\
deployments:
  applied:
    task: text-generation
    policy: {{queue_bound: {bound}}}
    model: model
"""


def test_shown_then_done_and_done_again_nothing(stack: Stack, tmp_path: Path) -> None:
    save(causal("llama", context=128), byte_level(), tmp_path / "model")
    file = tmp_path / "deployments.yaml"
    file.write_text(FILE.format(bound=50))
    shown = command(stack, "apply", str(file), "--dry-run")
    assert shown.stdout.splitlines()[:2] == [
        "applied is made, for text-generation",
        f"applied@1 is registered from {tmp_path / 'model'}",
    ]
    assert "Nothing was changed." in shown.stdout
    with stack.client() as client:
        assert "applied" not in {
            one["name"] for one in client.request("GET", "/v1/deployments")["deployments"]
        }
        done = json.loads(command(stack, "apply", str(file), "--json").stdout)
        assert [one["verb"] for one in done["changes"]] == ["declare", "register"]
        assert client.result(client.submit("applied", "x", max_tokens=2)["id"])["version"] == "applied@1"
        assert "Everything is as the file says." in command(stack, "apply", str(file)).stdout
        file.write_text(FILE.format(bound=60))
        assert "policy.queue_bound is 60 instead of 50" in command(stack, "apply", str(file)).stdout
        assert client.request("GET", "/v1/deployments/applied")["policy"]["queue_bound"] == 60


def test_a_model_beside_weights_gets_what_they_say_and_no_more(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "deployments.yaml"
    model = causal("llama", context=128)
    save(model, byte_level(), tmp_path / "model")
    file.write_text(FILE.format(bound=50).replace("applied", "shared"))
    assert command(stack, "apply", str(file)).returncode == 0
    model.lm_head.weight.data += 1
    save(model, byte_level(), tmp_path / "model")
    weights = "    weights: {shared@1: 0.75, shared@2: 0.25}\n"
    file.write_text(FILE.format(bound=50).replace("applied", "shared") + weights)
    done = json.loads(command(stack, "apply", str(file), "--json").stdout)
    assert [one["verb"] for one in done["changes"]] == ["register", "shares"]
    assert "Everything is as the file says." in command(stack, "apply", str(file)).stdout
    with stack.client() as client:
        assert client.request("GET", "/v1/deployments/shared")["production"] == "shared@1"
        [rollout] = client.request("GET", "/v1/deployments/shared/rollouts")["rollouts"]
        assert (rollout["challenger"], rollout["plan"]["steps"]) == ("shared@2", [0.25])
        halves = "    weights: {shared@1: 0.5, shared@2: 0.5}\n"
        file.write_text(file.read_text().replace(weights, halves))
        assert "shared@2 has 50%" in command(stack, "apply", str(file)).stdout
        assert "Everything is as the file says." in command(stack, "apply", str(file)).stdout
        [rollout] = client.request("GET", "/v1/deployments/shared/rollouts")["rollouts"]
        assert (rollout["challenger"], rollout["plan"]["steps"]) == ("shared@2", [0.5])
        file.write_text(file.read_text().replace(halves, "    weights: {shared@2: 1}\n"))
        assert "shared@2 takes over from shared@1" in command(stack, "apply", str(file)).stdout
        assert client.request("GET", "/v1/deployments/shared")["production"] == "shared@2"


def test_a_file_that_is_as_it_was_brings_back_what_it_names(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "deployments.yaml"
    model = causal("llama", context=128)
    save(model, byte_level(), tmp_path / "model")
    model.lm_head.weight.data += 1
    save(model, byte_level(), tmp_path / "newer")
    earlier = FILE.format(bound=50).replace("applied", "reverted")
    file.write_text(earlier)
    assert command(stack, "apply", str(file)).returncode == 0
    file.write_text(earlier.replace("model: model", "model: newer"))
    assert command(stack, "apply", str(file)).returncode == 0
    with stack.client() as client:
        assert client.request("GET", "/v1/deployments/reverted")["production"] == "reverted@2"
        file.write_text(earlier)
        assert "reverted@1 takes over from reverted@2" in command(stack, "apply", str(file)).stdout
        assert client.result(client.submit("reverted", "x", max_tokens=2)["id"])["version"] == "reverted@1"
        assert "Everything is as the file says." in command(stack, "apply", str(file)).stdout


def test_a_base_and_its_adapter_from_one_file(stack: Stack, tmp_path: Path) -> None:
    model = causal("llama", context=128)
    save(model, byte_level(), tmp_path / "model")
    trained(model, tmp_path / "adapter")
    file = tmp_path / "deployments.yaml"
    adapter = "  tuned:\n    task: text-generation\n    model: adapter\n    base: based@1\n"
    base = FILE.format(bound=50).replace("applied", "based").removeprefix("deployments:\n")
    file.write_text(f"deployments:\n{adapter}{base}")
    shown = command(stack, "apply", str(file), "--dry-run").stdout
    assert f"tuned@1 is registered from {tmp_path / 'adapter'}, an adapter of based@1" in shown
    done = json.loads(command(stack, "apply", str(file), "--json").stdout)
    assert [(one["deployment"], one["verb"]) for one in done["changes"]] == [
        ("based", "declare"),
        ("based", "register"),
        ("tuned", "declare"),
        ("tuned", "register"),
    ]
    with stack.client() as client:
        assert client.result(client.submit("tuned", "x", max_tokens=2)["id"])["version"] == "tuned@1"
    assert "Everything is as the file says." in command(stack, "apply", str(file)).stdout
    file.write_text(file.read_text().replace("based@1", "based@7"))
    refused = command(stack, "apply", str(file))
    assert f"{file}, line 5" in refused.stderr
    assert "there is no version based@7" in refused.stderr


def test_what_the_server_or_the_model_refuses_is_shown_where_it_stands(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    file = tmp_path / "deployments.yaml"
    file.write_text(FILE.format(bound=0).replace("applied", "refused"))
    refused = command(stack, "apply", str(file))
    assert refused.returncode == 1
    assert f"{file}, line 4" in refused.stderr
    assert "Traceback" not in refused.stderr
    file.write_text(FILE.format(bound=9).replace("applied", "refused"))
    refused = command(stack, "apply", str(file), "--dry-run")
    assert f"{file}, line 5" in refused.stderr
    assert "config.json" in refused.stderr
