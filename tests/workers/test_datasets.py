"""What a recipe gathers itself is kept as a dataset: known by its examples, whatever their order; and by all of each."""

from pathlib import Path
from typing import Any

from mainspring.curation import files
from mainspring.curation.rows import Split
from tests.workers.learning import workshop
from workers.gpu.recipes.dataset import kept, row_of_text

EXAMPLES = [("gears", "They have teeth."), ("springs", "They run down."), ("gears", "They turn.")]
ORIGIN = {"folder": "/corpus"}


def made(root: Path, examples: list[tuple[str, str]]) -> dict[str, Any]:
    rows = [row_of_text(text, label=label) for label, text in examples]
    return kept(workshop(root, root / "datasets"), rows[1:], rows[:1], ORIGIN)


def test_the_order_changes_nothing_and_everything_else_does(tmp_path: Path) -> None:
    found = made(tmp_path, EXAMPLES)
    assert (found["examples"], found["origin"]) == (3, ORIGIN)
    assert made(tmp_path, [EXAMPLES[0], *EXAMPLES[:0:-1]]) == found
    others = (
        EXAMPLES[:2],
        [*EXAMPLES, EXAMPLES[0]],
        EXAMPLES[::-1],  # another one is held out
        [("springs", text) for _, text in EXAMPLES],
        [(label, text.lower()) for label, text in EXAMPLES],
    )
    assert len({found["digest"], *(made(tmp_path, one)["digest"] for one in others)}) == 6
    there = tmp_path / "datasets" / found["digest"]
    assert [(row.label, row.text) for row in files.read(there, Split.HELD_OUT)] == EXAMPLES[:1]
    assert files.count(there, Split.TRAIN) == 2


def test_characters_that_no_encoding_has_are_read_all_the_same(tmp_path: Path) -> None:
    assert made(tmp_path, [("a", "b"), ("", "\ud800")])["examples"] == 2
