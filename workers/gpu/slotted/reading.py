"""Parts of several prompts, packed one after the other in one row, and beside them who decodes: what each token sees.

Like a step's attention it is an operator of ours, which finds what the pass consists of by a number.
"""

from dataclasses import dataclass, field
from itertools import count
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from workers.gpu.native.operators import define
from workers.gpu.slotted.attention import Style, masked
from workers.gpu.slotted.cache import Store
from workers.gpu.slotted.decoding import InOneRow, OneEach


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


_SCHEMA = (
    "attend_packed(Tensor query, Tensor key, Tensor value, Tensor number,"
    " int layer, int window, float scale, float softcap) -> Tensor"
)


@dataclass(frozen=True)
class Numbered:
    """The reach of the pass of that number, a tensor without dimensions."""

    number: Tensor

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        numbers = (style.layer, style.window or 0, style.scale, style.softcap or 0.0)
        made: Tensor = torch.ops.mainspring.attend_packed(query, key, value, self.number, *numbers)
        return made


class Packed:
    """The reach of a pass over the `stretches`, and after them over one token of each of those who decode.

    It is known by its number as long as somebody holds it.
    """

    def __init__(self, store: Store, stretches: list[Stretch], ones: OneEach | None) -> None:
        self._store, self._stretches, self._ones = store, stretches, ones
        self.number = next(_NUMBERS)
        _PASSES[self.number] = self

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        """`query`: [1, heads, tokens, dim], `key` and `value`: [1, kv_heads, tokens, dim]."""
        for one in self._stretches:  # all of them before anybody looks back
            self._write(one, key, value, style.layer)
        fed: list[Tensor] = []
        if self._ones is not None:
            rows = slice(self._stretches[-1].stop if self._stretches else 0, None)
            ones = [each[:, :, rows] for each in (query, key, value)]
            fed = [InOneRow(self._ones)(ones[0], ones[1], ones[2], style)]
        return torch.cat([*(self._read(one, query, style) for one in self._stretches), *fed], dim=1)

    def _write(self, one: Stretch, key: Tensor, value: Tensor, layer: int) -> None:
        tokens = slice(one.start, one.stop)
        self._store.keys[layer][one.slot, :, one.begin : one.end] = key[0, :, tokens]
        self._store.values[layer][one.slot, :, one.begin : one.end] = value[0, :, tokens]

    def _read(self, one: Stretch, query: Tensor, style: Style) -> Tensor:
        """[1, tokens, heads, dim]."""
        slot, tokens = slice(one.slot, one.slot + 1), slice(one.start, one.stop)
        keys, values = self._store.keys[style.layer][slot], self._store.values[style.layer][slot]
        groups = query.size(1) // keys.size(1)
        made = _causal(
            query[:, :, tokens],
            _for_each(keys[:, :, : one.end], groups),
            _for_each(values[:, :, : one.end], groups),
            one.mask(style.window, query.device),
            style,
        )
        return made.transpose(1, 2)


class Alone:
    """The reach of a text of so many tokens that nothing is kept of."""

    def __init__(self, tokens: int) -> None:
        self._whole = Stretch(slot=-1, start=0, begin=0, end=tokens)

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        """As `Packed`."""
        groups = query.size(1) // key.size(1)
        seen = self._whole.mask(style.window, query.device)
        made = _causal(query, _for_each(key, groups), _for_each(value, groups), seen, style)
        return made.transpose(1, 2)


_NUMBERS = count()
_PASSES: WeakValueDictionary[int, Packed] = WeakValueDictionary()


def _attend_packed(  # noqa: PLR0917  an operator's arguments are passed by position
    query: Tensor,
    key: Tensor,
    value: Tensor,
    number: Tensor,
    layer: int,
    window: int,
    scale: float,
    softcap: float,
) -> Tensor:
    return _PASSES[int(number)](query, key, value, Style(layer, scale, window or None, softcap or None))


define(_SCHEMA, _attend_packed)


@torch.library.register_fake("mainspring::attend_packed")  # type: ignore[untyped-decorator]
def _shape(query: Tensor, *_: object) -> Tensor:
    one, heads, tokens, dim = query.shape
    return query.new_empty(one, tokens, heads, dim)


def _for_each(states: Tensor, groups: int) -> Tensor:
    """The heads of a group share their keys."""
    return states if groups == 1 else states.repeat_interleave(groups, 1)


def _causal(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, style: Style) -> Tensor:
    """All of the same number of heads. [1, heads, tokens, dim]."""
    if seen is None and style.softcap is None:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=style.scale)
    if seen is None:
        seen = torch.ones(query.size(2), key.size(2), dtype=torch.bool, device=query.device).tril()
    return masked(query, key, value, seen, style)
