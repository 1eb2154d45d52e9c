"""The course of a `map`: what to send, which results to ask for, which of them are due. Does no I/O."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mainspring.client.wire import BATCH, LONGEST_WAIT, TOGETHER, Refused

LATER = frozenset({"queue_full", "rate_limited"})  # codes: there is room again when others have been answered
FEWEST = 10  # lines of a request while the server lets few in
SECONDS = 1.0  # to wait where the server doesn't say how many


@dataclass(frozen=True)
class Send:
    """These lines, and say what became of them by `sent`."""

    bodies: list[dict[str, Any]]


@dataclass(frozen=True)
class Ask:
    """For results, by this body, and say which they are by `after`."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Pause:
    """Nothing of ours is on its way, and the server wants no more for so long."""

    seconds: float


@dataclass
class _Job:
    """`id` is empty until it was accepted; then `body` is."""

    body: dict[str, Any] | None
    id: str = ""


class Course:
    """Bodies are taken from their iterator as the server lets them in: no more than a request's are kept."""

    def __init__(self, bodies: Iterable[dict[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        self._rest, self._clock = iter(bodies), clock
        self._left: deque[_Job] = deque()  # in the order of the inputs
        self._unsent: deque[_Job] = deque()
        self._ended: dict[str, dict[str, Any]] = {}  # before one that was submitted earlier
        self._size, self._not_before = BATCH, 0.0

    def step(self) -> Send | Ask | Pause | None:
        """What to do next. None: all of it has ended."""
        pause = max(self._not_before - self._clock(), 0.0)
        if not pause and (bodies := self._bodies()):
            return Send(bodies)
        ids = (job.id for job in self._left if job.id and job.id not in self._ended)
        if asked := list(islice(ids, TOGETHER)):
            return Ask({"ids": asked, "wait": round(min(pause or LONGEST_WAIT, LONGEST_WAIT), 3)})
        return Pause(pause) if pause else None

    def sent(self, receipts: Sequence[dict[str, Any] | Refused]) -> int:
        """What became of the batch; how many were accepted. Raises the first refusal that no waiting will mend."""
        refused = [self._settled(self._unsent.popleft(), receipt) for receipt in receipts]
        again = [job for job in refused if job is not None]
        self._unsent.extendleft(reversed(again))
        accepted = len(receipts) - len(again)
        self._size = min(max(2 * accepted, FEWEST), BATCH)
        return accepted

    def after(self, ended: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Those whose turn it is now that these have ended."""
        self._ended |= {job["id"]: job for job in ended}
        while self._left and self._left[0].id in self._ended:
            yield self._ended.pop(self._left.popleft().id)

    def _bodies(self) -> list[dict[str, Any]]:
        for body in islice(self._rest, max(self._size - len(self._unsent), 0)):
            self._unsent.append(_Job(body))
            self._left.append(self._unsent[-1])
        return [job.body for job in islice(self._unsent, self._size) if job.body is not None]

    def _settled(self, job: _Job, receipt: dict[str, Any] | Refused) -> _Job | None:
        """None if it was accepted."""
        if not isinstance(receipt, Refused):
            job.id, job.body = receipt["id"], None
            return None
        if receipt.code not in LATER:
            raise receipt
        until = self._clock() + (SECONDS if receipt.retry_after is None else receipt.retry_after)
        self._not_before = max(self._not_before, until)
        return job
