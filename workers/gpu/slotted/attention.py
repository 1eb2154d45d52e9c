"""Attention over the slots, behind transformers' own interface, so that a model's own forward pass is used.

A pass hands its `reach` through the model to every layer: it says which cached positions each token sees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "slots"


@dataclass(frozen=True)
class Style:
    """What a layer asks for. `window`: how many positions it sees, its own among them; `softcap` bounds the scores."""

    layer: int
    scale: float
    window: int | None = None
    softcap: float | None = None


Reach = Callable[[Tensor, Tensor, Tensor, Style], Tensor]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None = None,
    *,
    reach: Reach,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """`query`: [rows, heads, tokens, dim]; `key`, `value`: as the pass's cache gave them back.

    Gives [rows, tokens, heads, dim].
    """
    layer: Any = module.layer_idx
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    return reach(query, key, value, Style(layer, scale, sliding_window, softcap)), None


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)


def masked(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, style: Style) -> Tensor:
    """Attention in torch's own operations; `seen` is true where a query looks."""
    if style.softcap is None:
        return scaled_dot_product_attention(query, key, value, seen, scale=style.scale)
    scores = (query @ key.transpose(-1, -2)).float() * style.scale
    scores = torch.tanh(scores / style.softcap) * style.softcap
    weights = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    return weights.to(value.dtype) @ value
