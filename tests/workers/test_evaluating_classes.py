"""Two classifiers on the same texts."""

from pathlib import Path

from mainspring.serving.engine import EngineRequest
from mainspring.settings import Settings
from mainspring.terms import Task
from tests.contract import models
from tests.workers.measuring import labelled, measure, text
from workers.gpu.load import load_version

CLASSES = Task.TEXT_CLASSIFICATION


def classifier(folder: Path) -> Path:
    return models.save(models.encoder(CLASSES), models.word_piece(), folder)


def labels(path: Path, texts: list[str]) -> list[str]:
    engine = load_version(path, CLASSES, Settings())
    try:
        return [one["label"] for one in engine.submit(EngineRequest("1", texts, {}, 1)).result().output]
    finally:
        engine.stop()


def test_shares_of_right_labels(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model")
    texts = [f"{models.TEXTS[number % 4]} {number}" for number in range(24)]
    rows = [
        labelled(one, label if number % 4 else "neither")
        for number, (one, label) in enumerate(zip(texts, labels(path, texts), strict=True))
    ]
    found = measure(tmp_path, CLASSES, path, path, plan={"perturbed": 8}, new=rows)
    accuracy, f1 = found.of("accuracy.new"), found.of("f1.new")
    assert accuracy is not None
    assert accuracy.challenger is not None
    assert accuracy.challenger.value == 0.75
    assert accuracy.difference is not None
    assert accuracy.difference.value == 0
    assert f1 is not None
    assert f1.challenger is not None
    assert 0 < f1.challenger.value < 0.75
    assert (accuracy.items, accuracy.clusters) == (24, 24)
    robust, sure = found.of("robustness.new"), found.of("calibration.new")
    assert robust is not None
    assert robust.items == 8
    assert sure is not None
    assert (sure.better, sure.items) == ("lower", 24)


def test_what_one_cannot_read_counts_for_neither(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model")
    rows = [labelled("Watch. " * 200, "yes"), *(labelled(f"The watch {n} runs.", "yes") for n in range(9))]
    found = measure(tmp_path, CLASSES, path, path, new=rows)
    accuracy = found.of("accuracy.new")
    assert accuracy is not None
    assert accuracy.items == 9
    assert "1 items" in found.notes[0]


def test_a_set_of_other_rows_is_noted(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model")
    found = measure(tmp_path, CLASSES, path, None, new=[text("The watch runs.")])
    assert found.measured == ()
    assert found.notes == ("new: it has no rows that text-classification is measured by",)
