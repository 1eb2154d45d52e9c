"""token-classification: of the entities in a text, which are found. A row's label is JSON: [{entity, start, end}, …], in
characters, as an answer has them."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from mainspring.curation.rows import Kind, Row
from mainspring.evaluation.bounded import ratio
from mainspring.evaluation.items import summed
from mainspring.evaluation.pairing import Scale, jackknifed, of_three
from mainspring.evaluation.results import Measured
from workers.gpu.evaluating.answering import Answer, answering, made
from workers.gpu.evaluating.scores import Column, Lay, Pair, Score, by_score
from workers.gpu.evaluating.task import Examination, sources

Spans = frozenset[tuple[str, int, int]]


def examine(this: Examination) -> list[Column]:
    """`f1`: of all entities together, an entity being right as a whole; `accuracy`: the share of texts that are right as a
    whole. Raises ModelRefused."""
    found: list[Column] = []
    with answering(this) as answer:
        for name, rows in this.sets.items():
            known = [(row, spans) for row in rows if (spans := _expected(row)) is not None]
            if known:
                found += _columns(this, answer, name, known)
    return found


def _columns(
    this: Examination, answer: Answer, name: str, known: Sequence[tuple[Row, Spans]]
) -> list[Column]:
    rows, expected = [row for row, _ in known], [spans for _, spans in known]
    told = answer([row.text for row in rows], this.begin(f"answering {name}"))
    found = made(told, lambda at, output: _score(expected[at], output))
    whole = made(told, lambda at, output: Score(float(_spans(output) == expected[at])))
    accuracy = Scale(f"accuracy.{name}", "share of texts", top=1.0)
    columns = [
        Column(f"f1.{name}", sources(rows), found, by_entities(f"f1.{name}")),
        Column(accuracy.name, sources(rows), whole, by_score(accuracy)),
    ]
    return [one for one in columns if this.wants(one.name.partition(".")[0], name)]


def by_entities(name: str) -> Lay:
    """Of entries that are scores; one without entities, found or missed, adds nothing."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        where = [one.source for one in pairs]
        sides = [
            summed(where, np.array([[score.total, score.weight] for score in side]))
            for side in ([one.challenger for one in pairs], [one.champion for one in pairs])
            if side[0] is not None
        ]
        three = jackknifed(ratio, sides[0], sides[1] if len(sides) > 1 else None, level)
        return of_three(Scale(name, "F1 of the entities"), three, where, {})

    return lay


def _score(expected: Spans, output: Any) -> Score:
    """Whose ratio is F1."""
    found = _spans(output)
    return Score(2.0 * len(found & expected), len(found) + len(expected))


def _spans(given: Any) -> Spans:
    return frozenset((str(one["entity"]), int(one["start"]), int(one["end"])) for one in given)


def _expected(row: Row) -> Spans | None:
    """None: its label is no such list."""
    try:
        return _spans(json.loads(row.label or "")) if row.kind == Kind.LABELLED else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
