"""Attention over the slots, behind transformers' own interface, so that a model's own forward pass is used.

A pass hands its `reach` through the model to every layer: it says which cached positions each token sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "slots"


@dataclass(frozen=True)
class Style:
    """What a layer asks for. `window`: how many positions it sees, its own among them; `softcap` bounds the scores."""

    scale: float
    window: int | None
    softcap: float | None


Reach = Callable[[Tensor, Tensor, Tensor, Style], Tensor]


def attend(
    _module: nn.Module,
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
    """`query`: [rows, heads, tokens, dim]; `key`, `value`: the whole layer. Gives [rows, tokens, heads, dim]."""
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    return reach(query, key, value, Style(scale, sliding_window, softcap)), None


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)


class OneEach:
    """One token a slot, at `positions` [slots]. `fused`: written so that a compiler makes one loop of it."""

    def __init__(self, positions: Tensor, length: int, *, fused: bool) -> None:
        self._back = positions[:, None] - torch.arange(length, device=positions.device)
        self._fused = fused
        self._masks: dict[int | None, Tensor] = {}

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        slots, heads, _, dim = query.shape
        grouped = query.view(slots, key.size(1), heads // key.size(1), dim)
        attended = _fused if self._fused else _queries
        return attended(grouped, key, value, self._mask(style.window), style).view(slots, 1, heads, dim)

    def _mask(self, window: int | None) -> Tensor:
        """[slots, 1, 1, length], true where a slot's token looks."""
        if window not in self._masks:
            seen = self._back >= 0 if window is None else (self._back >= 0) & (self._back < window)
            self._masks[window] = seen[:, None, None, :]
        return self._masks[window]


@dataclass
class Stretch:
    """Tokens `start` to `stop` of a packed row, which are a slot's positions `begin` to `end`."""

    slot: int
    start: int
    begin: int
    end: int
    masks: dict[int | None, Tensor | None] = field(default_factory=dict)

    @property
    def stop(self) -> int:
        return self.start + self.end - self.begin

    def mask(self, window: int | None, device: torch.device) -> Tensor | None:
        """[tokens, end], true where a token looks; None where plain causal attention says the same."""
        if window not in self.masks:
            self.masks[window] = self._seen(window, device)
        return self.masks[window]

    def _seen(self, window: int | None, device: torch.device) -> Tensor | None:
        wide = window is None or window >= self.end
        if wide and self.begin == 0:
            return None
        tokens = torch.arange(self.begin, self.end, device=device)[:, None]
        back = tokens - torch.arange(self.end, device=device)
        return (back >= 0) & (back < (self.end if window is None else window))


class Packed:
    """Parts of several prompts, one after the other in one row."""

    def __init__(self, stretches: list[Stretch]) -> None:
        self._stretches = stretches

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        groups = query.size(1) // key.size(1)
        made = []
        for one in self._stretches:
            seen = one.mask(style.window, query.device)
            made.append(
                _causal(
                    query[:, :, one.start : one.stop],
                    key[one.slot : one.slot + 1, :, : one.end].repeat_interleave(groups, 1),
                    value[one.slot : one.slot + 1, :, : one.end].repeat_interleave(groups, 1),
                    seen,
                    style,
                )
            )
        return torch.cat(made, dim=2).transpose(1, 2)


def _causal(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, style: Style) -> Tensor:
    """All of the same number of heads. [1, heads, tokens, dim]."""
    if style.softcap is None:
        return scaled_dot_product_attention(
            query, key, value, seen, is_causal=seen is None, scale=style.scale
        )
    if seen is None:
        seen = torch.ones(query.size(2), key.size(2), dtype=torch.bool, device=query.device).tril()
    return _capped(query, key, value, seen, style)


def _queries(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, style: Style) -> Tensor:
    """The heads of a group are so many queries of their key head: `query` [slots, kv_heads, group, dim]."""
    if style.softcap is None:
        return scaled_dot_product_attention(query, key, value, seen, scale=style.scale)
    return _capped(query, key, value, seen, style)


def _capped(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, style: Style) -> Tensor:
    scores = _bounded((query @ key.transpose(-1, -2)).float() * style.scale, style)
    weights = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    return weights.to(value.dtype) @ value


def _fused(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, style: Style) -> Tensor:
    """Two products and sums. Compiled, they cost a tenth of what the general kernel does for one query."""
    products = key.float().unsqueeze(2) * query.float().unsqueeze(3)
    scores = _bounded(products.sum(dim=-1) * style.scale, style)
    weights = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    return (weights.unsqueeze(-1) * value.float().unsqueeze(2)).sum(dim=3).to(query.dtype)


def _bounded(scores: Tensor, style: Style) -> Tensor:
    return scores if style.softcap is None else torch.tanh(scores / style.softcap) * style.softcap
