"""A feature's values into evidence: the detectors of drift/ behind one face, whatever it is that they look at."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import State, part, within
from mainspring.drift.embeddings import Embeddings
from mainspring.drift.risk import Risk
from mainspring.drift.scalars import Scalar

Values = NDArray[np.floating[Any]]


class Watcher(Protocol):
    """`seen`: values so far. `alarmed_at`: the first of them that crossed `threshold`; None: not yet."""

    kind: ClassVar[str]

    @property
    def seen(self) -> int: ...

    @property
    def alarmed_at(self) -> int | None: ...

    @property
    def threshold(self) -> float: ...

    def take(self, values: Values) -> NDArray[np.float64]:
        """[n] natural logarithms of the evidence after each."""
        ...

    def began(self) -> tuple[int, float]:
        """The likely first changed value, and the part of those since then that is changed, at least."""
        ...

    def state(self) -> State: ...

    @classmethod
    def restore(cls, state: State) -> Self: ...


class Inner(Protocol):
    """What the detectors of drift/ have in common."""

    seen: int
    alarmed_at: int | None

    def log_bound(self) -> float: ...

    def state(self) -> State: ...


T = TypeVar("T", bound=Inner)


@dataclass
class Over(Generic[T]):
    """One detector; where its watchers differ is said below."""

    inner: T

    @property
    def seen(self) -> int:
        return self.inner.seen

    @property
    def alarmed_at(self) -> int | None:
        return self.inner.alarmed_at

    @property
    def threshold(self) -> float:
        return self.inner.log_bound()

    def state(self) -> State:
        return self.inner.state()


class Vectors(Over[Embeddings]):
    """drift/embeddings.py."""

    kind: ClassVar[str] = "vectors"

    def take(self, values: Values) -> NDArray[np.float64]:
        return self.inner.take(np.asarray(values, np.float32)).log_evidence

    def began(self) -> tuple[int, float]:
        best = self.inner.evidence()[0]
        return best.since, best.share

    @classmethod
    def restore(cls, state: State) -> Self:
        return cls(Embeddings.restore(state))


class Numbers(Over[Scalar]):
    """drift/scalars.py."""

    kind: ClassVar[str] = "numbers"

    def take(self, values: Values) -> NDArray[np.float64]:
        return self.inner.take(np.asarray(values, np.float64))

    def began(self) -> tuple[int, float]:
        found = self.inner.moved()
        return found.since, found.share

    @classmethod
    def restore(cls, state: State) -> Self:
        return cls(Scalar.restore(state))


class Minutes(Over[Risk]):
    """Bad minutes: of a healthy version at most ALLOWED of them, however they follow each other.

    A value is a minute's loss, 1 if it was bad. Whole minutes, since what slows one request slows its neighbours: taken
    one by one, a moment of waiting would count as many times as there were requests in it.
    """

    ALLOWED: ClassVar[float] = 0.2
    kind: ClassVar[str] = "minutes"

    @classmethod
    def begin(cls, alpha: float) -> Self:
        return cls(replace(Risk.begin(np.zeros(1), cls.ALLOWED, alpha), ceiling=0.0))

    def take(self, values: Values) -> NDArray[np.float64]:
        return self.inner.take(np.asarray(values, np.float64))

    def began(self) -> tuple[int, float]:
        return 0, self.inner.mean or 0.0

    @classmethod
    def restore(cls, state: State) -> Self:
        return cls(Risk.restore(state))


@dataclass
class Losses:
    """drift/risk.py. The first FIRST losses of all are what was normal, since labels come later than the requests: `first`
    has what is known of them so far, also when the detector begins anew."""

    FIRST: ClassVar[int] = 100
    kind: ClassVar[str] = "losses"
    alpha: float
    tolerance: float
    first: list[float] = field(default_factory=list)
    inner: Risk | None = None
    known: int = 0  # of the first, how many it was given to begin with

    def __post_init__(self) -> None:
        if self.inner is None and len(self.first) >= self.FIRST:
            self.inner = Risk.begin(np.array(self.first), self.tolerance, self.alpha)

    @property
    def seen(self) -> int:
        return len(self.first) - self.known + (0 if self.inner is None else self.inner.seen)

    @property
    def alarmed_at(self) -> int | None:
        late = None if self.inner is None else self.inner.alarmed_at
        return None if late is None else late + len(self.first) - self.known

    @property
    def threshold(self) -> float:
        return math.log(2 / self.alpha)

    def take(self, values: Values) -> NDArray[np.float64]:
        missing = 0 if self.inner is not None else self.FIRST - len(self.first)
        self.first += [float(one) for one in values[:missing]]
        if self.inner is None and len(self.first) == self.FIRST:
            self.inner = Risk.begin(np.array(self.first), self.tolerance, self.alpha)
        early = np.zeros(min(missing, len(values)))
        if self.inner is None:
            return early
        return np.concatenate([early, self.inner.take(np.asarray(values[missing:], np.float64))])

    def began(self) -> tuple[int, float]:
        """A mean has no moment at which it began; the excess over the tolerance is its share."""
        if self.inner is None or self.inner.mean is None:
            return self.seen, 0.0
        return len(self.first) - self.known, max(0.0, self.inner.mean - self.inner.reference)

    def state(self) -> State:
        numbers = {
            "alpha": np.array(self.alpha),
            "tolerance": np.array(self.tolerance),
            "first": np.array(self.first),
            "known": np.array(self.known),
        }
        return numbers | ({} if self.inner is None else within("risk", self.inner.state()))

    @classmethod
    def restore(cls, state: State) -> Self:
        found = part("risk", state)
        inner = Risk.restore(found) if found else None
        first, known = state["first"].tolist(), state["known"].item()
        return cls(state["alpha"].item(), state["tolerance"].item(), first, inner, known)


WATCHERS: dict[str, type[Watcher]] = {one.kind: one for one in (Vectors, Numbers, Losses, Minutes)}
