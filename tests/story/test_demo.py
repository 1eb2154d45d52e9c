"""The story of `mainspring demo`, told in small: whether its models are any good is not asked."""

from pathlib import Path

import pytest
from rich.console import Console

from mainspring.story.checks import checks
from mainspring.story.page import page
from mainspring.story.scale import Demands, Scale, Subject, Training
from mainspring.story.telling import free_port, tell

QUICK = Training(20, 3e-3, batch_size=4, block_length=64)
SMALL = Scale(
    new=Subject("sympy", ("sympy.core", "sympy.combinatorics", "sympy.matrices")),
    first=QUICK,
    again=Training(80, 3e-3, batch_size=4, block_length=64),
    poison=QUICK,
    reference=100,
    quiet=20,
    minimum=20,
    nearest=500,
    poisoned=60,
    fewest=5,
    demands=Demands(gained=0.0, lost=99.0),
    patience=240.0,
)


@pytest.mark.slow
def test_each_chapter_comes_to_its_end(tmp_path: Path) -> None:
    told = Console(record=True, soft_wrap=True)
    found = tell(tmp_path / "home", free_port(), told, SMALL)
    assert [one.title for one in found.chapters] == [
        "A model is made",
        "It answers",
        "The world moves",
        "It winds itself",
        "Poisoned data",
        "The account",
    ]
    assert found.better.decision == "accept"
    # So small a model may be less sure of its answers than one that knows next to nothing: then the judge takes it back.
    assert found.better.state in {"released", "rolled_back"}
    assert found.answers.failed == 0
    assert found.stages["manual@1"] == ("retired" if found.better.state == "released" else "production")
    assert found.alarm.after > 0
    drawn = page(found, checks(found, SMALL.demands))
    assert f"{found.answers.answered:,} requests were answered" in drawn
    assert found.audit["head"] in drawn
    said = told.export_text()
    assert all(moment.what in said for moment in found.moments)
