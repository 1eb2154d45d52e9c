"""Mainspring's detector, asked after each request: on the encoder's vectors, and as its sample has them, words beside."""

import copy
import zlib

import numpy as np

from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, serve
from mainspring.drift.embeddings import Embeddings
from mainspring.observe.encoder import bundled
from mainspring.observe.vectors import Vectors
from mainspring.observe.words import Words

TOGETHER = 32  # requests that are handed over at once; it looks after each of them all the same


class Ours:
    def __init__(self, reference: Requests) -> None:
        rows = self.seen(reference)
        seed = zlib.crc32(reference.vectors.tobytes())  # another chance for another reference
        self._detector = Embeddings.begin(rows, seed, ALPHA)

    def seen(self, given: Requests) -> Vectors:
        return np.asarray(given.vectors, np.float32)

    def first_alarm(self, stream: Requests) -> int | None:
        detector = copy.deepcopy(self._detector)
        rows = self.seen(stream)
        for begin in range(0, len(rows), TOGETHER):
            alarmed_at = detector.take(rows[begin : begin + TOGETHER]).alarmed_at
            if alarmed_at is not None:
                return alarmed_at
        return None


class Both(Ours):
    """Each of length 1, side by side: monitor/batch.py."""

    _words = Words(bundled())

    def seen(self, given: Requests) -> Vectors:
        return np.concatenate([_unit(given.vectors), _unit(self._words.embed(list(given.texts)))], axis=1)


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)


if __name__ == "__main__":
    serve({"ours": Ours, "both": Both})
