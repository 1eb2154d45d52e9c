"""Mainspring's detector on the encoder's vectors, asked after each request."""

import copy
import zlib

from benchmarks.drifting.plan import Requests
from benchmarks.drifting.watching import ALPHA, serve
from mainspring.drift.embeddings import Embeddings

TOGETHER = 32  # requests that are handed over at once; it looks after each of them all the same


class Ours:
    def __init__(self, reference: Requests) -> None:
        seed = zlib.crc32(reference.vectors.tobytes())  # another chance for another reference
        self._detector = Embeddings.begin(reference.vectors, seed, ALPHA)

    def first_alarm(self, stream: Requests) -> int | None:
        detector = copy.deepcopy(self._detector)
        for begin in range(0, len(stream.vectors), TOGETHER):
            alarmed_at = detector.take(stream.vectors[begin : begin + TOGETHER]).alarmed_at
            if alarmed_at is not None:
                return alarmed_at
        return None


if __name__ == "__main__":
    serve({"ours": Ours})
