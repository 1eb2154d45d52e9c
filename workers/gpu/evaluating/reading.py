"""How likely a causal model finds passages, in nats, each token by what stands before it."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.evaluation.metrics.calibration import BINS
from workers.gpu.evaluating.batches import batched, passes
from workers.gpu.evaluating.passages import Passage
from workers.gpu.evaluating.scores import BROKEN, Broken
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.windows import Window, windows
from workers.gpu.load import Loaded

LONGEST = 1024  # tokens that are read at once, where the model could read more
_BATCH_TOKENS = {"cpu": 512, "cuda": 32768}  # of a pass, padding included
_OUTPUT_BYTES = 2**29  # of a pass: the scores of a vocabulary at every position
_ROWS = 256  # positions whose scores are made float32 at once

Sure = NDArray[
    np.float64
]  # [3, BINS]: how many tokens, the chances of those that were likeliest, how many of them right


@dataclass(frozen=True, slots=True)
class Read:
    """How likely a text is: `total` nats of so many `tokens`, those of this `digest`; `size`: of the text, in bytes.

    `sure`: how sure the model was of the likeliest token at each place, and whether it was the one.
    """

    total: float
    tokens: int
    size: int
    digest: int
    sure: Sure


def read(loaded: Loaded, passages: Sequence[Passage | None], tick: Tick) -> list[Read | Broken | None]:
    """Of each passage; None stays None."""
    length = max(2, min(loaded.context, LONGEST))
    totals, sure = [0.0] * len(passages), [np.zeros((3, BINS)) for _ in passages]
    parts = [
        (index, window)
        for index, one in enumerate(passages)
        if one is not None
        for window in windows(one.ids, one.first, length)
    ]
    batches = list(batched(parts, lambda part: len(part[1].ids), budget(loaded.model)))
    for (index, _), found in passes(batches, partial(_pass, loaded.model), tick):
        totals[index] += found.total
        sure[index] += found.sure
    return [
        None if one is None else read_of(one.text, one.ids[one.first :], Chosen(total, bins))
        for one, total, bins in zip(passages, totals, sure, strict=True)
    ]


@dataclass(frozen=True)
class Chosen:
    """Of some tokens, as in a Read."""

    total: float
    sure: Sure


def chosen(scores: Tensor, ids: Tensor) -> Chosen:
    """Of `ids` [tokens] by `scores` [tokens, vocabulary]."""
    total, sure = 0.0, np.zeros((3, BINS))
    for at in range(0, len(ids), _ROWS):
        wide, of = scores[at : at + _ROWS].float(), ids[at : at + _ROWS]
        masses = wide.logsumexp(dim=1)
        total += float((wide.gather(1, of[:, None]).squeeze(1) - masses).double().sum())
        best, likeliest = wide.max(dim=1)
        sure += _binned((best - masses).exp().cpu().numpy(), (likeliest == of).cpu().numpy())
    return Chosen(total, sure)


def read_of(text: str, ids: Sequence[int], found: Chosen) -> Read | Broken:
    if not math.isfinite(found.total):
        return BROKEN
    digest = int.from_bytes(hashlib.sha256(repr(list(ids)).encode()).digest()[:8])
    return Read(found.total, len(ids), len(text.encode(errors="replace")), digest, found.sure)


def budget(model: PreTrainedModel, width: int | None = None) -> int:
    """Tokens of a pass. `width`: numbers that come out for each; None: a vocabulary's."""
    wide = model.config.get_text_config().vocab_size if width is None else width
    return min(_BATCH_TOKENS[model.device.type], int(_OUTPUT_BYTES // (wide * model.dtype.itemsize)))


def padded(rows: Sequence[Sequence[int]], device: torch.device, pad: int = 0) -> tuple[Tensor, Tensor]:
    """Ids and mask, [rows, longest] each, padded on the right."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids.to(device), mask.to(device)


@torch.inference_mode()
def _pass(model: Any, batch: Sequence[tuple[int, Window]]) -> list[Chosen]:
    ids, mask = padded([one.ids for _, one in batch], model.device)
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    found = []
    for row, (_, one), scores in zip(ids, batch, logits, strict=True):
        end = len(one.ids)
        found.append(chosen(scores[one.first - 1 : end - 1], row[one.first : end]))
    return found


def _binned(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> Sure:
    confidence = np.nan_to_num(confidence)
    places = np.minimum(BINS - 1, (confidence * BINS).astype(int))
    return np.stack([np.bincount(places, by, BINS) for by in (None, confidence, right)])
