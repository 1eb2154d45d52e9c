"""translation and summarization: how likely what was expected is, given its text; and what the version writes itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mainspring.curation.rows import Row
from mainspring.errors import MainspringError
from mainspring.terms import Task
from workers.gpu.evaluating.batches import batched, passes
from workers.gpu.evaluating.reading import budget, chosen, padded, read_of
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Examination
from workers.gpu.evaluating.texts import read_columns
from workers.gpu.evaluating.writing import Asked, written_columns
from workers.gpu.heads import Texts
from workers.gpu.load import Loaded
from workers.gpu.seq2seq.decoding import batch_tokens, written_limit
from workers.gpu.seq2seq.languages import languages_of
from workers.gpu.seq2seq.sources import Sources

_UNCOUNTED = -100  # what transformers takes for no label


def examine(this: Examination) -> list[Column]:
    """Raises ModelRefused, LoadingFailed, EngineFailed."""
    with this.contestant.weights() as loaded:
        reader = _Reader(loaded, this.suite.task, this.suite.parameters)
        found = read_columns(this, reader.read)
    own = ("chrf",) if this.suite.task == Task.TRANSLATION else ("rouge_l",)
    asked = Asked(lambda row: row.text, lambda row: row.target is not None)
    return found + written_columns(this, asked, own)


@dataclass(frozen=True)
class _Pair:
    """`source` and `target` as the model takes them; `counted`: of the target, what is neither an end nor a language."""

    at: int
    source: list[int]
    target: list[int]
    counted: list[int]

    @property
    def tokens(self) -> int:
        return max(len(self.source), len(self.target))


class _Reader:
    def __init__(self, loaded: Loaded, task: Task, parameters: dict[str, Any]) -> None:
        self._model: Any = loaded.model
        self._tokenizer: Any = loaded.tokenizer
        self._parameters = parameters
        self._longest = written_limit(loaded.model.config, loaded.context)
        self._sources = Sources(
            Texts(loaded.tokenizer, loaded.context),
            languages_of(task, loaded.model, loaded.tokenizer),
            longest=self._longest,
            budget=batch_tokens(loaded.context),
        )
        if "target_language" in parameters and hasattr(self._tokenizer, "src_lang"):
            self._tokenizer.tgt_lang = parameters["target_language"]

    def read(self, rows: Sequence[Row], tick: Tick) -> list[Any]:
        """A Read, Broken or None of each row."""
        pairs = [pair for at, row in enumerate(rows) if (pair := self._pair(at, row)) is not None]
        found: list[Any] = [None] * len(rows)
        batches = list(batched(pairs, lambda pair: pair.tokens, budget(self._model)))
        for pair, one in passes(batches, lambda batch: list(self._pass(rows, batch)), tick):
            found[pair.at] = one
        return found

    def _pair(self, at: int, row: Row) -> _Pair | None:
        if row.target is None:
            return None
        try:
            piece = self._sources.prepare(row.text, self._parameters).pieces[0]
        except MainspringError:
            return None
        target = list(self._tokenizer(text_target=row.target)["input_ids"])
        special = set(self._tokenizer.all_special_ids)
        counted = [place for place, token in enumerate(target) if token not in special]
        fits = counted and len(target) <= self._longest
        return _Pair(at, piece.ids, target, counted) if fits else None

    @torch.inference_mode()
    def _pass(self, rows: Sequence[Row], batch: Sequence[_Pair]) -> Iterator[Any]:
        device = self._model.device
        ids, mask = padded([pair.source for pair in batch], device, self._tokenizer.pad_token_id or 0)
        labels, _ = padded([pair.target for pair in batch], device, _UNCOUNTED)
        logits = self._model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).logits
        for pair, label, scores in zip(batch, labels, logits, strict=True):
            places = torch.tensor(pair.counted, device=device)
            found = chosen(scores[places], label[places])
            yield read_of(rows[pair.at].target or "", [pair.target[place] for place in pair.counted], found)
