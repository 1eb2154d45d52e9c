"""How far the estimate of a training run's memory is from what it takes: the peak of the process, each in its own.

python -m benchmarks.training_memory
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import torch
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from benchmarks.machine import describe
from mainspring.training.estimate import estimate
from workers.gpu.recipes.fit import fit
from workers.gpu.recipes.memory import build_of
from workers.gpu.recipes.workshop import Workshop


def llama(hidden: int, layers: int, inner: int, heads: int, words: int) -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=words,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
        )
    )


def adapted() -> PreTrainedModel:
    from peft import LoraConfig, get_peft_model

    model: Any = get_peft_model(llama(512, 8, 1408, 8, 8192), LoraConfig(target_modules="all-linear"))  # type: ignore[arg-type]
    return model


CASES: dict[str, tuple[Callable[[], PreTrainedModel], int, int]] = {
    "the starter, 16 x 256": (lambda: llama(192, 4, 424, 6, 4096), 16, 256),
    "a Llama of 20M, 8 x 256": (lambda: llama(384, 8, 1024, 6, 8192), 8, 256),
    "the same, 4 x 1024": (lambda: llama(384, 8, 1024, 6, 8192), 4, 1024),
    "a GPT-2 of 18M, 8 x 256": (
        lambda: GPT2LMHeadModel(GPT2Config(vocab_size=8192, n_embd=384, n_layer=8, n_head=6)),
        8,
        256,
    ),
    "a Llama of 30M with LoRA, 8 x 256": (adapted, 8, 256),
    "a BERT of 23M, 32 x 64": (
        lambda: BertForSequenceClassification(
            BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
        ),
        32,
        64,
    ),
}


class Noise(Dataset[Any]):
    def __init__(self, many: int, length: int, *, classes: bool) -> None:
        self._many, self._length, self._classes = many, length, classes

    def __len__(self) -> int:
        return self._many

    def __getitem__(self, place: int) -> dict[str, Any]:
        ids = torch.randint(4096, (self._length,), generator=torch.Generator().manual_seed(place))
        return {"input_ids": ids, "labels": place % 2 if self._classes else ids}


def measure(name: str) -> None:
    """Prints, in MiB: estimated, taken."""
    make, batch, length = CASES[name]
    model = make()
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    build = build_of(model)
    before = psutil.Process().memory_info().rss
    examples = Noise(batch, length, classes=not build.vocabulary)
    schedule: Any = SimpleNamespace(steps=3, batch_size=batch, seed=0, checkpoint_steps=100)
    with tempfile.TemporaryDirectory() as folder:
        at = Workshop(Path(folder), 1, lambda *_: None, lambda: False, Path(folder))
        fit(model, schedule, 1e-4, at, training=examples, held_out=examples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    wanted = estimate(build, batch, length)
    print(json.dumps([wanted.total / 2**20, (peak - before + weights) / 2**20]))


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    print(describe())
    for name in CASES:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.training_memory", name],
            check=False,
            capture_output=True,
            text=True,
        )
        estimated, taken = json.loads(ran.stdout.splitlines()[-1])
        print(
            f"{name:36} estimated {estimated:7.0f} MiB, taken {taken:7.0f}: {estimated / taken:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
