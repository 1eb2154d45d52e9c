"""What is handed from process to process: the texts, their vectors, the streams. Needs numpy alone."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.drifting.streams import Case, Round


@dataclass(frozen=True)
class Requests:
    """Requests in their order: a row of `vectors`, of length one, and a text each."""

    vectors: NDArray[np.float32]
    texts: list[str]


def store(
    folder: Path, texts: list[str], vectors: NDArray[np.float32], rounds: Iterable[Round]
) -> list[Case]:
    """The cases in the order of their streams' numbers."""
    made = list(rounds)
    (folder / "texts.json").write_text(json.dumps(texts))
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "references.npy", np.stack([one.reference for one in made]))
    np.save(folder / "streams.npy", np.stack([rows for one in made for _, rows in one.streams]))
    numbers = [(number, case) for number, one in enumerate(made) for case, _ in one.streams]
    lines = [{"reference": number, **asdict(case)} for number, case in numbers]
    (folder / "cases.json").write_text(json.dumps(lines))
    return [case for _, case in numbers]


class Plan:
    """Reads it back, in the environment of whoever watches."""

    def __init__(self, folder: Path) -> None:
        self._texts = json.loads((folder / "texts.json").read_text())
        self._vectors = np.load(folder / "vectors.npy")
        self._references = np.load(folder / "references.npy")
        self._streams = np.load(folder / "streams.npy")
        self._numbers = [line["reference"] for line in json.loads((folder / "cases.json").read_text())]

    def rounds(self, chosen: Iterable[int]) -> Iterator[tuple[Requests, list[tuple[int, Requests]]]]:
        """Each reference that the chosen streams are held against, with the streams and their numbers."""
        by_reference: dict[int, list[int]] = {}
        for stream in chosen:
            by_reference.setdefault(self._numbers[stream], []).append(stream)
        for reference, streams in by_reference.items():
            yield (
                self._requests(self._references[reference]),
                [(stream, self._requests(self._streams[stream])) for stream in streams],
            )

    def _requests(self, rows: NDArray[np.int32]) -> Requests:
        return Requests(self._vectors[rows], [self._texts[row] for row in rows])
