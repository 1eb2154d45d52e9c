"""Keys and values of all slots: one tensor of each a layer, `[slots, kv_heads, length, head_dim]`.

A slot is as long as the model's context, in memory that the system provides page by page when something is written: a
short text takes little of it, and a long one moves nobody.
"""

import mmap
from itertools import count
from typing import Any
from weakref import WeakValueDictionary, finalize

import torch
from torch import Tensor
from transformers import Cache

from workers.gpu.native.build import able

Shape = tuple[int, int]  # heads and width of one layer's keys; of its values the same
_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_DONT_NEED: int | None = getattr(mmap, "MADV_DONTNEED", None)


class Store:
    """Zero where nothing is written: a masked position counts nothing times what stands there.

    `tokens`: how many positions' memory all slots may have before those that were left give theirs back.
    """

    def __init__(
        self, shapes: list[Shape], dtype: torch.dtype, *, slots: int, length: int, tokens: int | None = None
    ) -> None:
        self.number = next(_NUMBERS)
        STORES[self.number] = self
        self.length = length
        self._tokens = slots * length if tokens is None else tokens
        # Positions whose memory a slot has, from whoever is there or has left it; the one left longest ago first.
        self._written: dict[int, int] = {}
        self._pages: list[tuple[mmap.mmap, int]] = []  # with the bytes of a slot
        sizes = [(slots, heads, length, width) for heads, width in shapes]
        self.keys = [self._tensor(size, dtype) for size in sizes]
        self.values = [self._tensor(size, dtype) for size in sizes]
        if able(dtype):
            for layer, (keys, values) in enumerate(zip(self.keys, self.values, strict=True)):
                torch.ops.mainspring.keep_layer(self.number, layer, keys, values)
                finalize(self, torch.ops.mainspring.drop_layer, self.number, layer).atexit = False

    def keep_within(self, held: dict[int, int]) -> list[int]:
        """`held`: the slots that somebody holds, and how many positions will be written there after the next pass.

        Gives the slots where nothing is written any more.
        """
        for slot, written in held.items():
            self._written[slot] = max(self._written.pop(slot, 0), written)
        free = [slot for slot in self._written if slot not in held]
        given_back = []
        for slot in free:
            if sum(self._written.values()) <= self._tokens:
                break
            self._give_back(slot)
            given_back.append(slot)
        return given_back

    def copy(self, source: int, target: int, tokens: int) -> None:
        """So many positions, from the first."""
        for tensor in [*self.keys, *self.values]:
            tensor[target, :, :tokens] = tensor[source, :, :tokens]

    def wipe(self, slot: int, written: int) -> None:
        """Zero so many positions of it: to write the others would take memory."""
        for tensor in [*self.keys, *self.values]:
            tensor[slot, :, :written].zero_()

    def _give_back(self, slot: int) -> None:
        """What is read there next is zero, where the system can take memory back."""
        del self._written[slot]
        if _DONT_NEED is None:
            return
        for pages, size in self._pages:
            begin = -(-slot * size // mmap.PAGESIZE) * mmap.PAGESIZE
            end = (slot + 1) * size // mmap.PAGESIZE * mmap.PAGESIZE
            if end > begin:
                pages.madvise(_DONT_NEED, begin, end - begin)

    def _tensor(self, size: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
        slots, heads, length, width = size
        of_a_slot = heads * length * width * dtype.itemsize
        pages = mmap.mmap(-1, slots * of_a_slot, flags=_FLAGS)
        self._pages.append((pages, of_a_slot))
        return torch.frombuffer(pages, dtype=dtype).view(size)


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
