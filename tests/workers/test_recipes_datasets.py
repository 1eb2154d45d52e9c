"""A dataset is one more thing to learn from: its training split trains, and what was held out is measured by."""

from pathlib import Path

import pytest

from mainspring.errors import InvalidRequest, MainspringError
from mainspring.local.starter import starters
from mainspring.tables import Task
from mainspring.training.recipes import validated
from tests.workers.learning import causal, chat, dataset, labelled, learn, text

ENCODER = starters()[0].parameters["model"]
TEXTS = [text(f"Gear {number} has {number * 7 % 31} teeth.", f"Gear {number}") for number in range(30)]
CHATS = [chat(f"How many teeth has gear {number}?", f"{number * 7 % 31} teeth.") for number in range(30)]


def test_texts_and_conversations_are_read_on(tmp_path: Path) -> None:
    digest = dataset(tmp_path, [*TEXTS, *CHATS])
    base = str(causal(tmp_path / "base"))
    made = learn(tmp_path, "continued-pretraining", Task.TEXT_GENERATION, {"dataset": digest, "base": base})
    assert made.dataset == {"digest": digest, "examples": 60, "origin": {"dataset": digest}}
    assert made.parent is not None
    assert 0 < made.measures["held_out_tokens"] < made.measures["training_tokens"]


def test_a_model_from_nothing_learns_a_dataset(tmp_path: Path) -> None:
    made = learn(
        tmp_path, "continued-pretraining", Task.TEXT_GENERATION, {"dataset": dataset(tmp_path, CHATS)}
    )
    assert (made.folder / "chat_template.jinja").is_file()


def test_labelled_rows_make_a_classifier(tmp_path: Path) -> None:
    rows = [
        labelled(f"{said} {number}", label)
        for number in range(30)
        for said, label in (("The spring of clock", "clocks"), ("The crust of loaf", "bread"))
    ]
    digest = dataset(tmp_path, rows)
    given = {"base": ENCODER, "dataset": digest, "steps": 10, "batch_size": 8}
    made = learn(tmp_path, "encoder-fine-tuning", Task.TEXT_CLASSIFICATION, given)
    assert made.source["labels"] == ["bread", "clocks"]
    assert made.measures["accuracy"] > 0.9
    assert (made.measures["training_examples"], made.measures["held_out_examples"]) == (48, 12)


def test_rows_of_another_kind_are_no_source(tmp_path: Path) -> None:
    for digest in (dataset(tmp_path, TEXTS), "0" * 64):
        given = {"base": ENCODER, "dataset": digest}
        with pytest.raises(MainspringError) as refused:
            learn(tmp_path, "encoder-fine-tuning", Task.TEXT_CLASSIFICATION, given)
        assert refused.value.field == "parameters.dataset"
        assert refused.value.remedy


@pytest.mark.parametrize(
    "given", [{}, {"corpus": {}, "dataset": "0" * 64}, {"corpus": {"folder": "f"}, "dataset": "0" * 64}]
)
def test_there_is_one_source(given: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated("continued-pretraining", Task.TEXT_GENERATION, given)
    assert refused.value.field == "parameters.corpus"
