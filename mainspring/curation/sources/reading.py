"""Files as records, each with its number from 1: lines of JSONL and CSV, rows of Parquet, sections of text."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mainspring.curation.documents import sections

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".rst": "text",
}
LARGEST_TEXT = 256 * 2**20  # bytes: a text is cut into its sections in memory
LONGEST_FIELD = 16 * 2**20  # characters of a CSV


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Of a whole file `number` is 0."""

    number: int
    reason: str


Record = tuple[int, Any] | Unreadable


def records(path: Path, kind: str) -> Iterator[Record]:
    """In their order. What cannot be read is given as such, and the rest goes on where that is possible."""
    try:
        yield from _READERS[kind](path)
    except OSError as error:
        yield Unreadable(0, f"the file cannot be read: {error.strerror or type(error).__name__}")


def _jsonl(path: Path) -> Iterator[Record]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
            except ValueError:
                yield Unreadable(number, "the line is not JSON")


def _csv(path: Path) -> Iterator[Record]:
    csv.field_size_limit(LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        while True:
            before = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield Unreadable(before, "the line is not CSV")
                continue
            if None in record or None in record.values():
                yield Unreadable(before, "the line has more or fewer fields than the first line")
            elif any(_broken(value) for value in record.values()):
                yield Unreadable(before, "the line is not UTF-8")
            else:
                yield before, {name: value for name, value in record.items() if value != ""}


def _parquet(path: Path) -> Iterator[Record]:
    from pyarrow import ArrowException, parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(2000):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except ArrowException:
        yield Unreadable(number and number + 1, "the file is not Parquet from here on")


def _text(path: Path) -> Iterator[Record]:
    if path.stat().st_size > LARGEST_TEXT:
        yield Unreadable(0, f"the file has more than {LARGEST_TEXT // 2**20} MiB: cut it into several")
        return
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Unreadable(0, "the file is not UTF-8")
        return
    for number, document in enumerate(sections(text), 1):
        if document.text:
            yield number, {"text": document.text, "heading": document.heading}


def _broken(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


_READERS = {"jsonl": _jsonl, "parquet": _parquet, "csv": _csv, "text": _text}
