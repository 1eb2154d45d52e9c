"""Tiny random float32 models of every architecture that the slots know."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from tests.contract import models

CONTEXT = 256
WINDOW = 12  # shorter than most prompts of the tests
VOCABULARY = 400
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,  # so that greedy text varies instead of repeating one token
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4, "original_max_position_embeddings": 64}
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "rope_theta": 1e4, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
SLIDING = {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1}

UNTIED = {"tie_word_embeddings": False, "initializer_range": 0.1}  # tied, they would repeat their last token

_MAKERS: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE)),
    "llama-one-group": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE | {"num_key_value_heads": 4})),
    "llama-tied": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=True)),
    "llama-llama3": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, rope_parameters=LLAMA3)),
    "llama-yarn": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, rope_parameters=YARN)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=WINDOW)),
    "mistral-open": lambda: MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=None)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE)),
    "qwen2-sliding": lambda: Qwen2ForCausalLM(Qwen2Config(**SHAPE, **SLIDING)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SHAPE, head_dim=24)),
    "gemma": lambda: GemmaForCausalLM(GemmaConfig(**SHAPE, head_dim=24)),
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SHAPE | UNTIED, head_dim=24, sliding_window=WINDOW, attn_logit_softcapping=3.0)
    ),
    "gemma3": lambda: Gemma3ForCausalLM(
        Gemma3TextConfig(**SHAPE | UNTIED, head_dim=24, sliding_window=WINDOW, sliding_window_pattern=2)
    ),
    "smollm3": lambda: SmolLM3ForCausalLM(SmolLM3Config(**SHAPE)),
    "gpt2": lambda: models.causal("gpt2", context=CONTEXT),
}
NAMES = list(_MAKERS)


def build(name: str) -> PreTrainedModel:
    """In evaluation mode; the same weights every time."""
    torch.manual_seed(7)
    model = _MAKERS[name]()
    model.generation_config.max_length = None
    return model.float().eval().requires_grad_(requires_grad=False)


def shallow(name: str) -> PreTrainedModel:
    """Its first layer alone: a compiler takes a third of the time."""
    model: Any = build(name)
    del model.model.layers[1:]
    model.config.num_hidden_layers = 1
    made: PreTrainedModel = model
    return made


def prompt(length: int, seed: int = 0) -> list[int]:
    """Token ids; none of them ends an answer."""
    made = torch.Generator().manual_seed(1000 * seed + length)
    return torch.randint(1, VOCABULARY, (length,), generator=made).tolist()


def generated(model: PreTrainedModel, ids: list[int], most: int) -> list[int]:
    """The tokens that transformers' own `generate` writes greedily."""
    row = torch.tensor([ids])
    mask = torch.ones_like(row)
    made = model.generate(row, attention_mask=mask, max_new_tokens=most, do_sample=False)  # type: ignore[operator]
    return made[0, len(ids) :].tolist()
