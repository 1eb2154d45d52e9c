"""fill-mask: some words of each text are hidden, the same for both, and guessed from the rest."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mainspring.curation.rows import Kind, Row
from mainspring.evaluation.pairing import Scale
from workers.gpu.evaluating.batches import batched, passes
from workers.gpu.evaluating.likelihood import calibration, likelihood
from workers.gpu.evaluating.reading import Read, budget, chosen, padded, read_of
from workers.gpu.evaluating.scores import Column, Score, by_score
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Examination, sources
from workers.gpu.load import Loaded

SHARE = 0.15  # of the words, as in training (Devlin et al., 2019)
_WORD = re.compile(r"\w+")


def examine(this: Examination) -> list[Column]:
    """Of each set `likelihood` and `calibration` of the hidden tokens, `accuracy`: the share of them guessed at once.

    Raises ModelRefused.
    """
    found: list[Column] = []
    with this.contestant.weights() as loaded:
        for name, rows in this.sets.items():
            texts = [row for row in rows if row.kind == Kind.TEXT]
            if texts:
                entries = _read(loaded, texts, this.suite.plan.seed, this.begin(f"guessing words of {name}"))
                found += _columns(this, name, texts, entries)
    return found


def _columns(this: Examination, name: str, rows: Sequence[Row], entries: list[Any]) -> list[Column]:
    scale = Scale(f"accuracy.{name}", "share of tokens", top=1.0)
    right = [Score(one.sure[2].sum(), one.tokens) if isinstance(one, Read) else one for one in entries]
    columns = [
        likelihood(f"likelihood.{name}", sources(rows), entries),
        calibration(f"calibration.{name}", sources(rows), entries),
        Column(scale.name, sources(rows), right, by_score(scale)),
    ]
    return [one for one in columns if this.wants(one.name.partition(".")[0], name)]


@dataclass(frozen=True)
class _Hidden:
    """`ids` with a mask at these `places`; `text`: of the words that were there."""

    at: int
    ids: list[int]
    places: list[int]
    tokens: list[int]
    text: str


def _read(loaded: Loaded, rows: Sequence[Row], seed: int, tick: Tick) -> list[Any]:
    hidden = [one for at, row in enumerate(rows) if (one := _hide(loaded, at, row.text, seed)) is not None]
    found: list[Any] = [None] * len(rows)
    batches = list(batched(hidden, lambda one: len(one.ids), budget(loaded.model)))
    for one, read in passes(batches, lambda batch: list(_pass(loaded, batch)), tick):
        found[one.at] = read
    return found


def _hide(loaded: Loaded, at: int, text: str, seed: int) -> _Hidden | None:
    """None: it has no words, or is longer than what the version reads."""
    tokenizer: Any = loaded.tokenizer
    words = [word.span() for word in _WORD.finditer(text)]
    draw = random.Random(f"{seed} {text}")  # noqa: S311  a choice, not a secret
    chosen_words = draw.sample(words, min(len(words), max(1, round(SHARE * len(words)))))
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    places = [
        place
        for place, (start, end) in enumerate(encoded["offset_mapping"])
        if any(begin < end and start < stop for begin, stop in chosen_words)
    ]
    ids = list(encoded["input_ids"])
    if not places or len(ids) > loaded.context:
        return None
    masked = [tokenizer.mask_token_id if place in set(places) else token for place, token in enumerate(ids)]
    said = " ".join(text[begin:stop] for begin, stop in sorted(chosen_words))
    return _Hidden(at, masked, places, [ids[place] for place in places], said)


@torch.inference_mode()
def _pass(loaded: Loaded, batch: Sequence[_Hidden]) -> Iterator[Any]:
    model: Any = loaded.model
    ids, mask = padded([one.ids for one in batch], model.device, loaded.tokenizer.pad_token_id or 0)
    logits = model(input_ids=ids, attention_mask=mask).logits
    for one, scores in zip(batch, logits, strict=True):
        places = torch.tensor(one.places, device=model.device)
        found = chosen(scores[places], torch.tensor(one.tokens, device=model.device))
        yield read_of(one.text, one.tokens, found)
