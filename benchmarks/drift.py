"""Who sees a stream's subject move, how soon, and how often for nothing: ours beside what others use, on one set of streams.

Requests are paragraphs of installed documentation, embedded by MiniLM. A detector knows 2,000 of them and then sees
as many more. In some streams nothing changes: an alarm there is false. In the others a share of the traffic turns to
another subject, at the first request or after 400 quiet ones: counted are the requests from there to the alarm. Each
looks as its user would, again and again while the stream runs, with an alpha of 0.01 where it takes one, in an
environment of its own, on one core. Those that look at each 100 requests are lucky: the change comes where one of their
windows begins. An alarm before the change counts as not found; the median is of the rest, with a stream that stayed
silent as endless.

    python -m benchmarks.drift [--streams 12] [--still 200] [--only adwin ...] [--quick] [--to FILE]
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.drifting import plan, streams, table
from benchmarks.drifting.contestants import CONTESTANTS, Contestant
from benchmarks.drifting.streams import KNOWN, Case
from benchmarks.drifting.texts import SUBJECTS, paragraphs
from benchmarks.drifting.vectors import vectors
from benchmarks.machine import describe

LEAST = 2  # streams of a kind, of the slowest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=12, help="of a pair, share and quiet time")
    parser.add_argument("--still", type=int, default=200, help="in which nothing changes")
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--quick", action="store_true", help="a handful of streams")
    parser.add_argument("--to", type=Path, help="a file for the Markdown")
    asked = parser.parse_args()
    drifting, still = (LEAST, 8) if asked.quick else (asked.streams, asked.still)
    print(f"machine: {describe()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mainspring-") as made:
        cases = prepare(Path(made), drifting, still // len(KNOWN))
        rows = []
        for name in asked.only:
            chosen = list(given(cases, CONTESTANTS[name].slower))
            try:
                rows.append((CONTESTANTS[name], watched(name, Path(made), cases, chosen)))
            except subprocess.CalledProcessError as error:  # of memory, most likely: the others go on
                print(
                    f"\n{CONTESTANTS[name].title} did not end well: exit code {error.returncode}", flush=True
                )
                continue
            print(f"\n{table.summary(rows[-1:])}", flush=True)
    told = told_of(rows)
    print(f"\n{told}")
    if asked.to:
        asked.to.write_text(f"{describe()}\n\n{told}\n")


def prepare(folder: Path, drifting: int, still: int) -> list[Case]:
    """The cases by the number of their stream."""
    begin = time.perf_counter()
    texts = {subject: paragraphs(subject) for subject in SUBJECTS}
    embedded = np.concatenate([vectors(subject, those) for subject, those in texts.items()])
    rounds = streams.rounds({subject: len(those) for subject, those in texts.items()}, drifting, still)
    cases = plan.store(folder, [one for those in texts.values() for one in those], embedded, rounds)
    counts = ", ".join(f"{len(those):,} of {subject}" for subject, those in texts.items())
    print(
        f"texts: {counts}; {len(cases):,} streams; ready in {time.perf_counter() - begin:.0f} s", flush=True
    )
    return cases


def given(cases: Sequence[Case], slower: int) -> Iterator[int]:
    """One of `slower` streams of each kind, at least the first `LEAST`."""
    total, before = dict[Case, int](), dict[Case, int]()
    for case in cases:
        total[case] = total.get(case, 0) + 1
    for number, case in enumerate(cases):
        before[case] = before.get(case, 0) + 1
        if before[case] <= max(LEAST, total[case] // slower):
            yield number


def watched(name: str, folder: Path, cases: Sequence[Case], chosen: Sequence[int]) -> table.Results:
    lines = CONTESTANTS[name].watch(name, folder, chosen)
    return table.by_case(
        table.Watched(
            cases[line["stream"]], *(line[what] for what in ("alarm", "watched", "seconds", "setting_up"))
        )
        for line in lines
    )


def told_of(rows: Sequence[tuple[Contestant, table.Results]]) -> str:
    after = f"median over the pairs of the requests to the alarm, after {streams.QUIET[-1]} quiet ones"
    parts = [f"False alarms and, by the share of the traffic that turned, {after}:", table.summary(rows)]
    for quiet in streams.QUIET:
        when = f"after {quiet} quiet requests" if quiet else "at the first request"
        parts += [f"The change came {when}: the median and in how many streams it was found:"]
        parts += [table.pairs(rows, quiet)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
