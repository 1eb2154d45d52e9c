"""What `generate` is told: the version's own rules, greedy or by beams, never by chance; and what a batch may hold."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel

from mainspring.errors import ModelRefused

_BATCH_TOKENS = 8192  # read and written, of all beams
_SCORE_BYTES = 2**26  # of one step: the vocabulary's scores for every row
_COPIES = 4  # of the scores, while beams are chosen
_OF_BEAMS = ("early_stopping", "length_penalty")
# Ends, languages' tokens and what must not be written. Everything else in a folder's generation_config.json
# (sampling, caches, other ways of decoding) is not ours to run.
_KEPT = (
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "decoder_start_token_id",
    "eos_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "min_length",
    "no_repeat_ngram_size",
    "pad_token_id",
    "repetition_penalty",
    "suppress_tokens",
    *_OF_BEAMS,
)


@dataclass(frozen=True)
class Decoding:
    """What texts must have in common to be written together. `first`, `start`: as in languages.Route."""

    max_tokens: int
    num_beams: int = 1
    first: int | None = None
    start: int | None = None


def own_rules(model: PreTrainedModel) -> dict[str, Any]:
    """What is kept of the version's own configuration, which is emptied: `generate` would fill gaps from it.

    Raises ModelRefused when nothing says how an answer begins.
    """
    found = model.generation_config
    rules = {name: value for name in _KEPT if (value := getattr(found, name, None)) is not None}
    if "decoder_start_token_id" not in rules and "bos_token_id" not in rules:
        raise ModelRefused(
            "the version does not say which token an answer begins with",
            remedy="Set decoder_start_token_id in generation_config.json.",
        )
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    return {"pad_token_id": 0} | rules


def configuration(rules: dict[str, Any], decoding: Decoding) -> GenerationConfig:
    made: Any = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, use_cache=True, max_new_tokens=decoding.max_tokens, num_beams=decoding.num_beams
    )
    for name, value in rules.items():
        if name not in _OF_BEAMS or decoding.num_beams > 1:
            setattr(made, name, value)
    made.min_length = min(rules.get("min_length", 0), decoding.max_tokens)
    if decoding.first is not None:
        made.forced_bos_token_id = decoding.first
        made.suppress_tokens = [
            token for token in rules.get("suppress_tokens", []) if token != decoding.first
        ]
    if decoding.start is not None:
        made.decoder_start_token_id = decoding.start
    return cast("GenerationConfig", made)


def end_ids(rules: dict[str, Any]) -> set[int]:
    ends = rules.get("eos_token_id", [])
    return set(ends) if isinstance(ends, list) else {ends}


def written_limit(config: PreTrainedConfig, context: int) -> int:
    """Tokens that the decoder has positions for."""
    return int(getattr(config, "max_decoder_position_embeddings", context))


def batch_tokens(context: int) -> int:
    """Read and written, of all rows and beams of a batch: enough for the longest text."""
    return max(_BATCH_TOKENS, 2 * context)


def row_tokens(config: PreTrainedConfig, budget: int) -> int:
    """What a row counts at least, so that the scores of a step stay within bounds."""
    rows = max(1, _SCORE_BYTES // (4 * int(config.vocab_size)))
    return -(-budget // rows)


def batch_bytes(config: PreTrainedConfig, context: int, dtype: torch.dtype) -> int:
    """Keys and values of a full batch, of the decoder and of what it reads, and the scores of a step."""
    found: Any = config
    layers = next(
        int(count)
        for name in ("decoder_layers", "num_decoder_layers", "num_hidden_layers")
        if (count := getattr(found, name, None))
    )
    width = found.num_heads * found.d_kv if hasattr(found, "d_kv") else found.hidden_size
    return int(2 * layers * width * dtype.itemsize * batch_tokens(context)) + _COPIES * _SCORE_BYTES
