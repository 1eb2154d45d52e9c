"""The engine over HTTP on the real vLLM, on the CPU: the contract, and the same answers as transformers gives."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mainspring.errors import EngineFailed, InvalidRequest, ModelRefused
from mainspring.settings import Settings
from tests.api.serving import until
from tests.contract import models
from tests.contract.remote_contract import *  # noqa: F403  the tests themselves
from tests.contract.remote_contract import PROMPT, SECONDS, Side, ask, text
from tests.vllm.conftest import VLLM
from workers.gpu.load import load_model
from workers.remote.engine import HttpEngine
from workers.remote.load import load_remote
from workers.remote.server import Given

CONTEXT = 2048
COMMAND = f"{VLLM}/bin/vllm --enforce-eager --dtype float32"
HELD = 8  # answers that it writes when it is killed
BACK_SECONDS = 300  # until a server that died answers again; it starts twice as fast on an idle machine
pytestmark = pytest.mark.timeout(900)


def llama(folder: Path, *, chat: str | None = models.CHAT) -> Path:
    """With heads of 32: vLLM's attention on the CPU has none narrower. The end is never the likeliest token."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.lm_head.weight.data[0] = 0
    tokenizer = models.byte_level()
    tokenizer.chat_template = chat
    return models.save(model, tokenizer, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A cache of two gigabytes."""
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, vllm_command=COMMAND, kv_cache_bytes=2 * 2**30)


@pytest.fixture(scope="module")
def own(folder: Path, settings: Settings) -> Iterator[HttpEngine]:
    engine = load_remote(folder, settings)
    yield engine
    engine.stop()


@pytest.fixture
def side(own: HttpEngine) -> Iterator[Side]:
    """Engines on the server of `own`, which outlives them."""
    given = Given(own._server.url, own._server.key)

    def running() -> int:
        lines = httpx.get(f"{given.url}/metrics").text.splitlines()
        counts = [
            line
            for line in lines
            if line.startswith(("vllm:num_requests_running{", "vllm:num_requests_waiting{"))
        ]
        return int(sum(float(line.rpartition(" ")[2]) for line in counts))

    side = Side(lambda: HttpEngine(given, own._served), CONTEXT, running)
    yield side
    side.close()


def test_greedy_tokens_are_those_of_generate(side: Side, folder: Path) -> None:
    loaded = load_model(folder, "text-generation")
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)  # as the server runs it
    for prompt in [PROMPT, "Ada Lovelace wrote", "Die Feder treibt"]:
        encoded = loaded.tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        made = model.generate(**encoded, max_new_tokens=24, do_sample=False)
        expected = loaded.tokenizer.decode(made[0, encoded["input_ids"].shape[1] :], skip_special_tokens=True)
        answer = side.submit(prompt, max_tokens=24).result(SECONDS)
        # vLLM leaves out half a character at the end of an answer that was cut.
        assert answer.output["text"] == expected.replace("\0", "\ufffd").rstrip("\ufffd")
        assert answer.usage["prompt_tokens"] == encoded["input_ids"].shape[1]
        scores = model(made).logits.log_softmax(-1)[0, encoded["input_ids"].shape[1] - 1 : -1]
        chosen = scores.gather(1, made[0, encoded["input_ids"].shape[1] :, None])
        assert answer.mean_logprob == pytest.approx(chosen.mean().item(), abs=1e-3)


def test_killed_it_fails_what_it_held_and_comes_back(own: HttpEngine) -> None:
    server = next(child for child in psutil.Process().children() if "serve" in child.cmdline())
    family = server.children(recursive=True)

    heard: set[int] = set()

    def hear(number: int) -> None:
        """Kill it once it has begun all: what it never held is asked again when it is back, and does not fail."""
        heard.add(number)
        if len(heard) == HELD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGKILL)

    held = [
        own.submit(ask(max_tokens=CONTEXT - 100), lambda _, number=number: hear(number))
        for number in range(HELD)
    ]
    assert {type(one.exception(SECONDS)) for one in held} == {EngineFailed}
    waiting = own.submit(ask())
    until(lambda: not any(child.is_running() and child.status() != "zombie" for child in family), 10)
    assert own.health().alive
    assert waiting.result(BACK_SECONDS).output["text"]
    assert own.health().alive


def test_its_log_holds_no_prompt(settings: Settings) -> None:
    [log] = (settings.home / "logs").iterdir()
    assert PROMPT not in log.read_text(errors="replace")


def test_a_folder_that_it_cannot_serve_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = llama(tmp_path)
    (folder / "config.json").write_text('{"architectures": ["Unheard"], "model_type": "unheard"}')
    with pytest.raises(ModelRefused):
        load_remote(folder, settings)


def test_messages_for_a_version_without_a_template_are_refused(settings: Settings, tmp_path: Path) -> None:
    engine = load_remote(llama(tmp_path, chat=None), settings)
    with pytest.raises(InvalidRequest, match="chat template") as refused:
        engine.submit(ask({"messages": [{"role": "user", "content": "Who?"}]})).result(SECONDS)
    assert refused.value.field == "input"
    assert text(engine.submit(ask()))
    engine.stop()
