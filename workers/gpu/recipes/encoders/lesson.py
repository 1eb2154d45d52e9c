"""What an encoder is taught: a model with the head of the task, and examples as a loop takes them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedModel, Trainer

from mainspring.curation.rows import Kind, Row
from mainspring.training.recipes import EncoderFineTuning
from workers.gpu.recipes.base import Base
from workers.gpu.recipes.dataset import named, replayed, taken
from workers.gpu.recipes.replay import drawn
from workers.gpu.recipes.workshop import Workshop

Items = Dataset[dict[str, Any]]


@dataclass(frozen=True)
class Lesson:
    """`learnt`: the examples as a record names them; `source`: what else is to be said; `trainer`: where the model does
    not know the loss itself, with what it is to be told besides, and `reads`: the token ids that it reads of an example at once.
    """

    model: PreTrainedModel
    training: Items
    held_out: Items
    collate: Any
    learnt: dict[str, Any]
    measure: Any = None
    source: dict[str, Any] = field(default_factory=dict)
    trainer: type[Trainer] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    reads: Callable[[dict[str, Any]], list[list[int]]] = field(default=lambda item: [item["input_ids"]])


@dataclass(frozen=True)
class Taught:
    """What a lesson is made from. Its rows: those that train, replayed ones among them, and those held out."""

    parameters: EncoderFineTuning
    base: Base
    workshop: Workshop

    def rows(self, *kinds: Kind, suits: Callable[[Row], bool]) -> tuple[list[Row], list[Row], dict[str, Any]]:
        """And how they are named together. Raises TrainingFailed."""
        given = self.parameters
        digest = given.dataset or ""
        new, aside = taken(self.workshop.datasets / digest, *kinds, suits=suits)
        old = replayed(given.replay, self.workshop.datasets, *kinds, suits=suits)
        training = [*new, *drawn(old, len(new), given.replay, given.seed)]
        return training, aside, named(digest, len(new) + len(aside), given.replay)


class Listed(Dataset[dict[str, Any]]):
    """Examples that are in memory."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._items[index]


def known_labels(base: Base, head: str) -> list[str]:
    """Of a base that has this head already; no names of such as LABEL_0, which nobody has given."""
    config = base.config
    if not str((config.architectures or [""])[0]).endswith(head):
        return []
    named: dict[Any, str] = {**(config.id2label or {})}
    labels = [str(named[number]) for number in sorted(named)]
    return [] if labels == [f"LABEL_{number}" for number in range(len(labels))] else labels


def with_labels(
    base: Base, kind: Any, known: list[str], labels: list[str], *, frozen: bool
) -> PreTrainedModel:
    """With a row for each label in the head: of the `known` ones, which come first, as the base has it."""
    if not known:
        return base.model(kind, frozen=frozen, ignore_mismatched_sizes=True, **_named(labels))
    model = base.model(kind, frozen=frozen)
    if labels != known:
        _widen(model, len(known), len(labels))
    for name, value in _named(labels).items():
        setattr(model.config, name, value)
    vars(model)["num_labels"] = len(labels)
    return model


def _named(labels: list[str]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def _widen(model: PreTrainedModel, before: int, after: int) -> None:
    """New rows in the last linear layer of that width, drawn as the base's configuration has it."""
    name, layer = [
        (name, one)
        for name, one in model.named_modules()
        if isinstance(one, nn.Linear) and one.out_features == before
    ][-1]
    wide = nn.Linear(layer.in_features, after, bias=layer.bias is not None).to(layer.weight)
    with torch.no_grad():
        wide.weight.normal_(0, getattr(model.config, "initializer_range", 0.02))
        wide.weight[:before] = layer.weight
        if layer.bias is not None:
            wide.bias.zero_()
            wide.bias[:before] = layer.bias
    model.set_submodule(name, wide)


def freeze(model: PreTrainedModel, layers: int) -> None:
    """The embeddings and the lowest layers keep what they know, and the backward pass ends above them."""
    if layers == 0:
        return
    depth = getattr(model.config, "num_hidden_layers", 0)
    body = model.base_model
    stack = next((m for m in body.modules() if isinstance(m, nn.ModuleList) and len(m) == depth), None)
    frozen = [model.get_input_embeddings(), *(list(stack)[:layers] if stack is not None else [])]
    if isinstance(embeddings := getattr(body, "embeddings", None), nn.Module):
        frozen.append(embeddings)
    for module in frozen:
        module.requires_grad_(requires_grad=False)
