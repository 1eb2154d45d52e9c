"""The kernel that decode steps attend with, against the same in torch's own operations."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.gpu.native.build import able, compiler
from workers.gpu.slotted.attention import Style
from workers.gpu.slotted.cache import Store
from workers.gpu.slotted.decoding import OneEach, Rows, plainly

SLOTS, LENGTH, DIM = 6, 70, 24
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 3e-2}

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler: the plain operations serve")


def _store(kv_heads: int, dtype: torch.dtype) -> Store:
    store = Store([(kv_heads, DIM)], dtype, slots=SLOTS, length=LENGTH)
    made = torch.Generator().manual_seed(1)
    for tensor in (*store.keys, *store.values):
        tensor.copy_(torch.randn(tensor.shape, generator=made))
    return store


def _fed(kv_heads: int, group: int, dtype: torch.dtype, where: list[tuple[int, int]]) -> Rows:
    made = torch.Generator().manual_seed(2)
    heads = (kv_heads * group, kv_heads, kv_heads)
    query, key, value = (torch.randn(len(where), n, 1, DIM, generator=made).to(dtype) for n in heads)
    slots, positions = torch.tensor(where).t().contiguous()
    return Rows(query, key, value, slots, positions)


def by_operator(store: Store, fed: Rows, style: Style) -> torch.Tensor:
    return OneEach(store.number, fed.slots, fed.positions)(fed.query, fed.key, fed.value, style)


@needs_compiler
@settings(deadline=None, max_examples=60)
@given(
    heads=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    positions=st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=SLOTS),
    window=st.none() | st.integers(1, LENGTH + 5),
    softcap=st.none() | st.floats(1.0, 30.0),
)
def test_kernel_and_plain_operations_say_and_write_the_same(
    heads: tuple[int, int],
    dtype: torch.dtype,
    positions: list[int],
    window: int | None,
    softcap: float | None,
) -> None:
    assert able(dtype)
    style, (kv_heads, group) = Style(0, DIM**-0.5, window, softcap), heads
    fed = _fed(kv_heads, group, dtype, list(enumerate(positions)))
    here, there = _store(kv_heads, dtype), _store(kv_heads, dtype)
    got, wanted = by_operator(here, fed, style), plainly(there, fed, style)
    assert torch.allclose(got.float(), wanted.float(), atol=TOLERANCE[dtype])
    assert torch.equal(here.keys[0], there.keys[0])
    assert torch.equal(here.values[0], there.values[0])


@needs_compiler
def test_padding_writes_nothing_and_counts_nothing() -> None:
    assert able(torch.float32)
    store, style = _store(2, torch.float32), Style(0, 1.0)
    before = [tensor.clone() for tensor in (*store.keys, *store.values)]
    fed = _fed(2, 2, torch.float32, [(-1, 0), (-1, 0)])
    assert not by_operator(store, fed, style).any()
    assert all(map(torch.equal, before, (*store.keys, *store.values)))


@needs_compiler
def test_a_number_that_is_not_finite_stays_in_its_own_row() -> None:
    assert able(torch.float32)
    store, style = _store(1, torch.float32), Style(0, 1.0)
    fed = _fed(1, 1, torch.float32, [(0, 3), (1, 3)])
    spoiled = replace_first(fed)
    made = by_operator(store, spoiled, style)
    assert made[0].isnan().any()
    assert made[1].isfinite().all()


def replace_first(fed: Rows) -> Rows:
    query = fed.query.clone()
    query[0] = float("nan")
    return fed._replace(query=query)


@needs_compiler
def test_the_kernel_leaves_the_process_its_smallest_numbers() -> None:
    assert able(torch.float32)  # whether now or by an earlier test, in this thread
    assert sys.float_info.min / 2 > 0
