"""Keys and values of all slots: one tensor of each a layer, `[slots, kv_heads, length, head_dim]`.

Every slot has room for the longest request, and only what was written takes memory: the tensors are mapped, not
allocated. So a long prompt beside short ones moves nothing, and the processor's own pages are the cache's.
"""

from itertools import count
from math import gcd
from mmap import MADV_DONTNEED, MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, mmap
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from transformers import Cache

Shape = tuple[int, int]  # heads and width of one layer's keys; of its values the same


class Store:
    """Zero where nothing is written: a masked position counts nothing times what stands there.

    `length`: positions that a slot has room for at least.
    """

    def __init__(self, shapes: list[Shape], dtype: torch.dtype, slots: int, length: int) -> None:
        self.number = next(_NUMBERS)
        STORES[self.number] = self
        self._layers = [_Mapped(shape, dtype, slots, length) for shape in shapes for _ in range(2)]
        self.keys = [layer.tensor for layer in self._layers[::2]]
        self.values = [layer.tensor for layer in self._layers[1::2]]
        self._written = [0] * slots

    @property
    def written(self) -> int:
        """Positions that take memory, in all slots."""
        return sum(self._written)

    def hold(self, needed: list[int], most: int) -> None:
        """Each slot is written up to what is `needed` next. Beyond, memory is given back when it is over `most`."""
        self._written = list(map(max, self._written, needed))
        if self.written <= most:
            return
        for slot, (begin, end) in enumerate(zip(needed, self._written, strict=True)):
            if begin < end:
                for layer in self._layers:
                    layer.forget(slot, begin, end)
        self._written = needed

    def wipe(self, slot: int) -> None:
        for layer in self._layers:
            layer.tensor[slot, :, : self._written[slot]].zero_()


class _Mapped:
    """One layer's keys or values. The stretch of each head in each slot begins with a page."""

    def __init__(self, shape: Shape, dtype: torch.dtype, slots: int, length: int) -> None:
        heads, width = shape
        self._position = width * dtype.itemsize  # bytes
        whole = PAGESIZE // gcd(PAGESIZE, self._position)
        length = -(-length // whole) * whole
        self._stretch = length * self._position
        self._map = mmap(-1, slots * heads * self._stretch, MAP_PRIVATE | MAP_ANONYMOUS)
        self.tensor = torch.frombuffer(self._map, dtype=dtype).view(slots, heads, length, width)

    def forget(self, slot: int, begin: int, end: int) -> None:
        """Zero and without memory, as far as whole pages lie between the positions."""
        heads = self.tensor.size(1)
        first, last = (-(-at * self._position // PAGESIZE) * PAGESIZE for at in (begin, end))
        for head in range(slot * heads, (slot + 1) * heads):
            self._map.madvise(MADV_DONTNEED, head * self._stretch + first, last - first)


_NUMBERS = count()
STORES: WeakValueDictionary[int, Store] = WeakValueDictionary()


class Fresh(Cache):
    """For one pass: hands on what the layers made; their attention writes it into the slots itself."""

    def __init__(self) -> None:
        super().__init__(layers=[])

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """As given, [rows, kv_heads, tokens, head_dim]."""
        return key_states, value_states
