"""token-classification: which words of a text name what. A row's label is JSON: [{entity, start, end}, …], in characters."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification, EvalPrediction

from mainspring.curation.rows import Kind, Row
from workers.gpu.recipes.answers import IGNORED
from workers.gpu.recipes.encoders.lesson import Lesson, Listed, Taught, known_labels, with_labels

OUTSIDE, BEGINS, GOES_ON = "O", "B-", "I-"


@dataclass(frozen=True)
class Span:
    entity: str
    start: int
    end: int


def lesson(taught: Taught) -> Lesson:
    """A word's label is its first token's, as serving reads it; the other tokens have none. Raises TrainingFailed."""
    parameters, base = taught.parameters, taught.base
    training, held_out, learnt = taught.rows(Kind.LABELLED, suits=_is_marked)
    known = known_labels(base, "ForTokenClassification")
    plain = bool(known) and not any(label.startswith(BEGINS) for label in known)
    labels = _labels(known, {span.entity for row in training for span in spans(row)}, plain=plain)
    numbers = {label: number for number, label in enumerate(labels)}

    def listed(rows: list[Row]) -> Listed:
        return Listed([item for row in rows if (item := read(row)) is not None])

    def read(row: Row) -> dict[str, Any] | None:
        encoded: Any = base.tokenizer(
            row.text, truncation=True, max_length=parameters.block_length, return_offsets_mapping=True
        )
        told = _tokens(spans(row), encoded.word_ids(), encoded["offset_mapping"], plain=plain)
        if any(label is not None and label not in numbers for label in told):
            return None
        ids = [IGNORED if label is None else numbers[label] for label in told]
        return {"input_ids": encoded["input_ids"], "labels": ids}

    model = with_labels(
        base, AutoModelForTokenClassification, known, labels, frozen=parameters.lora is not None
    )
    return Lesson(
        model, listed(training), listed(held_out), DataCollatorForTokenClassification(base.tokenizer), learnt,
        measure=_accuracy, source={"labels": labels},
    )  # fmt: skip


def spans(row: Row) -> list[Span]:
    """Raises ValueError, TypeError, KeyError for a label that is no such list."""
    return [
        Span(str(one["entity"]), int(one["start"]), int(one["end"])) for one in json.loads(row.label or "")
    ]


def _is_marked(row: Row) -> bool:
    try:
        spans(row)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


def _labels(known: list[str], entities: set[str], *, plain: bool) -> list[str]:
    """By the base's own way of naming them; without one, each entity has a label to begin with and one to go on with."""
    marks = ("",) if plain else (BEGINS, GOES_ON)
    wanted = [OUTSIDE, *(f"{mark}{entity}" for entity in sorted(entities) for mark in marks)]
    return [*known, *(label for label in wanted if label not in known)]


def _tokens(
    named: list[Span], words: list[int | None], offsets: list[tuple[int, int]], *, plain: bool
) -> Iterator[str | None] | list[str | None]:
    """A label for each token; None where nothing is learned."""
    told: list[str | None] = []
    last: int | None = None
    before: Span | None = None
    for word, (start, end) in zip(words, offsets, strict=True):
        if word is None or word == last or start == end:
            told.append(None)
            continue
        within = next((span for span in named if span.start < end and start < span.end), None)
        mark = "" if plain else GOES_ON if within is before else BEGINS
        told.append(OUTSIDE if within is None else f"{mark}{within.entity}")
        last, before = word, within
    return told


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """The share of words that are named as they should be."""
    told = np.argmax(np.asarray(prediction.predictions), axis=-1)
    counts = np.asarray(prediction.label_ids) != IGNORED
    return {"accuracy": float((told == prediction.label_ids)[counts].mean())}
