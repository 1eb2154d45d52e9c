"""Prompts that begin alike are read once: within a scope, never from what is no longer there, and with the same tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract import slotted_models as tiny
from tests.contract.slotting import MOST, Told
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.pace import Pace
from workers.gpu.slotted.prefixes import SHORTEST
from workers.gpu.slotted.request import Request
from workers.gpu.slotted.table import Table

SLOTS = 3
CHUNK = 16


@dataclass
class Slots:
    """Of every slot the tokens that were written into it, as the loop would write keys and values."""

    table: Table = field(default_factory=lambda: Table(SLOTS, 10_000, Pace(64)))
    written: list[list[int]] = field(default_factory=lambda: [[] for _ in range(SLOTS)])
    read: int = 0

    def ask(self, ids: list[int], scope: str = "", most: int = 2) -> Request:
        request = Request(f"{ids} {scope}", ids, most, Sampling(seed=0), scope)
        self.table.waiting.append(request)
        return request

    def round(self) -> None:
        for copy in self.table.admit():
            self.written[copy.target][: copy.tokens] = self.written[copy.source][: copy.tokens]
        self.table.make_room()
        for slot, request in enumerate(self.table.held):
            if request is not None:
                assert self.written[slot][: request.fed] == request.span(0, request.fed)
        decoding = self.table.decoding()
        for part in self.table.parts():
            self.read += part.end - part.begin
            self.feed(part.slot, part.request, part.end)
        for slot, request in decoding:
            self.feed(slot, request, request.total)

    def feed(self, slot: int, request: Request, end: int) -> None:
        self.written[slot][request.fed : end] = request.span(request.fed, end)
        request.fed = end
        if request.left == 0:
            request.write(7, 0.0, 0.0)
            if request.finished(set()):
                self.table.release(request)

    def finish(self) -> None:
        while self.table.busy:
            self.round()


def test_the_next_turn_of_a_conversation_goes_on_where_the_last_one_stands() -> None:
    slots = Slots()
    said = list(range(100, 150))
    slots.ask(said)
    slots.finish()
    before = slots.read
    request = slots.ask([*said, 7, 300, 301])
    slots.round()
    assert slots.read - before <= 3
    assert request in slots.table.held or request.tokens


def test_a_beginning_that_another_holds_is_copied_and_both_go_on() -> None:
    slots = Slots()
    shared = list(range(100, 140))
    slots.ask([*shared, 1], most=9)
    slots.round()
    second = slots.ask([*shared, 2], most=9)
    before = slots.read
    slots.round()
    assert slots.read - before <= 1
    assert second.fed >= len(shared)
    slots.finish()


def test_of_a_crowd_that_begins_alike_and_comes_at_once_not_everybody_reads_all() -> None:
    slots = Slots(Table(SLOTS, 10_000, Pace(64)))
    shared = list(range(100, 400))
    for number in range(SLOTS):
        slots.ask([*shared, number, number])
    slots.finish()
    assert slots.read <= len(shared) + 64 * SLOTS


def test_nothing_is_shared_between_scopes() -> None:
    slots = Slots()
    ids = list(range(100, 140))
    slots.ask(ids, "one")
    slots.finish()
    before = slots.read
    slots.ask(ids, "other")
    slots.finish()
    assert slots.read - before >= len(ids) - 1


def test_a_few_tokens_alike_are_not_worth_it() -> None:
    slots = Slots()
    slots.ask(list(range(SHORTEST - 1)) + [500] * 20)
    slots.finish()
    before = slots.read
    slots.ask(list(range(SHORTEST - 1)) + [600] * 20)
    slots.finish()
    assert slots.read - before >= SHORTEST + 18


def test_a_long_history_is_not_written_over_for_a_short_beginning_that_it_shares() -> None:
    slots = Slots()
    system, history = list(range(100, 120)), list(range(200, 400))
    slots.ask([*system, *history])
    slots.finish()
    slots.ask([*system, 5, 6])
    slots.finish()
    before = slots.read
    slots.ask([*system, *history, 7, 8])
    slots.finish()
    assert slots.read - before <= 3


def test_what_was_given_back_is_read_anew() -> None:
    slots = Slots()
    ids = list(range(100, 140))
    slots.ask(ids)
    slots.finish()
    for slot in range(SLOTS):
        slots.table.forget(slot)
        slots.written[slot] = []
    before = slots.read
    slots.ask(ids)
    slots.finish()
    assert slots.read - before >= len(ids) - 1


ASKED = st.tuples(
    st.integers(0, 2), st.integers(1, 60), st.integers(0, 60), st.sampled_from("ab"), st.integers(1, 30)
)


@settings(deadline=None)
@given(st.lists(st.tuples(ASKED, st.integers(0, 3)), max_size=30))
def test_whoever_comes_and_goes_finds_its_own_tokens_in_its_slot(
    asked: list[tuple[tuple[int, int, int, str, int], int]],
) -> None:
    """`Slots.round` compares what stands there with what the request believes."""
    slots = Slots(Table(SLOTS, 160, Pace(CHUNK)))
    for (family, alike, own, scope, most), rounds in asked:
        slots.ask([family] * alike + [9] * own, scope, most)
        for _ in range(rounds):
            slots.round()
    slots.finish()


@pytest.fixture
def told() -> Iterator[Callable[..., Told]]:
    loops: list[Told] = []

    def start(name: str) -> Told:
        loops.append(Told(tiny.build(name), slots=4, chunk=CHUNK))
        return loops[-1]

    yield start
    for one in loops:
        one.stop()


@pytest.mark.parametrize("name", tiny.NAMES)
def test_tokens_are_those_of_generate_also_after_a_beginning_that_was_read_before(
    name: str, told: Callable[..., Told]
) -> None:
    asked = told(name)
    reference = tiny.build(name)
    shared = tiny.prompt(50)
    prompts = [shared, [*shared, *tiny.prompt(20, seed=1)], [*shared, *tiny.prompt(5, seed=2)], shared[:40]]
    for index, ids in enumerate(prompts):  # one after the other: each finds what the ones before it have left
        asked.ask(str(index), ids)
        assert asked.answer(str(index)).tokens == tiny.generated(reference, ids, MOST)
    begun = asked.steps
    for index, ids in enumerate(prompts):  # and together: the later ones copy
        asked.ask(f"again {index}", ids)
    for index, ids in enumerate(prompts):
        assert asked.answer(f"again {index}").tokens == tiny.generated(reference, ids, MOST)
    assert asked.steps - begun <= MOST + len(prompts) + 2
