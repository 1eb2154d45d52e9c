"""No group, and nothing that is linked to it, is on both sides; the same group falls on the same side always."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mainspring.curation.hashing import number_of
from mainspring.curation.splitting import FREE, HELD_OUT, TRAIN, Sides, sides


def split(
    groups: list[int],
    pins: list[int] | None = None,
    links: list[tuple[int, int]] | None = None,
    share: float = 0.3,
) -> Sides:
    numbers = np.array([number_of(str(group)) for group in groups], np.uint64)
    pinned = np.array(pins if pins is not None else [FREE] * len(groups), np.int8)
    linked = np.array(links or [], np.int64).reshape(-1, 2)
    return sides(numbers, pinned, linked, np.ones(len(groups), np.bool_), share)


GROUPS = st.lists(st.integers(0, 12), min_size=1, max_size=60)


@given(GROUPS, st.data())
def test_what_belongs_together_is_on_one_side(groups: list[int], data: st.DataObject) -> None:
    row = st.integers(0, len(groups) - 1)
    links = data.draw(st.lists(st.tuples(row, row), max_size=8))
    found = split(groups, links=links).held_out
    by_group: dict[int, set[bool]] = {}
    for group, aside in zip(groups, found.tolist(), strict=True):
        by_group.setdefault(group, set()).add(aside)
    assert all(len(aside) == 1 for aside in by_group.values())
    assert all(found[one] == found[other] for one, other in links)


@given(GROUPS, st.data())
def test_what_was_on_a_side_stays_there_and_nothing_close_to_it_is_on_the_other(
    groups: list[int], data: st.DataObject
) -> None:
    pins = [data.draw(st.sampled_from((TRAIN, HELD_OUT, FREE))) for _ in groups]
    found = split(groups, pins)
    for place, (group, pin) in enumerate(zip(groups, pins, strict=True)):
        if pin != FREE:
            assert found.held_out[place] == (pin == HELD_OUT)
            continue
        others = {pins[row] for row, other in enumerate(groups) if other == group} - {FREE}
        assert found.torn[place] == (others == {TRAIN, HELD_OUT})
        if len(others) == 1:
            assert found.held_out[place] == (others == {HELD_OUT})


def test_a_group_falls_on_the_same_side_whatever_else_is_there() -> None:
    few, many = split(list(range(50))).held_out, split(list(range(1000))).held_out
    assert few.tolist() == many[:50].tolist()
    assert 250 < many.sum() < 350


def test_of_two_groups_each_side_has_one() -> None:
    for first in range(40):
        assert split([first, first + 1, first], share=0.05).held_out.sum() in (1, 2)
    assert split([]).held_out.tolist() == []
