"""Parts of several prompts, packed one after the other in one row: which cached positions their tokens see."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from workers.gpu.slotted.attention import Style, masked


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
    """The reach of a pass over the `stretches`."""

    def __init__(self, stretches: list[Stretch]) -> None:
        self._stretches = stretches

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        """`key`, `value`: all slots of the layer, [slots, kv_heads, length, dim]."""
        groups = query.size(1) // key.size(1)
        made = [
            _causal(
                query[:, :, one.start : one.stop],
                key[one.slot : one.slot + 1, :, : one.end].repeat_interleave(groups, 1),
                value[one.slot : one.slot + 1, :, : one.end].repeat_interleave(groups, 1),
                one.mask(style.window, query.device),
                style,
            )
            for one in self._stretches
        ]
        return torch.cat(made, dim=2).transpose(1, 2)


def _causal(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, style: Style) -> Tensor:
    """All of the same number of heads. [1, heads, tokens, dim]."""
    if seen is None and style.softcap is None:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=style.scale)
    if seen is None:
        seen = torch.ones(query.size(2), key.size(2), dtype=torch.bool, device=query.device).tril()
    return masked(query, key, value, seen, style)
