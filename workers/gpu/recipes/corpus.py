"""Text to learn from: docstrings of installed packages, or a folder of files. Read, never imported or run.

The order is that of the files' digests, so that a part of it is a sample of the whole, and the same everywhere.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mainspring.curation import documents
from mainspring.curation.rows import Message, Row
from mainspring.errors import DatasetRefused
from mainspring.training.errors import TrainingFailed

TEXT_SUFFIXES = (".txt", ".md", ".jsonl")


@dataclass(frozen=True)
class Document:
    """`heading` is what the text is about, where it says so; `messages` is what was said, of a conversation."""

    heading: str
    text: str
    messages: tuple[Message, ...] = ()

    @property
    def digest(self) -> str:
        """Of the text without regard to case and space: what counts as the same document."""
        return hashlib.sha256(" ".join(self.text.lower().split()).encode(errors="replace")).hexdigest()


def of_row(row: Row) -> Document:
    """Of a dataset's text, or of its conversation."""
    said = "\n\n".join(message.content for message in row.messages)
    return Document(row.heading, row.text or said, row.messages)


def distinct(documents: Iterator[Document], most: int | None = None, shortest: int = 1) -> list[Document]:
    """Without copies and without those shorter than so many characters."""
    seen: set[str] = set()

    def new() -> Iterator[Document]:
        for document in documents:
            if len(document.text) >= shortest and document.digest not in seen:
                seen.add(document.digest)
                yield document

    return list(islice(new(), most))


def split(documents: list[Document], held_out: float) -> tuple[list[Document], list[Document]]:
    """Training and held-out documents, by digest: the same document always falls on the same side."""
    bound = int(held_out * 2**32)
    aside = [int(document.digest[:8], 16) < bound for document in documents]
    return (
        [document for document, out in zip(documents, aside, strict=True) if not out],
        [document for document, out in zip(documents, aside, strict=True) if out],
    )


def docstrings(module: str, field: str = "parameters.corpus.docstrings") -> Iterator[Document]:
    """Of an installed module or package; `field` is who asks. Raises TrainingFailed when it is not installed."""
    try:
        for found in documents.docstrings(module, field):
            yield Document(found.heading, found.text)
    except DatasetRefused as error:
        raise TrainingFailed(error.detail, field=error.field, remedy=error.remedy) from None


def files(folder: Path) -> Iterator[Document]:
    """Of a .txt, .md or .jsonl file (one object with `text` a line), or of all such files below a folder."""
    found = (
        [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.suffix in TEXT_SUFFIXES)
    )
    if not found:
        raise TrainingFailed(
            f"there are no .txt, .md or .jsonl files in {folder}",
            field="parameters.corpus.folder",
            remedy="Give a folder on the train worker's machine that has some.",
        )
    for path in found:
        if path.suffix == ".jsonl":
            yield from (
                Document("", row["text"]) for row in rows(path, ("text",), "parameters.corpus.folder")
            )
        else:
            text = path.read_text(encoding="utf-8", errors="replace")
            yield from (Document(found.heading, found.text) for found in documents.sections(text))


def rows(path: Path, fields: tuple[str, ...], field: str) -> Iterator[dict[str, str]]:
    """The objects of a JSONL file. Raises TrainingFailed, naming the line, when one lacks a field."""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in fields):
            raise TrainingFailed(
                f"line {number} of {path.name} is not an object with {' and '.join(fields)}",
                field=field,
                remedy="Write one JSON object a line; its fields are strings.",
            )
        yield row
