"""Continued pretraining of a causal model on text: from a base, or from nothing."""

import random
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from mainspring.curation.rows import Kind
from mainspring.tables import Task
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import CONTINUED_PRETRAINING, ContinuedPretraining, Corpus
from workers.gpu.recipes import corpus
from workers.gpu.recipes.base import Base, begin
from workers.gpu.recipes.card import write_card
from workers.gpu.recipes.corpus import Document
from workers.gpu.recipes.dataset import kept, named, replayed, row_of_text, taken
from workers.gpu.recipes.ending import finish
from workers.gpu.recipes.fit import fit
from workers.gpu.recipes.lora import put_on, require_stored
from workers.gpu.recipes.replay import beside
from workers.gpu.recipes.starter_model import make_model, make_tokenizer
from workers.gpu.recipes.workshop import Made, Workshop

FROM_BASE, BY_LORA, FROM_NOTHING = 1e-4, 1e-3, 3e-3  # learning rates
SHORTEST_CONTEXT = 512
SHORTEST = 20  # characters of a document worth learning from
PIECE = 900  # characters of an answer in the chat form, so that question and answer fit into a block
QUESTIONS = ("What is {}?", "What does {} do?", "Explain {}.", "Tell me about {}.", "{}")

Tokens = torch.Tensor  # int64 [length]


class Windows(Dataset[dict[str, torch.Tensor]]):
    """`count` windows of a token stream at places drawn from the seed, so that item i is always the same."""

    def __init__(self, stream: Tokens, length: int, count: int, seed: int) -> None:
        self._stream, self._length = stream, min(length, len(stream))
        places = torch.Generator().manual_seed(seed)
        self._starts = torch.randint(len(stream) - self._length + 1, (count,), generator=places)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        start = int(self._starts[index])
        ids = self._stream[start : start + self._length]
        return {"input_ids": ids, "labels": ids}


class Blocks(Windows):
    """The stream once through, in blocks that do not overlap."""

    def __init__(self, stream: Tokens, length: int) -> None:
        super().__init__(stream, length, 1, 0)
        self._starts = torch.arange(0, len(stream) - self._length + 1, self._length)


def make(parameters: ContinuedPretraining, task: Task, workshop: Workshop) -> Made:
    """Raises ModelRefused for a bad base, TrainingFailed for a bad corpus, RunInterrupted, RunLost."""
    set_seed(parameters.seed)
    base = None if parameters.base is None else begin(parameters.base, task)
    if base is not None:
        require_stored(base, parameters.lora)
    workshop.step(0.01, "collecting text")
    training, held_out, learnt = _documents(parameters, workshop)
    kinds = (Kind.TEXT, Kind.CHAT)
    old = [corpus.of_row(row) for row in replayed(parameters.replay, workshop.datasets, *kinds)]
    random.Random(parameters.seed).shuffle(training)  # noqa: S311  an order, not a secret
    workshop.step(0.05, "making the tokenizer" if base is None else "loading the base")
    model, tokenizer = _from_nothing(parameters, training) if base is None else _from(base, parameters)
    workshop.step(0.08, "reading the text")
    stream, aside, again = (_tokens(part, tokenizer, parameters) for part in (training, held_out, old))
    length, many = parameters.block_length, parameters.steps * parameters.batch_size
    trained = put_on(model, parameters.lora, task)
    measures = fit(
        trained,
        parameters,
        parameters.learning_rate or _rate(parameters),
        workshop,
        training=beside(
            Windows(stream, length, many, parameters.seed),
            Windows(again, length, many, parameters.seed + 1) if len(again) else None,
            parameters.replay,
            parameters.seed,
        ),
        held_out=Blocks(aside, length),
    )
    measures |= {"training_tokens": len(stream), "held_out_tokens": len(aside)}
    if base is not None:
        return finish(
            trained, base, parameters.lora, task, workshop,
            recipe=CONTINUED_PRETRAINING, measures=measures, learnt=learnt,
        )  # fmt: skip
    model.save_pretrained(workshop.output)
    tokenizer.save_pretrained(workshop.output)
    write_card(workshop.output, CONTINUED_PRETRAINING, None, measures)
    return Made(workshop.output, {"base": None}, measures, learnt)


def _rate(parameters: ContinuedPretraining) -> float:
    if parameters.base is None:
        return FROM_NOTHING
    return FROM_BASE if parameters.lora is None else BY_LORA


def _from(base: Base, parameters: ContinuedPretraining) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    return base.model(AutoModelForCausalLM, frozen=parameters.lora is not None), base.tokenizer


def _from_nothing(
    parameters: ContinuedPretraining, training: list[Document]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    length = max(parameters.block_length, SHORTEST_CONTEXT)
    texts = chain.from_iterable((one.heading, one.text) for one in training)
    tokenizer = make_tokenizer(texts, length, chat_template=parameters.chat_template)
    return make_model(tokenizer, length), tokenizer


def _documents(
    parameters: ContinuedPretraining, workshop: Workshop
) -> tuple[list[Document], list[Document], dict[str, Any]]:
    """Those that train, those held out, and how they are named together. Raises TrainingFailed."""
    if parameters.dataset is not None:
        rows = taken(workshop.datasets / parameters.dataset, Kind.TEXT, Kind.CHAT)
        sides = [[corpus.of_row(row) for row in side] for side in rows]
        return sides[0], sides[1], named(parameters.dataset, sum(map(len, sides)), parameters.replay)
    source = parameters.corpus or Corpus()
    documents = corpus.distinct(_collected(source), shortest=SHORTEST)
    training, held_out = corpus.split(documents, parameters.held_out)
    if not training or not held_out:
        raise TrainingFailed(
            f"the corpus has {len(documents)} documents, too few to hold any out",
            field="parameters.corpus",
            remedy="Give more text, or a larger share held out.",
        )
    origin = source.model_dump(exclude_none=True)
    if parameters.replay is not None:
        origin["replay"] = parameters.replay.model_dump()
    trains, aside = (
        [row_of_text(one.text, heading=one.heading) for one in side] for side in (training, held_out)
    )
    return training, held_out, kept(workshop, trains, aside, origin)


def _collected(source: Corpus) -> Iterator[Document]:
    if source.docstrings is not None:
        return chain.from_iterable(corpus.docstrings(module) for module in source.docstrings)
    return corpus.files(Path(source.folder or ""))


def _tokens(
    documents: list[Document], tokenizer: PreTrainedTokenizerBase, parameters: ContinuedPretraining
) -> Tokens:
    """One stream; what the chat template does not end, ends with the tokenizer's end of text."""
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    written = [pair for document in documents for pair in _written(document, tokenizer, parameters)]
    if not written:
        return torch.empty(0, dtype=torch.int64)
    ids = tokenizer([text for text, _ in written], add_special_tokens=False, verbose=False)["input_ids"]
    ends = (end if plain else [] for _, plain in written)
    return torch.tensor([token for pair in zip(ids, ends, strict=True) for part in pair for token in part])


def _written(
    document: Document, tokenizer: PreTrainedTokenizerBase, parameters: ContinuedPretraining
) -> Iterator[tuple[str, bool]]:
    """Texts, and whether each is plain: not by the chat template, which has an end of its own.

    A text is asked for where it says what it is about; a model from nothing learns the form from all of them.
    """
    if tokenizer.chat_template is None:
        yield document.text, True
    elif document.messages:
        spoken = [{"role": one.role, "content": one.content} for one in document.messages]
        yield str(tokenizer.apply_chat_template(spoken, tokenize=False)), False
    elif parameters.chat_template and (document.heading or parameters.base is None):
        yield from ((text, False) for text in _asked(document, tokenizer))
    else:
        yield document.text, True


def _asked(document: Document, tokenizer: PreTrainedTokenizerBase) -> Iterator[str]:
    """As conversations: what the heading names is asked, and the text, piece by piece, answers."""
    subject = document.heading.replace('"', "").replace("`", "")
    subject = subject[:1].lower() + subject[1:] if subject[1:2].islower() else subject
    for number, piece in enumerate(_pieces(document.text)):
        form = QUESTIONS[(int(document.digest[:8], 16) + number) % len(QUESTIONS)]
        messages = [
            {"role": "user", "content": form.format(subject or "this")},
            {"role": "assistant", "content": piece},
        ]
        yield str(tokenizer.apply_chat_template(messages, tokenize=False))


def _pieces(text: str) -> Iterator[str]:
    """Whole paragraphs of up to PIECE characters; a longer paragraph is a piece of its own."""
    piece = ""
    for paragraph in text.split("\n\n"):
        if piece and len(piece) + len(paragraph) > PIECE:
            yield piece
            piece = ""
        piece = f"{piece}\n\n{paragraph}" if piece else paragraph
    if piece:
        yield piece
