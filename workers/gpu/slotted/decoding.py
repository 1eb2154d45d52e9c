"""One token a row, each over a slot of its own. An operator of ours, which a compiler calls as it is.

So a compiled step knows nothing of the cache's length: the operator finds the slots' tensors by the store's number.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from workers.gpu.native.build import KINDS
from workers.gpu.native.operators import define
from workers.gpu.slotted.attention import Style, masked
from workers.gpu.slotted.cache import STORES, Store

_SCHEMA = (
    "attend_slots(Tensor query, Tensor key, Tensor value, Tensor slots, Tensor positions,"
    " int store, int layer, int window, float scale, float softcap) -> Tensor"
)


class Rows(NamedTuple):
    """What a layer is fed: `query` [rows, heads, 1, dim], `key` and `value` [rows, kv_heads, 1, dim], and where to."""

    query: Tensor
    key: Tensor
    value: Tensor
    slots: Tensor
    positions: Tensor


@dataclass(frozen=True)
class OneEach:
    """The reach of a step: row r feeds slot `slots[r]` at `positions[r]`. A slot of -1: the row is padding."""

    store: int
    slots: Tensor
    positions: Tensor

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        """Gives [rows, 1, heads, dim]."""
        rows = Rows(query, key, value, self.slots, self.positions)
        if query.dtype not in KINDS:
            return plainly(STORES[self.store], rows, style)
        numbers = (self.store, style.layer, style.window or 0, style.scale, style.softcap or 0.0)
        made: Tensor = torch.ops.mainspring.attend_slots(*rows, *numbers)
        return made


@dataclass(frozen=True)
class InOneRow:
    """The same of tokens that stand one behind the other: `query` [1, heads, tokens, dim] and so on."""

    each: OneEach

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, style: Style) -> Tensor:
        """Gives [1, tokens, heads, dim]."""
        fed = [one.transpose(0, 2) for one in (query, key, value)]
        return self.each(fed[0], fed[1], fed[2], style).transpose(0, 1)


def _attend_slots(  # noqa: PLR0917  an operator's arguments are passed by position
    query: Tensor,
    key: Tensor,
    value: Tensor,
    slots: Tensor,
    positions: Tensor,
    store: int,
    layer: int,
    window: int,
    scale: float,
    softcap: float,
) -> Tensor:
    style = Style(layer, scale, window or None, softcap or None)
    return plainly(STORES[store], Rows(query, key, value, slots, positions), style)


define(_SCHEMA, _attend_slots)


@torch.library.register_fake("mainspring::attend_slots")  # type: ignore[untyped-decorator]
def _shape(query: Tensor, *_: object) -> Tensor:
    rows, heads, tokens, dim = query.shape
    return query.new_empty(rows, tokens, heads, dim)


def plainly(store: Store, fed: Rows, style: Style) -> Tensor:
    """What the operator does where there is none in C++, in torch's own operations and without padding. [rows, 1, heads, dim]."""
    rows, heads, _, dim = fed.query.shape
    reached = int(fed.positions.max()) + 1
    keys, values = store.keys[style.layer][:, :, :reached], store.values[style.layer][:, :, :reached]
    keys[fed.slots, :, fed.positions] = fed.key[:, :, 0]
    values[fed.slots, :, fed.positions] = fed.value[:, :, 0]
    back = fed.positions[:, None] - torch.arange(reached, device=keys.device)
    seen = (back >= 0) & (back < (style.window or reached))
    # The heads of a group are so many queries of their key head.
    grouped = fed.query.reshape(rows, keys.size(1), heads // keys.size(1), dim)
    made = masked(grouped, keys[fed.slots], values[fed.slots], seen[:, None, None], style)
    return made.reshape(rows, 1, heads, dim)
