"""token-classification: [{entity, score, text, start, end}, …] with character offsets into the text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers import PreTrainedConfig

from workers.gpu.heads import Piece, TextHead, Texts, labels


@dataclass
class _Span:
    entity: str
    start: int
    end: int
    scores: list[float]


class SpanHead(TextHead):
    """Neighbouring words of one entity are one span; a word has the label of its first token.

    `B-` begins a new span and `I-` goes on with one; labels without these prefixes go on as long as they are equal.
    """

    def __init__(self, texts: Texts, config: PreTrainedConfig) -> None:
        super().__init__(texts)
        self._labels = labels(config)
        self.width = max(1, len(self._labels))

    def read(
        self,
        text: str,
        piece: Piece,
        row: Tensor,
        parameters: dict[str, Any],  # noqa: ARG002
    ) -> list[dict[str, Any]]:
        spans: list[_Span] = []
        previous = "O"
        for label, word in self._words(piece, row):
            begins, entity = label.startswith("B-"), label.removeprefix("B-").removeprefix("I-")
            if entity != "O" and entity == previous and not begins:
                spans[-1].end = word.end
                spans[-1].scores += word.scores
            elif entity != "O":
                spans.append(_Span(entity, word.start, word.end, word.scores))
            previous = entity
        return [
            {
                "entity": span.entity,
                "score": sum(span.scores) / len(span.scores),
                "text": text[span.start : span.end],
                "start": span.start,
                "end": span.end,
            }
            for span in spans
        ]

    def _words(self, piece: Piece, row: Tensor) -> Iterator[tuple[str, _Span]]:
        """Each word's label and extent."""
        best, labels = row.softmax(dim=-1).max(dim=-1)
        words = piece.note.word_ids()
        word: tuple[str, _Span] | None = None
        last = None
        for index, (start, end) in enumerate(piece.note["offset_mapping"]):
            if words[index] is None or start == end:
                continue
            if word is not None and words[index] == last:
                word[1].end = end
                continue
            if word is not None:
                yield word
            last = words[index]
            label = self._labels.get(int(labels[index]), str(int(labels[index])))
            word = (label, _Span(label, start, end, [float(best[index])]))
        if word is not None:
            yield word
