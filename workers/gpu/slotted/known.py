"""Which models the slots can run: those whose layers all attend through transformers' interface, to the past alone."""

from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

_KNOWN = {
    "GPT2LMHeadModel",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "GemmaForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "SmolLM3ForCausalLM",
}
_LAYERS = {"full_attention", "sliding_attention"}
_FIXED_ROTATIONS = {"default", "linear", "llama3", "yarn"}


def refuse_unknown(model: PreTrainedModel) -> None:
    """Raises ValueError with the reason."""
    reason = unknown(model)
    if reason is not None:
        raise ValueError(reason)


def unknown(model: PreTrainedModel) -> str | None:
    """Why the slots cannot run the model; None if they can."""
    name, config = type(model).__name__, model.config.get_text_config()
    if name not in _KNOWN:
        return f"the attention of {name} is not known to the slots"
    if getattr(config, "use_bidirectional_attention", False) or not getattr(config, "is_causal", True):
        return f"this {name} attends in both directions"
    if getattr(config, "add_cross_attention", False):
        return f"this {name} has cross-attention"
    others = set(getattr(config, "layer_types", None) or _LAYERS) - _LAYERS
    if others:
        return f"this {name} has layers of another kind: {', '.join(sorted(others))}"
    moving = _rotations(config) - _FIXED_ROTATIONS
    if moving:
        return f"this {name} rotates positions by the longest request: {', '.join(sorted(moving))}"
    return None


def _rotations(config: PreTrainedConfig) -> set[str]:
    """The kinds of rotary embedding, of all layers or by kind of layer. Some depend on the longest in the batch."""
    found: Any = getattr(config, "rope_parameters", None) or {}
    named = [found, *(one for one in found.values() if isinstance(one, dict))]
    return {str(one["rope_type"]) for one in named if "rope_type" in one}
