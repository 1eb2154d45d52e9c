"""The layers of an encoder without the padding between its texts: these stand behind each other in one long row.

Embeddings and heads still see a padded batch, so that positions and pooling are the model's own; what stands between
them works on tokens alone, and attention on one text at a time.
"""

from threading import local
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.generic import ModelOutput

from workers.gpu.trusted import change_if_same

NAME = "unpadded"


class _Pass(local):
    """What this thread runs. `mask`: [texts, longest], true at tokens; `lengths`: tokens of each text."""

    mask: Tensor
    lengths: list[int]


_PASS = _Pass()


def unpad_if_same(model: PreTrainedModel, inputs: dict[str, Tensor]) -> bool:
    """In place, for encoders whose layers stand in a module `encoder`. `inputs`: what it is tried with, padded."""
    config: Any = model.config
    layers = getattr(model.base_model, "encoder", None)
    if config.is_encoder_decoder or not isinstance(layers, nn.Module):
        return False
    attention = config._attn_implementation  # noqa: SLF001  transformers has no other name for it
    hooks: list[RemovableHandle] = []

    def change() -> None:
        hooks.append(model.register_forward_pre_hook(_begin, with_kwargs=True))
        hooks.append(layers.register_forward_pre_hook(_close))
        hooks.append(layers.register_forward_hook(_open))
        config._attn_implementation = NAME  # noqa: SLF001

    def undo() -> None:
        config._attn_implementation = attention  # noqa: SLF001
        for hook in hooks:
            hook.remove()

    return change_if_same(model, inputs, change, undo)


def attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None = None,
    *,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """All are [1, heads, tokens, dim]. Gives [1, tokens, heads, dim]."""
    queries, keys, values = (torch.split(one, _PASS.lengths, dim=2) for one in (query, key, value))
    parts = [
        scaled_dot_product_attention(asked, seen, held, scale=scaling)
        for asked, seen, held in zip(queries, keys, values, strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2), None


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)


def _begin(_model: nn.Module, _args: Any, given: dict[str, Any]) -> None:
    _PASS.mask = given["attention_mask"].bool()
    _PASS.lengths = given["attention_mask"].sum(dim=1).tolist()


def _close(_layers: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """[texts, longest, hidden] to [1, tokens, hidden]."""
    return (args[0][_PASS.mask][None], *args[1:])


def _open(_layers: nn.Module, _args: Any, made: ModelOutput) -> ModelOutput:
    """And back, with zeros for padding."""
    rows = made["last_hidden_state"][0]
    hidden = rows.new_zeros(*_PASS.mask.shape, rows.size(-1))
    hidden[_PASS.mask] = rows
    made["last_hidden_state"] = hidden
    return made
