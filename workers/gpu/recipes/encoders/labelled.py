"""Labelled texts that are no dataset: docstrings of modules, each label having its own, or the lines of a file."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import EncoderFineTuning, Examples
from workers.gpu.recipes import corpus
from workers.gpu.recipes.corpus import Document

PASSAGE = 400  # characters of a docstring that make an example
SHORTEST = 60
DOCSTRINGS_PER_LABEL = 600
_MARKUP = re.compile(r"^\s*(>>>|\.\.\.|\.\. |[=\-~*^#]{3,}).*$", re.MULTILINE)

Example = tuple[str, str]  # a text and its label


def collected(parameters: EncoderFineTuning, examples: Examples) -> tuple[list[Example], list[Example]]:
    """To train and held out, all labels alike represented where they can be. Raises TrainingFailed."""
    sides: tuple[list[Example], list[Example]] = ([], [])
    of_docstrings = examples.docstrings is not None
    most = parameters.examples_per_label or (DOCSTRINGS_PER_LABEL if of_docstrings else None)
    shortest = SHORTEST if of_docstrings else 1
    for label, documents in _by_label(examples).items():
        kept = corpus.distinct(documents, most, shortest)
        for side, part in zip(sides, corpus.split(kept, parameters.held_out), strict=True):
            if not part:
                raise TrainingFailed(
                    f"the label {label} has {len(kept)} examples, too few to train and to hold some out",
                    field="parameters.examples",
                    remedy="Give at least a few dozen examples of each label.",
                )
            side.extend((document.text, label) for document in part)
    return sides


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
