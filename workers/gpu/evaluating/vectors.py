"""feature-extraction: whether what belongs together lies together, and whether what lay together still does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.rows import Kind, Row
from mainspring.evaluation.items import Item
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured
from workers.gpu.evaluating.answering import Answer, answering, made
from workers.gpu.evaluating.scores import Column, Lay, Pair, Score, by_score
from workers.gpu.evaluating.task import Examination, sources

Floats = NDArray[np.float64]


def examine(this: Examination) -> list[Column]:
    """`accuracy`: of labelled texts, whether the nearest other one has the same label; `similarity` of all: how far the
    champion's likenesses among texts are kept. Raises ModelRefused."""
    found: list[Column] = []
    with answering(this) as answer:
        for name, rows in this.sets.items():
            found += _columns(this, answer, name, rows)
    return found


def _columns(this: Examination, answer: Answer, name: str, rows: Sequence[Row]) -> list[Column]:
    told = answer([row.text or row.content for row in rows], this.begin(f"answering {name}"))
    vectors = made(told, lambda _, output: np.array(output))
    scale = Scale(f"accuracy.{name}", "share of texts", top=1.0)
    columns = []
    if any(row.kind == Kind.LABELLED for row in rows) and this.wants("accuracy", name):
        columns.append(Column(scale.name, sources(rows), _nearest(rows, vectors), by_score(scale)))
    if not this.alone and this.wants("similarity", name):
        columns.append(Column(f"similarity.{name}", sources(rows), vectors, by_likeness(name)))
    return columns


def _nearest(rows: Sequence[Row], vectors: Sequence[Any]) -> list[Any]:
    """A score of each labelled text: of those of other sources, has the nearest one its label?"""
    places = [at for at, (row, one) in enumerate(zip(rows, vectors, strict=True)) if _usable(row, one)]
    if not places:
        return list(vectors)
    where = np.array(sources([rows[at] for at in places]))
    alike = _alike(np.stack([vectors[at] for at in places]))
    alike[where[:, None] == where[None, :]] = -np.inf
    found: list[Any] = [one if not isinstance(one, np.ndarray) else None for one in vectors]
    for row, at in enumerate(places):
        nearest = rows[places[int(alike[row].argmax())]]
        if np.isfinite(alike[row]).any():
            found[at] = Score(float(nearest.label == rows[at].label))
    return found


def by_likeness(name: str) -> Lay:
    """Of vectors: how each text's cosines with all others correlate (Pearson) between the two, however each lies in
    space. The champion keeps its own: 1."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        scale = Scale(f"similarity.{name}", "correlation with the champion's cosines")
        if len(pairs) < 3:
            return Measured(scale.name, scale.unit, scale.better, None)
        mine, theirs = (
            _alike(np.stack([getattr(one, who) for one in pairs])) for who in ("challenger", "champion")
        )
        kept = [_correlation(*both) for both in zip(_others(mine), _others(theirs), strict=True)]
        items = [Item(one.source, each, 1.0) for one, each in zip(pairs, kept, strict=True)]
        return measured(scale, items, level)

    return lay


def _usable(row: Row, vector: Any) -> bool:
    return row.kind == Kind.LABELLED and isinstance(vector, np.ndarray)


def _alike(vectors: Floats) -> Floats:
    """Cosines, [texts, texts]."""
    scaled = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.asarray(scaled @ scaled.T)


def _others(alike: Floats) -> Floats:
    """Without those of a text with itself, [texts, texts - 1]."""
    count = len(alike)
    return alike[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 0 else float(np.allclose(one, other))
