"""An encoder learns each task of an encoder, by all weights above the frozen ones or by LoRA; and a version of a task goes on
with what it knows."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mainspring.curation.rows import Row
from mainspring.errors import InvalidRequest, MainspringError
from mainspring.local.starter import starters
from mainspring.serving.engine import EngineRequest
from mainspring.settings import Settings
from mainspring.tables import Task
from mainspring.training.recipes import validated
from tests.contract import models
from tests.workers.learning import chat, dataset, labelled, learn, stored, text
from workers.gpu.load import check_loadable, load_model, load_version
from workers.gpu.recipes.encoders.likeness import contrast, pooled

NAME = "encoder-fine-tuning"
QUICKLY: dict[str, Any] = {"steps": 20, "batch_size": 8, "frozen_layers": 0, "learning_rate": 0.003}
ENCODER = starters()[0].parameters["model"]
FROM_A_REAL_ONE = {"steps": 12, "batch_size": 4, "frozen_layers": 3, "learning_rate": 0.001}
WAYS = pytest.mark.parametrize("lora", [None, {"rank": 4}])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return models.save(models.encoder("fill-mask"), models.word_piece(), tmp_path / "base")


def subjects(*labels: str) -> list[Row]:
    said = {
        "watches": "The watchmaker wound the watch",
        "bugs": "Grace Hopper found the first bug",
        "federn": "Die Feder treibt das Uhrwerk",
    }
    return [labelled(f"{said[label]} {number}", label) for number in range(20) for label in labels]


def answered(folder: Path, task: Task, given: Any) -> Any:
    """As a worker that holds it answers."""
    engine = load_version(folder, task.value, Settings())
    try:
        return engine.submit(EngineRequest("1", given, {}, 1)).result(timeout=60).output
    finally:
        engine.stop()


@WAYS
def test_texts_get_labels(tmp_path: Path, base: Path, lora: Any) -> None:
    given = {"base": str(base), "dataset": dataset(tmp_path, subjects("watches", "bugs")), "lora": lora}
    made = learn(tmp_path, NAME, Task.TEXT_CLASSIFICATION, given | QUICKLY)
    assert made.measures["accuracy"] == 1
    assert made.measures["loss"] < made.measures["loss_before"]
    check_loadable(made.folder, "text-classification")
    assert (made.folder / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_a_classifier_goes_on_with_the_labels_it_knows(tmp_path: Path) -> None:
    first = dataset(tmp_path, subjects("watches", "bugs"))
    given = {"base": ENCODER, "dataset": first} | FROM_A_REAL_ONE
    made = learn(tmp_path, NAME, Task.TEXT_CLASSIFICATION, given)
    champion = stored(tmp_path, made.folder, Task.TEXT_CLASSIFICATION)
    more = {
        "base": str(champion),
        "dataset": dataset(tmp_path, subjects("federn", "watches")),
        "replay": {"dataset": first, "share": 0.5},
    }
    grown = learn(tmp_path, NAME, Task.TEXT_CLASSIFICATION, given | more)
    assert grown.source["labels"] == ["bugs", "watches", "federn"]
    assert grown.measures["accuracy"] == 1
    place = stored(tmp_path, grown.folder, Task.TEXT_CLASSIFICATION)
    told = [
        answered(place, Task.TEXT_CLASSIFICATION, said)["label"]
        for said in ("Grace Hopper found the first bug 3", "Die Feder treibt das Uhrwerk 3")
    ]
    assert told == ["bugs", "federn"]
    head = load_model(place, "text-classification").model.config
    assert (head.num_labels, head.id2label[2]) == (3, "federn")


def marked(said: str, name: str, entity: str) -> Row:
    start = said.index(name)
    return labelled(said, json.dumps([{"entity": entity, "start": start, "end": start + len(name)}]))


@WAYS
def test_words_get_names(tmp_path: Path, lora: Any) -> None:
    rows = [
        marked("Ada Lovelace wrote the first program", "Ada Lovelace", "PERSON"),
        marked("The shop was in London", "London", "PLACE"),
    ] * 10
    rows += [labelled("The watch runs down", "nothing")]
    given = {"base": ENCODER, "dataset": dataset(tmp_path, rows), "lora": lora} | FROM_A_REAL_ONE
    made = learn(tmp_path, NAME, Task.TOKEN_CLASSIFICATION, given)
    assert made.source["labels"] == ["O", "B-PERSON", "I-PERSON", "B-PLACE", "I-PLACE"]
    assert made.measures["loss"] < made.measures["loss_before"]
    found = answered(made.folder, Task.TOKEN_CLASSIFICATION, "Ada Lovelace wrote the first program")
    if lora is None:
        assert [(one["entity"], one["text"]) for one in found] == [("PERSON", "Ada Lovelace")]
        assert made.measures["accuracy"] == 1


@WAYS
def test_questions_get_their_part_of_a_context(tmp_path: Path, lora: Any) -> None:
    context = "Ada Lovelace wrote the first program in London, and Grace Hopper found the first bug."
    rows = [chat(f"Who found the bug?\n\n{context}", "Grace Hopper")] * 20
    rows += [chat(f"Who?\n\n{context}", "Nobody")]
    given = {"base": ENCODER, "dataset": dataset(tmp_path, rows, 7), "lora": lora} | FROM_A_REAL_ONE
    made = learn(tmp_path, NAME, Task.QUESTION_ANSWERING, given)
    assert made.measures["loss"] < made.measures["loss_before"]
    assert made.measures["training_examples"] == 17
    asked = {"question": "Who found the bug?", "context": context}
    found = answered(made.folder, Task.QUESTION_ANSWERING, asked)
    if lora is None:
        assert found["answer"] == "Grace Hopper"
        assert made.measures["accuracy"] == 1


@WAYS
def test_masks_are_filled(tmp_path: Path, base: Path, lora: Any) -> None:
    digest = dataset(tmp_path, [text(said) for said in models.TEXTS] * 5)
    made = learn(
        tmp_path, NAME, Task.FILL_MASK, QUICKLY | {"base": str(base), "dataset": digest, "lora": lora}
    )
    assert made.measures["loss"] < made.measures["loss_before"]
    check_loadable(made.folder, "fill-mask")


PAIRS = [
    [text(said, heading=said[:20]) for said in models.TEXTS] * 5,
    [text(said) for said in models.TEXTS] * 5,
    subjects("watches", "bugs"),
]


@pytest.mark.parametrize("rows", PAIRS, ids=["headings", "themselves", "labels"])
def test_what_belongs_together_comes_near(tmp_path: Path, base: Path, rows: list[Row]) -> None:
    digest = dataset(tmp_path, rows)
    given = {"base": str(base), "dataset": digest, "lora": {"rank": 4} if rows[0].label else None}
    made = learn(tmp_path, NAME, Task.FEATURE_EXTRACTION, QUICKLY | given | {"learning_rate": 0.003})
    assert made.measures["loss"] < made.measures["loss_before"]
    check_loadable(made.folder, "feature-extraction")


def test_pools_are_those_of_the_head() -> None:
    tokens = torch.arange(12, dtype=torch.float).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    found = {how: pooled(tokens, mask, how).tolist() for how in ("first", "last", "max", "mean")}
    assert found == {
        "first": [[0, 1], [6, 7]],
        "last": [[2, 3], [10, 11]],
        "max": [[2, 3], [10, 11]],
        "mean": [[1, 2], [8, 9]],
    }


def test_those_of_a_label_are_to_be_near() -> None:
    group = torch.tensor([0, 0, 1])
    near, far = (torch.eye(3)[places] for places in ([0, 0, 1], [0, 1, 1]))
    assert contrast(near, near, group) < contrast(far, far, group)


@pytest.mark.parametrize(
    ("task", "more", "field"),
    [
        (Task.FILL_MASK, {"examples": {"file": "f"}}, "parameters.examples"),
        (Task.TEXT_CLASSIFICATION, {"dataset": "0" * 64, "lora": {"merge": False}}, "parameters.lora.merge"),
        (
            Task.TEXT_CLASSIFICATION,
            {"dataset": "0" * 64, "accumulation_steps": 7},
            "parameters.accumulation_steps",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(task: Task, more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(NAME, task, {"base": "b"} | more)
    assert refused.value.field == field


def test_layers_that_are_not_there_are_refused(tmp_path: Path, base: Path) -> None:
    given = {"base": str(base), "dataset": dataset(tmp_path, subjects("watches", "bugs"))}
    with pytest.raises(MainspringError) as refused:
        learn(tmp_path, NAME, Task.TEXT_CLASSIFICATION, given | {"lora": {"targets": ["nowhere"]}})
    assert refused.value.field == "parameters.lora.targets"
