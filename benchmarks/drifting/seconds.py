"""A stream of requests as the product sees it in time: looked at in rounds, a sample encoded, given to detectors in rounds.

Time is simulated, and a budget of the processor is what the product's own sampling makes of it with the costs that were
measured; which requests are drawn, what the detectors are given and when, is the product's own too.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.embeddings import LEAST, Embeddings
from mainspring.drift.sphere import unit
from mainspring.monitor.batch import NUMBERS, VECTORS, Batch, Said
from mainspring.monitor.detectors import Detectors
from mainspring.monitor.plan import DriftPlan
from mainspring.observe.sampling import Budget, drawn

RATE = 40  # requests a second
OBSERVE, DETECT = 2.0, 5.0  # seconds between two rounds, the product's defaults: see mainspring/settings.py
ALPHA = 0.01
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_NOTHING_SAID = Said(np.zeros(0, np.int64), np.zeros(0))
Vectors = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Costs:
    """Seconds of the processor a text, or a request."""

    words: float
    encoder: float
    detect_words: float
    detect_encoded: float
    detect_both: float

    def of_product(self, share: float) -> float:
        """Of a core, with so much of one for the encoder."""
        encoded = min(RATE, share / self.encoder)
        return RATE * (self.words + self.detect_words) + encoded * (self.encoder + self.detect_both)

    def share_alone(self, share: float) -> float:
        """What the encoder alone has for its own work where it and its detector take what the product does in all."""
        return self.of_product(share) * self.encoder / (self.encoder + self.detect_encoded)


class Traffic(NamedTuple):
    """The first `reference` requests say what is normal. `changed`: the first that may be of another subject."""

    words: Vectors
    encoded: Vectors
    reference: int
    changed: int
    seed: int


class Alarm(NamedTuple):
    """Seconds from the first changed request: to the request that gave it, and to the round that found it."""

    evidence: float
    raised: float

    @property
    def early(self) -> bool:
        return self.evidence < 0


class Watching(Protocol):
    def take(self, places: Places) -> int | None:
        """Of requests in order, which of them crossed."""
        ...


class Rounds:
    """When each request is looked at, which of them are encoded, and what each round of the detectors is given."""

    def __init__(self, traffic: Traffic, share: float, cost: float) -> None:
        chance = np.random.default_rng([traffic.seed, 7])
        self._look, self._detect = OBSERVE * chance.random(), DETECT * chance.random()
        self._ids = [UUID(bytes=chance.bytes(16)) for _ in range(len(traffic.words))]
        self.sampled = np.zeros(len(traffic.words), bool)
        self._draw(share, cost)

    def _draw(self, share: float, cost: float) -> None:
        budget, first, moment = Budget(0.0), 0, self._look
        while first < len(self._ids):
            last = min(len(self._ids), math.floor(moment * RATE) + 1)
            rate = budget.rate(share, last - first, moment)
            for place in range(first, last):
                self.sampled[place] = drawn(self._ids[place], rate)
            many = int(self.sampled[first:last].sum())
            budget.spent(cost * many, many)
            first, moment = last, moment + OBSERVE

    def __iter__(self) -> Iterator[tuple[float, Places]]:
        """Moments, and the requests that have been looked at since the one before."""
        first, moment = 0, self._detect
        while first < len(self._ids):
            looked = self._look + OBSERVE * math.floor((moment - self._look) / OBSERVE)
            last = max(first, min(len(self._ids), math.floor(looked * RATE) + 1))
            yield moment, np.arange(first, last)
            first, moment = last, moment + DETECT


class Product:
    """Every request by its words, a sample by the encoder too, alpha divided as the product divides it."""

    def __init__(self, traffic: Traffic, sampled: NDArray[np.bool_]) -> None:
        self._words, self._sampled = traffic.words, sampled
        self._both = np.concatenate([unit(traffic.encoded), unit(traffic.words)], axis=1)
        known = np.arange(traffic.reference)
        reference = {
            "words_prompt": traffic.words[known].astype(np.float16),
            "encoded_prompt": self._both[known[sampled[known]]].astype(np.float16),
        }
        self._detectors = Detectors.make(reference, [], DriftPlan(alpha=ALPHA), str(traffic.seed).encode())

    def take(self, places: Places) -> int | None:
        crossing = self._detectors.take(self._batch(places), _NOTHING_SAID)
        return None if crossing is None else int(places[crossing.place])

    def _batch(self, places: Places) -> Batch:
        mine = np.flatnonzero(self._sampled[places])
        none = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
        vectors = dict.fromkeys(VECTORS, none) | {
            "words_prompt": (np.arange(len(places)), self._words[places]),
            "encoded_prompt": (mine, self._both[places[mine]]),
        }
        nothing = [None] * len(places)
        return Batch(
            seqs=places.tolist(),
            moments=[_BEGAN + timedelta(seconds=float(place) / RATE) for place in places],
            jobs=[UUID(int=int(place)) for place in places],
            tenants=nothing,
            languages=nothing,
            failed=np.zeros(len(places), np.bool_),
            numbers={name: np.full(len(places), np.nan) for name in NUMBERS},
            vectors=vectors,
        )


class Alone:
    """The encoder's sample alone, with the whole of alpha. `patient`: it has waited for a reference as large as the words'."""

    def __init__(self, traffic: Traffic, sampled: NDArray[np.bool_], *, patient: bool) -> None:
        self._encoded, self._sampled = traffic.encoded, sampled
        known = np.arange(traffic.reference)
        reference = traffic.encoded[known if patient else known[sampled[known]]]
        self._detector = Embeddings.begin(reference, traffic.seed, ALPHA) if len(reference) >= LEAST else None
        self._given: list[int] = []

    def take(self, places: Places) -> int | None:
        mine = places[self._sampled[places]]
        if self._detector is None or not len(mine):
            return None
        self._given += mine.tolist()
        at = self._detector.take(self._encoded[mine]).alarmed_at
        return None if at is None else self._given[at]


def first_alarm(traffic: Traffic, rounds: Rounds, watching: Watching) -> Alarm | None:
    """None: silent to the end."""
    for moment, places in rounds:
        later = places[places >= traffic.reference]
        if not len(later):
            continue
        place = watching.take(later)
        if place is not None:
            return Alarm((place - traffic.changed) / RATE, moment - traffic.changed / RATE)
    return None


def median(found: Sequence[Alarm | None]) -> float:
    """Of the seconds until it was raised, of those that were not early; one that stayed silent counts as endless."""
    seconds = sorted(math.inf if one is None else one.raised for one in found if one is None or not one.early)
    return seconds[len(seconds) // 2] if seconds else math.inf
