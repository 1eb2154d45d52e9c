"""Keys and values of all slots: one tensor of each a layer, `[slots, kv_heads, length, head_dim]`."""

from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from transformers import Cache

Shape = tuple[int, int]  # heads and width of one layer's keys; of its values the same


class Store:
    """The tensors, zero where nothing is written: a masked position counts nothing times what stands there."""

    def __init__(self, shapes: list[Shape], dtype: torch.dtype, device: torch.device) -> None:
        self._shapes, self._dtype, self._device = shapes, dtype, device
        self.number = next(_NUMBERS)
        STORES[self.number] = self
        self.slots, self.length = 0, 0
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def resize(self, slots: int, length: int, kept: list[int]) -> None:
        """The new slots begin as copies of the `kept` ones. Layer by layer, so that two layers are held twice at most."""
        old = min(length, self.length)
        if not self.keys:
            self.keys = [self._empty(shape, slots, length) for shape in self._shapes]
            self.values = [self._empty(shape, slots, length) for shape in self._shapes]
        else:
            for tensors in (self.keys, self.values):
                for layer, shape in enumerate(self._shapes):
                    new = self._empty(shape, slots, length)
                    if kept:
                        new[: len(kept), :, :old] = tensors[layer][kept, :, :old]
                    tensors[layer] = new
        self.slots, self.length = slots, length

    def wipe(self, slot: int) -> None:
        for tensor in [*self.keys, *self.values]:
            tensor[slot].zero_()

    def _empty(self, shape: Shape, slots: int, length: int) -> Tensor:
        heads, width = shape
        return torch.zeros(slots, heads, length, width, dtype=self._dtype, device=self._device)


_NUMBERS = count()
STORES: WeakValueDictionary[int, Store] = WeakValueDictionary()


class Fresh(Cache):
    """For one decode step: hands on what the layers made; their attention writes it down itself."""

    def __init__(self) -> None:
        super().__init__(layers=[])

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """As given, [rows, kv_heads, 1, head_dim]."""
        return key_states, value_states


class Placed(Cache):
    """For one pass: token t of the pass is written to slot `slots[t]` at `positions[t]`."""

    def __init__(self, keys: list[Tensor], values: list[Tensor], slots: Tensor, positions: Tensor) -> None:
        super().__init__(layers=[])
        self._keys, self._values = keys, values
        self._slots, self._positions = slots, positions

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """`key_states`: [rows, kv_heads, tokens of each, head_dim]. Gives the whole layer."""
        keys, values = self._keys[layer_idx], self._values[layer_idx]
        keys[self._slots, :, self._positions] = _flat(key_states)
        values[self._slots, :, self._positions] = _flat(value_states)
        return keys, values


def _flat(states: Tensor) -> Tensor:
    """[rows, heads, tokens, dim] to [rows * tokens, heads, dim]."""
    return states.transpose(1, 2).flatten(0, 1)
