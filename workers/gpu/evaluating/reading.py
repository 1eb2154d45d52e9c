"""How likely a causal model finds texts that others wrote, in nats, each token by what stands before it.

Of a conversation the last answer alone counts, given all that was said before it as serving lays it out: that is what the
model writes, what fine-tuning learns, and the only part that two templates have in common. Marks of a template and ends
of a text are not counted, so that whatever the tokenizer, what is scored is the same text. A text that says what it is
about is asked for so where there is a template, as recipes have it learned.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.curation.rows import Kind, Row
from mainspring.errors import InvalidRequest
from workers.gpu.evaluating.scores import Score
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.windows import Window, windows
from workers.gpu.load import Loaded
from workers.gpu.prompts import Prompts

LONGEST = 1024  # tokens that are read at once, where the model could read more
_BATCH_TOKENS = {"cpu": 2048, "cuda": 32768}  # of a pass, padding included
_OUTPUT_BYTES = 2**29  # of a pass: the scores of a vocabulary at every position
_ROWS = 256  # positions whose scores are made float32 at once


@dataclass(frozen=True)
class Passage:
    """`ids` from `first` on are those of the `text`, those before it what it is given."""

    ids: list[int]
    first: int
    text: str


class Reader:
    """`anchored`: whether a text's first token is scored, too; there are tokenizers that have nothing to begin with."""

    def __init__(self, loaded: Loaded) -> None:
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        self._prompts = Prompts(loaded.tokenizer, loaded.context)
        self._length = max(2, min(loaded.context, LONGEST))
        begin = loaded.tokenizer.bos_token_id
        begin = loaded.tokenizer.eos_token_id if begin is None else begin
        self._lead = [] if begin is None else [int(begin)]
        self.anchored = bool(self._lead)

    def passage(self, row: Row, answer: str | None = None) -> Passage | None:
        """Of a text all of it, else of what answers it, which `answer` may replace. None: the template refuses it."""
        asks = row.heading and getattr(self._tokenizer, "chat_template", None)
        if row.kind == Kind.TEXT and row.target is None and answer is None and not asks:
            return self._passage(self._lead, row.text)
        try:
            asked, wanted = conversation(row)
            return self._passage(self._prompts.ids(asked), wanted if answer is None else answer)
        except InvalidRequest:
            return None

    def scores(self, passages: Sequence[Passage | None], tick: Tick) -> list[Score | None]:
        """`weight`: tokens."""
        totals = [0.0] * len(passages)
        parts = [
            (index, window)
            for index, one in enumerate(passages)
            if one is not None
            for window in windows(one.ids, one.first, self._length)
        ]
        done = 0
        for batch in _batches(parts, self._budget()):
            for (index, _), found in zip(batch, self._pass([one for _, one in batch]), strict=True):
                totals[index] += found
            done += len(batch)
            tick(done / len(parts))
        return [
            None if one is None or len(one.ids) == one.first else _score(one, total)
            for one, total in zip(passages, totals, strict=True)
        ]

    def _passage(self, before: list[int], text: str) -> Passage:
        ids = list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        return Passage([*before, *ids], max(1, len(before)), text)

    def _budget(self) -> int:
        vocabulary = self._model.config.get_text_config().vocab_size
        most = _OUTPUT_BYTES // (vocabulary * self._model.dtype.itemsize)
        return min(_BATCH_TOKENS[self._model.device.type], most)

    @torch.inference_mode()
    def _pass(self, batch: Sequence[Window]) -> list[float]:
        ids, mask = padded([one.ids for one in batch], self._model.device)
        logits = model_of(self._model)(input_ids=ids, attention_mask=mask, use_cache=False).logits
        found = []
        for row, one, scores in zip(ids, batch, logits, strict=True):
            end = len(one.ids)
            found.append(chosen(scores[one.first - 1 : end - 1], row[one.first : end]))
        return found


def conversation(row: Row) -> tuple[Any, str]:
    """What is asked, as an engine takes it, and what answers it."""
    if row.kind == Kind.TEXT:
        asked, wanted = (row.heading, row.text) if row.target is None else (row.text, row.target)
        messages = [{"role": "user", "content": asked}]
    else:
        said = row.messages if row.kind == Kind.PREFERENCE else row.messages[:-1]
        messages = [{"role": one.role, "content": one.content} for one in said]
        wanted = (row.chosen or "") if row.kind == Kind.PREFERENCE else row.messages[-1].content
    return {"messages": messages, "as_text": "\n".join(one["content"] for one in messages)}, wanted


def chosen(scores: Tensor, ids: Tensor) -> float:
    """The summed log-probability of `ids` [tokens] by `scores` [tokens, vocabulary], which may be no finite number."""
    total = 0.0
    for some, of in zip(scores.split(_ROWS), ids.split(_ROWS), strict=True):
        wide = some.float()
        total += float((wide.gather(1, of[:, None]).squeeze(1) - wide.logsumexp(dim=1)).double().sum())
    return total


def padded(rows: Sequence[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and mask, [rows, longest] each, padded on the right."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids.to(device), mask.to(device)


def model_of(model: PreTrainedModel) -> Any:
    """What is called of it takes and gives what its architecture says."""
    return model


def _score(passage: Passage, total: float) -> Score:
    ids = passage.ids[passage.first :]
    return Score(total, len(ids), len(passage.text.encode(errors="replace")), digest(ids))


def digest(ids: Sequence[int]) -> int:
    """Equal for equal ones, in every process."""
    return int.from_bytes(hashlib.sha256(repr(list(ids)).encode()).digest()[:8])


def _batches(parts: list[tuple[int, Window]], budget: int) -> Iterator[list[tuple[int, Window]]]:
    """Of similar lengths, the longest first; each within the budget of tokens, or one window."""
    batch: list[tuple[int, Window]] = []
    for part in sorted(parts, key=lambda part: -len(part[1].ids)):
        longest = len(batch[0][1].ids) if batch else 0
        if batch and longest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch
