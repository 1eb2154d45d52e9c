"""The slots' memory: taken when it is written, kept for the next one, given back when all have more than the bound, copied."""

import psutil
import torch

from workers.gpu.slotted.cache import Store

SLOTS, LENGTH, HEADS, DIM = 4, 2048, 2, 64
POSITION = 2 * HEADS * DIM * 4  # bytes of one, keys and values


def _store(tokens: int) -> Store:
    return Store([(HEADS, DIM)], torch.float32, slots=SLOTS, length=LENGTH, tokens=tokens)


def _fill(store: Store, slot: int, end: int) -> None:
    for tensor in (*store.keys, *store.values):
        tensor[slot, :, :end] = 1


def test_memory_is_taken_by_what_is_written_alone() -> None:
    process, slots, layers = psutil.Process(), 256, 16
    before = process.memory_info().rss
    store = Store([(HEADS, DIM)] * layers, torch.float32, slots=slots, length=LENGTH)
    for slot in range(slots):
        _fill(store, slot, 64)
    assert process.memory_info().rss - before < layers * slots * LENGTH * POSITION / 16


def test_a_slot_that_was_left_is_given_back_once_all_have_more_than_the_bound() -> None:
    store = _store(tokens=1000)
    _fill(store, 0, 600)
    store.keep_within({0: 600})
    store.keep_within({1: 300})  # nobody is in the first any more, and its memory may stay
    _fill(store, 1, 300)
    assert store.keys[0][0, :, :600].all()
    store.keep_within({1: 401})
    for tensor in (*store.keys, *store.values):
        assert not tensor[0].any()
        assert tensor[1, :, :300].all()


def test_what_was_left_longest_ago_is_given_back_first() -> None:
    store = _store(tokens=1000)
    for slot in (2, 0, 1):
        store.keep_within({slot: 300})
        _fill(store, slot, 300)
    assert store.keep_within({3: 350}) == [2]
    for tensor in (*store.keys, *store.values):
        assert not tensor[2].any()
        assert tensor[:2, :, :300].all()


def test_a_slot_that_is_held_keeps_its_memory_whatever_the_bound() -> None:
    store = _store(tokens=1000)
    for slot in (0, 1):
        _fill(store, slot, 600)
    store.keep_within({0: 600, 1: 600})
    assert store.keys[0][:2, :, :600].all()


def test_a_wiped_slot_is_zero_and_took_no_memory_for_it() -> None:
    process = psutil.Process()
    store = _store(tokens=1000)
    store.keys[0][0, :, :100] = torch.nan
    _fill(store, 1, 100)
    before = process.memory_info().rss
    store.wipe(0, 100)
    assert process.memory_info().rss - before < LENGTH * POSITION / 4
    assert not store.keys[0][0].any()
    assert store.keys[0][1, :, :100].all()


def test_copied_positions_are_those_of_the_source() -> None:
    store = Store([(2, 4)] * 3, torch.float32, slots=3, length=32)
    for tensor in (*store.keys, *store.values):
        tensor.copy_(torch.randn(tensor.shape))
    before = [tensor.clone() for tensor in (*store.keys, *store.values)]
    store.copy(0, 2, 20)
    for tensor, was in zip((*store.keys, *store.values), before, strict=True):
        assert torch.equal(tensor[2, :, :20], was[0, :, :20])
        assert torch.equal(tensor[2, :, 20:], was[2, :, 20:])
        assert torch.equal(tensor[:2], was[:2])
