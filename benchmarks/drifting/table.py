"""What was found, as Markdown."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from benchmarks.drifting.contestants import Contestant
from benchmarks.drifting.streams import PAIRS, QUIET, SHARES, Case


@dataclass(frozen=True)
class Watched:
    """One detector's first alarm on one stream, and the processor's seconds: for the `watched` requests until then, and
    to get ready for their reference."""

    case: Case
    alarm: int | None
    watched: int
    seconds: float
    setting_up: float

    @property
    def early(self) -> bool:
        """A false alarm: nothing had changed."""
        return self.alarm is not None and (not self.case.share or self.alarm < self.case.quiet)

    @property
    def delay(self) -> float:
        """Requests from the first that could be of the new subject to the alarm, which counts."""
        return inf if self.alarm is None else self.alarm - self.case.quiet + 1


Results = dict[Case, list[Watched]]


def by_case(found: Iterable[Watched]) -> Results:
    results: Results = defaultdict(list)
    for one in found:
        results[one.case].append(one)
    return results


def summary(rows: Sequence[tuple[Contestant, Results]]) -> str:
    """Of each contestant: false alarms, what it takes of the processor, and over the pairs the median of their medians
    after the longest quiet."""
    shares = [f"{share:.0%}" for share in SHARES]
    lines = _head(["", "looks at", "false alarms", "s to get ready", "ms a request", *shares])
    for contestant, results in rows:
        cells = [_delay(statistics.median(_medians(results, share, QUIET[-1]))) for share in SHARES]
        still = [one for case, found in results.items() if not case.share for one in found]
        false = f"{sum(one.early for one in still)} of {len(still)}"
        cost = _cost([one for found in results.values() for one in found])
        lines.append(_row([contestant.title, contestant.looks, false, *cost, *cells]))
    return "\n".join(lines)


def pairs(rows: Sequence[tuple[Contestant, Results]], quiet: int) -> str:
    """Of each contestant and pair: the median over its streams, and in how many of how many it was found."""
    lines = _head(["", "pair", *(f"{share:.0%}" for share in SHARES)])
    for contestant, results in rows:
        for known, new in PAIRS:
            cells = [_cell(results[Case(known, new, share, quiet)]) for share in SHARES]
            lines.append(_row([contestant.title, f"{known} → {new}", *cells]))
    return "\n".join(lines)


def _medians(results: Results, share: float, quiet: int) -> list[float]:
    return [_median(results[Case(known, new, share, quiet)]) for known, new in PAIRS]


def _median(found: Sequence[Watched]) -> float:
    """Of the streams without an early alarm; one that stayed silent counts as endless."""
    in_time = [one.delay for one in found if not one.early]
    return statistics.median_high(in_time) if in_time else inf


def _cost(found: Sequence[Watched]) -> list[str]:
    """Of the processor: seconds to get ready for a reference, the median, and milliseconds a request, the mean."""
    if not found:
        return ["", ""]
    per_request = 1000 * sum(one.seconds for one in found) / sum(one.watched for one in found)
    return [f"{statistics.median(one.setting_up for one in found):.2f}", f"{per_request:.2f}"]


def _cell(found: Sequence[Watched]) -> str:
    seen = [one for one in found if not one.early and one.alarm is not None]
    return f"{_delay(_median(found))} ({len(seen)} of {len(found)})" if found else ""


def _delay(requests: float) -> str:
    return "-" if requests == inf else f"{requests:,.0f}"


def _head(cells: Sequence[str]) -> list[str]:
    return [_row(cells), "|" + "---|" * len(cells)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
