"""A dataset is known by its examples, whatever their order; and by all of each."""

from workers.gpu.recipes.dataset import described

EXAMPLES = [("gears", "They have teeth."), ("springs", "They run down."), ("gears", "They turn.")]
ORIGIN = {"folder": "/corpus"}


def test_the_order_changes_nothing_and_everything_else_does() -> None:
    found = described(EXAMPLES, ORIGIN)
    assert (found["examples"], found["origin"]) == (3, ORIGIN)
    assert described(EXAMPLES[::-1], ORIGIN) == found
    others = (
        EXAMPLES[:2],
        [*EXAMPLES, EXAMPLES[0]],
        [("springs", text) for _, text in EXAMPLES],
        [(label, text.lower()) for label, text in EXAMPLES],
    )
    assert len({found["digest"], *(described(one, ORIGIN)["digest"] for one in others)}) == 5


def test_characters_that_no_encoding_has_are_read_all_the_same() -> None:
    assert described([("", "\ud800")], ORIGIN)["examples"] == 1
