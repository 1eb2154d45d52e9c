"""A text classifier from an encoder, by labelled examples."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from mainspring.curation.rows import Kind
from mainspring.registry import expected_digest
from mainspring.tables import Task
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import EncoderFineTuning, Examples
from workers.gpu.recipes import corpus
from workers.gpu.recipes.card import write_card
from workers.gpu.recipes.corpus import Document
from workers.gpu.recipes.dataset import described, named, taken
from workers.gpu.recipes.fit import fit
from workers.gpu.recipes.workshop import Made, Workshop

PASSAGE = 400  # characters of a docstring that make an example
SHORTEST = 60
DOCSTRINGS_PER_LABEL = 600
_MARKUP = re.compile(r"^\s*(>>>|\.\.\.|\.\. |[=\-~*^#]{3,}).*$", re.MULTILINE)


class Labelled(Dataset[dict[str, Any]]):
    """Texts as token ids with the number of their label."""

    def __init__(
        self, examples: list[tuple[str, int]], tokenizer: PreTrainedTokenizerBase, length: int
    ) -> None:
        texts = [text for text, _ in examples]
        self._ids = tokenizer(texts, truncation=True, max_length=length)["input_ids"]
        self._labels = [label for _, label in examples]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self._ids[index], "labels": self._labels[index]}


def make(parameters: EncoderFineTuning, task: Task, workshop: Workshop) -> Made:  # noqa: ARG001  one signature for all
    """Raises ModelRefused for a bad base, TrainingFailed for bad examples, RunInterrupted, RunLost."""
    set_seed(parameters.seed)
    base = Path(parameters.base)
    parent = expected_digest(base, Task.FEATURE_EXTRACTION)
    workshop.step(0.01, "collecting examples")
    labels, training, held_out, learnt = _examples(parameters, workshop)
    workshop.step(0.08, "loading the encoder")
    safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(base, **safely)
    model = AutoModelForSequenceClassification.from_pretrained(
        base,
        use_safetensors=True,
        dtype=torch.float32,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
        ignore_mismatched_sizes=True,
        **safely,
    )
    _freeze(model, parameters.frozen_layers)
    measures = fit(
        model,
        parameters,
        parameters.learning_rate,
        workshop,
        training=Labelled(training, tokenizer, parameters.block_length),
        held_out=Labelled(held_out, tokenizer, parameters.block_length),
        collate=DataCollatorWithPadding(tokenizer),
        measure=_accuracy,
    )
    measures |= {"training_examples": len(training), "held_out_examples": len(held_out)}
    model.save_pretrained(workshop.output)
    tokenizer.save_pretrained(workshop.output)
    write_card(workshop.output, "encoder-fine-tuning", parameters.base, measures)
    return Made(workshop.output, {"base": parameters.base, "labels": labels}, measures, learnt, parent)


Example = tuple[str, int]  # a text and the number of its label
Taken = tuple[list[str], list[Example], list[Example], dict[str, Any]]


def _examples(parameters: EncoderFineTuning, workshop: Workshop) -> Taken:
    """The labels, the training and the held-out examples, and how they are named together."""
    if parameters.dataset is not None:
        return _of_dataset(workshop.datasets / parameters.dataset)
    examples = parameters.examples or Examples()
    labels, training, held_out = _collected(parameters, examples)
    both = ((labels[number], text) for text, number in (*training, *held_out))
    return labels, training, held_out, described(both, examples.model_dump(exclude_none=True))


def _of_dataset(folder: Path) -> Taken:
    """Labels that are only in what was held out cannot be learnt: such rows are not measured by either."""
    training, held_out = taken(folder, Kind.LABELLED)
    labels = sorted({str(row.label) for row in training})
    if len(labels) < 2:
        raise TrainingFailed(
            "the dataset has fewer than two labels to learn",
            field="parameters.dataset",
            remedy="Give examples of each label that the model shall tell apart.",
        )
    numbers = {label: number for number, label in enumerate(labels)}
    sides = [
        [(row.text, numbers[str(row.label)]) for row in side if row.label in numbers]
        for side in (training, held_out)
    ]
    return labels, sides[0], sides[1], named(folder.name, len(training) + len(held_out))


def _collected(
    parameters: EncoderFineTuning, examples: Examples
) -> tuple[list[str], list[Example], list[Example]]:
    """All labels alike represented where they can be."""
    sides: tuple[list[Example], list[Example]] = ([], [])
    by_label = _by_label(examples)
    of_docstrings = examples.docstrings is not None
    most = parameters.examples_per_label or (DOCSTRINGS_PER_LABEL if of_docstrings else None)
    shortest = SHORTEST if of_docstrings else 1
    for number, (label, documents) in enumerate(by_label.items()):
        kept = corpus.distinct(documents, most, shortest)
        for side, part in zip(sides, corpus.split(kept, parameters.held_out), strict=True):
            if not part:
                raise TrainingFailed(
                    f"the label {label} has {len(kept)} examples, too few to train and to hold some out",
                    field="parameters.examples",
                    remedy="Give at least a few dozen examples of each label.",
                )
            side.extend((document.text, number) for document in part)
    return list(by_label), *sides


def _by_label(examples: Examples) -> dict[str, Iterator[Document]]:
    if examples.docstrings is not None:
        return {label: _passages(names) for label, names in examples.docstrings.items()}
    path = Path(examples.file or "")
    if not path.is_file():
        raise TrainingFailed(
            f"there is no file {path}",
            field="parameters.examples.file",
            remedy="Give a JSONL file on the train worker's machine, with text and label in each line.",
        )
    grouped: dict[str, list[Document]] = {}
    for row in corpus.rows(path, ("text", "label"), "parameters.examples.file"):
        grouped.setdefault(row["label"], []).append(Document("", row["text"]))
    if len(grouped) < 2:
        raise TrainingFailed(
            "the file has fewer than two labels",
            field="parameters.examples.file",
            remedy="Give examples of each label that the model shall tell apart.",
        )
    return {label: iter(grouped[label]) for label in sorted(grouped)}


def _passages(modules: list[str]) -> Iterator[Document]:
    """Prose of about a paragraph, without markup and without the packages' own names, which would give it away."""
    names = re.compile("|".join(re.escape(name.partition(".")[0]) for name in modules), re.IGNORECASE)
    for document in chain.from_iterable(
        corpus.docstrings(module, "parameters.examples.docstrings") for module in modules
    ):
        passage = ""
        for paragraph in _MARKUP.sub("", names.sub("", document.text)).split("\n\n"):
            passage = f"{passage} {' '.join(paragraph.split())}".strip()
            if len(passage) >= PASSAGE // 2:
                yield Document(document.heading, passage[:PASSAGE])
                passage = ""
        yield Document(document.heading, passage)


def _freeze(model: PreTrainedModel, layers: int) -> None:
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


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    logits = (
        prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
    )
    return {"accuracy": float((np.argmax(logits, axis=-1) == prediction.label_ids).mean())}
