"""A dataset says what it is, is the same for the same rows, keeps what was held out, and refuses to be rubbish."""

import json
from pathlib import Path
from typing import Any

import pytest

from mainspring.curation import files
from mainspring.curation.rows import Kind, Origin, Split
from mainspring.errors import DatasetRefused
from mainspring.tables import Database
from mainspring.terms import Task
from mainspring.trials.prompts import Given, keep
from tests.core.curation.gathered import Curating, questions, rows, set_aside

NONE = "it has none of `messages`, `prompt` and `completion`, `prompt`, `chosen` and `rejected`, or `text`"


def test_its_card_tells_all_of_it(curating: Curating) -> None:
    records: list[dict[str, Any]] = [{"text": text} for text in questions(40)]
    records += [
        {"text": "write to ann@example.org about the lanterns of the old harbour"},
        {"text": "&%$ &%$ &%$ !"},
    ]
    records += [{"text": "of another kind", "label": "a"}, {"title": "none"}]
    source = curating.file("rows.jsonl", records)
    told: list[float] = []
    made = curating.curate(
        tell=lambda part, *_: told.append(part), uploads=[{"path": source, "licence": "CC0", "basis": "gift"}]
    )
    assert told == sorted(told)
    assert {path.name for path in made.folder.iterdir()} == {
        "train.parquet",
        "held_out.parquet",
        "set_aside.parquet",
        "card.json",
        "README.md",
    }
    card = json.loads((made.folder / "card.json").read_text())
    assert card == made.card
    assert (card["digest"], card["rows"], card["kinds"]) == (made.digest, made.rows, {"text": 41})
    assert (card["licences"], card["bases"], card["origins"]) == ({"CC0": 41}, {"gift": 41}, {"upload": 41})
    assert len(card["examples"]) == 20
    assert card["steps"]["personal_data"]["changed"] == 1
    assert set_aside(made.folder) == {
        "rows.jsonl:42": ("quality", "hardly any letters"),
        "rows.jsonl:43": ("kind", "text-generation does not learn from labelled rows"),
        "rows.jsonl:44": ("read", NONE),
    }
    page = (made.folder / "README.md").read_text()
    assert all(word in page for word in (made.digest, "CC0", "gift", "hardly any letters"))
    everything = b"".join(path.read_bytes() for path in made.folder.iterdir())
    assert b"ann@example.org" not in everything


def test_examples_are_scrubbed_where_rows_are_not(curating: Curating) -> None:
    records = [
        {"text": f"{text}, write to ann{number}@example.org"} for number, text in enumerate(questions(20))
    ]
    made = curating.curate(uploads=[{"path": curating.file("rows.jsonl", records)}], pii="off")
    assert all("@example.org" in row.text for row in rows(made))
    assert "@example.org" not in json.dumps(made.card) + (made.folder / "README.md").read_text()


def test_the_same_rows_have_the_same_digest_wherever_they_are(curating: Curating) -> None:
    asked = questions(30)
    for place, order in (("one", range(3)), ("two", reversed(range(3)))):
        for number in order:
            records = [{"text": text} for text in asked[number::3]]
            curating.file(f"{place}/{number}.jsonl", records)
    one, two = (
        curating.curate(f"made-{place}", uploads=[{"path": str(curating.home / place)}])
        for place in ("one", "two")
    )
    assert one.digest == two.digest
    other = curating.curate("other", uploads=[{"path": str(curating.home / "one")}], held_out=0.4)
    assert other.digest != one.digest


def test_what_was_held_out_stays_so_and_what_was_learned_measures_nothing(curating: Curating) -> None:
    old, new = questions(120), [f"newly {text} of late" for text in questions(200)[120:]]
    first = curating.stored(
        "first", uploads=[{"path": curating.file("old.jsonl", [{"text": one} for one in old])}]
    )
    learned, held_out = ({row.text for row in rows_of(curating, first.digest, split)} for split in Split)
    # The old ones come again among the new, in other groups: by chance they would fall on either side.
    records = [{"text": text, "group": text[::-1]} for text in (*new, *old)]
    source = curating.file("new.jsonl", records)
    made = curating.curate("second", uploads=[{"path": source}], evaluation=[first.digest], held_out=0.4)
    training, aside = ({row.text for row in rows(made, split)} for split in Split)
    assert not training & held_out
    assert not aside & learned
    assert learned <= training
    assert "an evaluation holds it" in made.card["steps"]["contamination"]["removed"]
    replayed = curating.curate(
        "third",
        uploads=[{"path": curating.file("more.jsonl", [{"text": one} for one in new])}],
        replay=[{"dataset": first.digest, "share": 0.5}],
    )
    again = {
        split: {row.text for row in rows(replayed, split) if row.origin is Origin.REPLAY} for split in Split
    }
    assert again[Split.TRAIN] < learned
    assert again[Split.HELD_OUT] < held_out
    assert 0.3 * len(learned) < len(again[Split.TRAIN]) < 0.7 * len(learned)
    with pytest.raises(DatasetRefused) as refused:
        curating.curate("none", replay=[{"dataset": "0" * 64, "share": 0.5}])
    assert refused.value.field == "curate.replay.0.dataset"


def rows_of(curating: Curating, digest: str, split: Split) -> list[Any]:
    return list(files.read(curating.datasets / digest, split))


def test_a_stored_set_of_prompts_trains_nobody(curating: Curating) -> None:
    asked = questions(60)
    with curating.database.transaction() as session:
        keep(session, "assistant", "golden", [Given(text, {}) for text in asked[:30]])
    source = curating.file("rows.jsonl", [{"text": f"Please, {text}"} for text in asked])
    made = curating.curate(uploads=[{"path": source}])
    training = {row.text.removeprefix("Please, ") for row in rows(made, Split.TRAIN)}
    assert not training & set(asked[:30])
    assert made.card["evaluation_items"] == 30
    assert training


def test_labels_are_counted_and_the_largest_is_cut(database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, Task.TEXT_CLASSIFICATION)
    records = [{"text": text, "label": "ab"[number % 5 == 0]} for number, text in enumerate(questions(100))]
    source = curating.file("rows.jsonl", records)
    made = curating.curate("all", uploads=[{"path": source}])
    assert sum(counts["a"] for counts in made.card["labels"].values()) == 80
    assert made.card["imbalance"] > 3
    assert made.kinds == {Kind.LABELLED.value: 100}
    cut = curating.curate("cut", uploads=[{"path": source}], most_per_label=20)
    assert cut.card["labels"]["train"]["a"] == 20
    assert cut.card["labels"]["held_out"]["a"] == min(3, made.card["labels"]["held_out"]["a"])
    assert cut.digest == curating.curate("again", uploads=[{"path": source}], most_per_label=20).digest


def refused(curating: Curating, records: list[Any], **plan: Any) -> DatasetRefused:
    with pytest.raises(DatasetRefused) as found:
        curating.curate("refused", uploads=[{"path": curating.file("rows.jsonl", records)}], **plan)
    assert found.value.remedy
    assert not (curating.home / "refused" / ".waiting").exists()
    assert found.value.as_json()["counts"] == found.value.counts
    return found.value


def test_rubbish_is_refused(curating: Curating) -> None:
    good = [{"text": text} for text in questions(10)]
    error = refused(curating, [*good, *[{"text": "%&$ %&$"}] * 5, *[{"none": 1}] * 6])
    assert (error.field, error.counts) == ("curate.most_set_aside", {"found": 21, "set_aside": 11})
    assert "6: it has none of" in error.detail
    assert "5: hardly any letters (first: rows.jsonl:11)" in error.detail
    assert set_aside(curating.home / "refused")["rows.jsonl:11"] == ("quality", "hardly any letters")


def test_too_few_rows_and_rows_that_all_belong_together_are_refused(curating: Curating) -> None:
    good = [{"text": text} for text in questions(10)]
    assert refused(curating, good, least=11).field == "curate.least"
    assert refused(curating, [one | {"group": "g"} for one in good]).field == "curate.held_out"


def test_one_label_alone_is_refused(database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, Task.TEXT_CLASSIFICATION)
    error = refused(curating, [{"text": text, "label": "a"} for text in questions(20)])
    assert "same label" in error.detail


def test_it_ends_where_it_is_told_to(curating: Curating) -> None:
    source = curating.file("rows.jsonl", [{"text": text} for text in questions(20)])

    def stop(part: float, *_: Any) -> None:
        if part > 0.7:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        curating.curate(tell=stop, uploads=[{"path": source}])
    assert not (curating.home / "made" / ".waiting").exists()
