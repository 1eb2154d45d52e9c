"""Which engine serves a deployment is said when it is deployed. The stand-in plays `vllm serve`."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from tests.contract.models import byte_level, save
from tests.contract.remote import COMMAND
from tests.faults.models import small_models
from tests.faults.stack import Stack
from tests.story.test_commands import command


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ms-engines-", dir="/tmp"))
    small_models(folder / "models")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def deploy(stack: Stack, folder: Path, *more: str) -> tuple[int, str]:
    model = str(folder / "models" / "causal")
    done = command(stack, "deploy", "talker", "--model", model, "--task", "text-generation", *more, "--json")
    return done.returncode, done.stdout + done.stderr


def serving(stack: Stack) -> dict[str, str]:
    """As the one worker has it."""
    with stack.client() as api:
        (worker,) = api.request("GET", "/v1/deployments/talker")["workers"]
    return {name: worker[name] for name in ("state", "asked", "engine")}


def talk(stack: Stack, words: str) -> dict[str, Any]:
    """In a session that soon holds more than the version can read: it has to be trimmed."""
    with stack.client() as api:
        return api.result(api.submit("talker", words, session="long", max_tokens=8)["id"])


def test_with_a_command_it_is_vllm_and_may_become_another(folder: Path) -> None:
    with Stack(folder / "with", MAINSPRING_VLLM_COMMAND=COMMAND) as stack:
        code, said = deploy(stack, folder, "--engine", "vllm")
        assert code == 0, said
        assert serving(stack) == {"state": "ready", "asked": "vllm", "engine": "http"}
        job = json.loads(command(stack, "submit", "talker", "One two three.", "--json").stdout)
        assert job["state"] == "succeeded"
        assert [talk(stack, "word " * 70)["state"] for _ in range(3)] == ["succeeded"] * 3
        code, said = deploy(stack, folder, "--engine", "slots")
        assert code == 0, said
        assert serving(stack)["asked"] == "slots"
        assert serving(stack)["engine"] in ("slots", "continuous")
        job = json.loads(command(stack, "submit", "talker", "One two three.", "--json").stdout)
        assert (job["state"], job["version"]) == ("succeeded", "talker@1")


def test_without_a_command_it_is_refused_with_the_remedy(folder: Path) -> None:
    with Stack(folder / "without") as stack:
        code, said = deploy(stack, folder, "--engine", "vllm")
        assert code == 1
        assert "no command to start it" in said
        assert "MAINSPRING_VLLM_COMMAND" in said
        assert serving(stack)["state"] == "refused"
        code, said = deploy(stack, folder, "--engine-url", "http://127.0.0.1:9/v1")
        assert code == 1
        assert "policy.engine_url" in said


def test_slots_that_cannot_run_a_model_say_so(stack: Stack, folder: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    neox = GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=400, max_position_embeddings=128, **sizes))
    model = str(save(neox, byte_level(), folder / "models" / "neox"))
    why = "continuous instead of slots, since the attention of GPTNeoXForCausalLM is not known to the slots"
    done = command(stack, "deploy", "old", "--model", model, "--task", "text-generation", "--engine", "slots")
    assert (done.returncode, why in done.stderr) == (0, True), done.stderr
    assert why in command(stack, "versions", "old").stdout
    (version,) = json.loads(command(stack, "versions", "old", "--json").stdout)
    assert [plan["reason"] for plan in version["plans"]] == [why.partition("since ")[2]]
    log = (stack.settings.home / "logs" / "infer.log").read_text()
    assert log.count("plan.no_slots") == 1
