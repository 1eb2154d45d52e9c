"""Of rows that are alike one stays, and no two that are alike are on both sides of the split."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mainspring.curation.rows import Split
from mainspring.curation.shingles import LENGTH, canonical, jaccard, shingles
from mainspring.tables import Database
from mainspring.terms import Task
from tests.core.curation.gathered import Curating, questions, rows, set_aside

TEXT = st.text(st.characters(codec="utf-8"), max_size=60).map(canonical)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_shingles_are_those_of_each_text(texts: list[str]) -> None:
    found, begins = shingles(texts)
    for number, text in enumerate(texts):
        own = found[int(begins[number]) : int(begins[number + 1])]
        padded = text.ljust(LENGTH)
        windows = [padded[place : place + LENGTH] for place in range(len(padded) - LENGTH + 1)]
        assert len(own) == len(windows)
        assert len(set(own.tolist())) == len(set(windows))


@given(TEXT, TEXT)
def test_the_index_is_that_of_the_sets(one: str, other: str) -> None:
    def windows(text: str) -> set[str]:
        padded = text.ljust(LENGTH)
        return {padded[place : place + LENGTH] for place in range(len(padded) - LENGTH + 1)}

    ours, theirs = windows(one), windows(other)
    found = [np.unique(shingles([text])[0]) for text in (one, other)]
    assert jaccard(found[0], found[1]) == len(ours & theirs) / len(ours | theirs)


def test_the_first_of_those_that_are_alike_stays(curating: Curating) -> None:
    asked = questions(30)
    again = [f"  {text.upper()} " for text in asked[:5]]
    nearly = [f"{text} please" for text in asked[5:10]]
    source = curating.file("rows.jsonl", [{"text": one} for one in (*asked, *again, *nearly)])
    made = curating.curate(uploads=[{"path": source}])
    assert {row.text for row in rows(made)} == set(asked)
    removed = {place: step for place, (step, _) in set_aside(made.folder).items()}
    assert removed == {f"rows.jsonl:{number}": "exact_duplicates" for number in range(31, 36)} | {
        f"rows.jsonl:{number}": "near_duplicates" for number in range(36, 41)
    }
    steps = made.card["steps"]
    assert (steps["exact_duplicates"]["in"], steps["exact_duplicates"]["out"]) == (40, 35)
    assert (steps["near_duplicates"]["in"], steps["near_duplicates"]["out"]) == (35, 30)
    kept = curating.curate("kept", uploads=[{"path": source}], near_duplicates=None)
    assert kept.rows["train"] + kept.rows["held_out"] == 35


def test_answers_that_differ_to_questions_that_are_alike_stay_on_one_side(curating: Curating) -> None:
    long = "Here is all that I know of the matter, told at length and with every word that it needs: "
    records = [
        {"prompt": f"{long}{text}{suffix}", "completion": f"{answer} {text[::step]}"}
        for text in questions(40)
        for suffix, answer, step in (("", "yes", 1), (" then", "never at all", -1))
    ]
    source = curating.file(
        "chats.jsonl", [*records, records[0] | {"completion": records[0]["completion"] + "."}]
    )
    made = curating.curate(uploads=[{"path": source}], held_out=0.4, near_duplicates=0.7)
    assert sum(made.rows.values()) == 80
    assert made.card["linked"] >= 40
    sides = {
        split: {row.messages[0].content.removesuffix(" then") for row in rows(made, split)} for split in Split
    }
    assert not sides[Split.TRAIN] & sides[Split.HELD_OUT]


def test_one_text_has_one_label(database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, Task.TEXT_CLASSIFICATION)
    asked = questions(40)
    records = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(asked)]
    records += [{"text": asked[0], "label": "b"}, {"text": asked[1] + " please", "label": "a"}]
    source = curating.file("rows.jsonl", records)
    made = curating.curate(uploads=[{"path": source}])
    assert sum(made.rows.values()) == 41
    (removed,) = set_aside(made.folder).items()
    assert removed[0] == "rows.jsonl:41"
    assert "another label" in removed[1][1]
    sides = {row.text.removesuffix(" please"): split for split in Split for row in rows(made, split)}
    where = {row.text: split for split in Split for row in rows(made, split)}
    assert where[asked[1]] == where[asked[1] + " please"] == sides[asked[1]]


def test_other_words_for_the_same_are_found_where_they_are_asked_for(curating: Curating) -> None:
    pairs = [
        ("How do I cook rice in a small pot?", "In a small pot, how do I cook the rice?"),
        ("Which bird flies fastest of all?", "Of all, which bird flies the fastest?"),
    ]
    source = curating.file(
        "rows.jsonl", [{"text": one} for one in (*questions(20), *(b for a in pairs for b in a))]
    )
    plain = curating.curate("plain", uploads=[{"path": source}])
    assert sum(plain.rows.values()) == 24
    made = curating.curate("meaning", uploads=[{"path": source}], semantic_duplicates=0.93)
    assert made.card["steps"]["semantic_duplicates"]["removed"]
    found = {row.text for row in rows(made)}
    assert all(a in found and b not in found for a, b in pairs)
