"""A position is worked out in the same way however its prompt is cut, and whoever read it: numbers alone."""

from hypothesis import given
from hypothesis import strategies as st

from workers.gpu.slotted.grains import GRAIN, SHORT, aligned, alike, pieces

PROMPTS = st.integers(1, SHORT) | st.integers(SHORT, 3 * SHORT)
ANSWERS = st.integers(0, 90)
BUDGETS = st.lists(st.integers(GRAIN, 3 * SHORT), min_size=1)
Ways = list[tuple[int, int] | None]


def ways(begin: int, end: int, asked: int) -> Ways:
    """Of each position with which others it is worked out; None: with nobody."""
    return [
        None if piece.each else (piece.begin, piece.end)
        for piece in pieces(begin, end, asked)
        for _ in range(piece.begin, piece.end)
    ]


def cut(total: int, asked: int, budgets: list[int]) -> Ways:
    """The same, read in as many passes as it takes."""
    found: Ways = []
    while len(found) < total:
        budget = budgets[len(found) % len(budgets)]
        size = aligned(len(found), min(budget, total - len(found)), total - len(found))
        assert size, "as much as a grain always brings it on"
        found += ways(len(found), len(found) + size, asked)
    return found


@given(PROMPTS, ANSWERS, BUDGETS)
def test_in_parts_as_at_once(asked: int, answer: int, budgets: list[int]) -> None:
    assert cut(asked + answer, asked, budgets) == ways(0, asked + answer, asked)


@given(PROMPTS, ANSWERS)
def test_an_answer_is_read_again_one_by_one_as_it_was_written(asked: int, answer: int) -> None:
    assert ways(0, asked + answer, asked)[asked:] == [None] * answer


@given(PROMPTS, ANSWERS, PROMPTS, ANSWERS, st.data())
def test_what_is_taken_over_is_what_reading_gives(
    asked: int, again: int, other: int, answer: int, data: st.DataObject
) -> None:
    """And so is what is read after it. `again`: of an answer that is read a second time."""
    most = min(asked + again - 1, other + answer)
    common = data.draw(st.just(most) | st.integers(0, most))
    taken = alike(common, asked, other)
    wanted = ways(0, asked + again, asked)
    assert min(common, asked, other) - GRAIN < taken <= common
    assert ways(0, other + answer, other)[:taken] == wanted[:taken]
    assert wanted[:taken] + ways(taken, asked + again, asked) == wanted
