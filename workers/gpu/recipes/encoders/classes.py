"""text-classification: which label a text has."""

from typing import Any

import numpy as np
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, EvalPrediction

from mainspring.curation.rows import Kind, Row
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import Examples
from workers.gpu.recipes.dataset import FIELD, kept, row_of_text
from workers.gpu.recipes.encoders.labelled import Example, collected
from workers.gpu.recipes.encoders.lesson import Lesson, Listed, Taught, known_labels, with_labels


def lesson(taught: Taught) -> Lesson:
    """Of a base's own labels the numbers stay as they are, and new ones follow. Raises TrainingFailed."""
    parameters, base = taught.parameters, taught.base
    training, held_out, learnt = _examples(taught)
    known = known_labels(base, "ForSequenceClassification")
    labels = [*known, *sorted({label for _, label in training} - set(known))]
    if len(labels) < 2:
        raise TrainingFailed(
            "there are fewer than two labels to learn",
            field=FIELD if parameters.dataset else "parameters.examples",
            remedy="Give examples of each label that the model shall tell apart.",
        )
    numbers = {label: number for number, label in enumerate(labels)}

    def listed(examples: list[Example]) -> Listed:
        told = [(text, numbers[label]) for text, label in examples if label in numbers]
        texts = [text for text, _ in told]
        ids = base.tokenizer(texts, truncation=True, max_length=parameters.block_length)["input_ids"]
        pairs = zip(ids, told, strict=True)
        return Listed([{"input_ids": found, "labels": number} for found, (_, number) in pairs])

    kind = AutoModelForSequenceClassification
    model = with_labels(base, kind, known, labels, frozen=parameters.lora is not None)
    return Lesson(
        model, listed(training), listed(held_out), DataCollatorWithPadding(base.tokenizer), learnt,
        measure=_accuracy, source={"labels": labels},
    )  # fmt: skip


def _examples(taught: Taught) -> tuple[list[Example], list[Example], dict[str, Any]]:
    if taught.parameters.dataset is not None:
        training, aside, learnt = taught.rows(Kind.LABELLED, suits=_has_label)
        return [_example(row) for row in training], [_example(row) for row in aside], learnt
    examples = taught.parameters.examples or Examples()
    trains, held_out = collected(taught.parameters, examples)
    rows, aside = ([row_of_text(text, label=label) for text, label in side] for side in (trains, held_out))
    origin = examples.model_dump(exclude_none=True)
    return trains, held_out, kept(taught.workshop, rows, aside, origin)


def _has_label(row: Row) -> bool:
    return row.label is not None


def _example(row: Row) -> Example:
    return row.text, str(row.label)


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    logits = (
        prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
    )
    return {"accuracy": float((np.argmax(logits, axis=-1) == prediction.label_ids).mean())}
