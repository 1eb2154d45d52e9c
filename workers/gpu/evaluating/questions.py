"""question-answering: what is found in a context. A row is a conversation: a question, an empty line and its context are
asked, and the answer follows."""

from collections.abc import Sequence
from typing import Any

from mainspring.curation.rows import Kind, Row
from workers.gpu.evaluating.answering import Answer, answering, made
from workers.gpu.evaluating.passages import answer_of
from workers.gpu.evaluating.scores import Column, Said, by_answers
from workers.gpu.evaluating.task import Examination, sources
from workers.gpu.evaluating.writing import MEASURES


def examine(this: Examination) -> list[Column]:
    """`f1` and `exact_match` of each set. Raises ModelRefused."""
    found: list[Column] = []
    with answering(this) as answer:
        for name, rows in this.sets.items():
            asked = [row for row in rows if question(row) is not None]
            if asked:
                found += _columns(this, answer, name, asked)
    return found


def question(row: Row) -> dict[str, Any] | None:
    """As an engine takes it. None: there is none in it."""
    if row.kind != Kind.CHAT or len(row.messages) < 2:
        return None
    asked, _, context = row.messages[-2].content.partition("\n\n")
    return {"question": asked, "context": context} if asked.strip() and context.strip() else None


def _columns(this: Examination, answer: Answer, name: str, rows: Sequence[Row]) -> list[Column]:
    told = answer([question(row) for row in rows], this.begin(f"answering {name}"))
    entries = made(told, lambda at, output: Said(answer_of(rows[at]), str(output["answer"])))
    return [
        Column(f"{metric}.{name}", sources(rows), entries, by_answers(MEASURES[metric], name))
        for metric in ("f1", "exact_match")
        if this.wants(metric, name)
    ]
