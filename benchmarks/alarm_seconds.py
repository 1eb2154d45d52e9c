"""Seconds to the alarm when all of the traffic turns to another subject: the product, and the encoder alone for as much.

40 requests a second, paragraphs of installed documentation: 2,000 that are normal, 400 quiet ones, then the change. The
product looks at every request by its words, and at a sample by the frozen encoder for `share` of a core; the encoder alone
gets what all of that takes, its words and detectors included, and all of alpha. Both are looked at in the product's rounds
(every 2 s, and every 5 s given to the detectors), which is most of the time to the alarm; costs are measured first, on this
machine, and time is simulated with them. What was not found in 40 seconds counts as endless.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.alarm_seconds [--streams 12] [--shares 0.02 0.1 0.5]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf

import numpy as np

from benchmarks.drifting import seconds, streams
from benchmarks.drifting.seconds import RATE, Alarm, Costs, Traffic
from benchmarks.drifting.streams import Case
from benchmarks.drifting.texts import SUBJECTS, paragraphs
from benchmarks.drifting.vectors import vectors
from benchmarks.machine import describe
from mainspring.drift.embeddings import Embeddings
from mainspring.drift.sphere import unit
from mainspring.observe.encoder import bundled
from mainspring.observe.words import Words
from mainspring.settings import Settings
from workers.encoding import EncoderProcess

QUIET = 400  # requests
TRIED, TOGETHER = 640, 8  # texts that costs are measured with, and so many in one go, as a round has them
PATIENT = f"with a reference of {streams.REFERENCE:,}"
WATCHERS = ("the product", "the encoder alone", PATIENT)


@dataclass
class Results:
    """By case and watcher."""

    found: dict[tuple[Case, str], list[Alarm | None]] = field(default_factory=dict)

    def add(self, case: Case, watcher: str, alarm: Alarm | None) -> None:
        self.found.setdefault((case, watcher), []).append(alarm)

    def moved(self, watcher: str) -> list[float]:
        """The median of each pair."""
        return [seconds.median(self.found[case_of(*pair), watcher]) for pair in streams.PAIRS]

    def still(self, watcher: str) -> list[Alarm | None]:
        return [
            one
            for (case, of), found in self.found.items()
            if of == watcher and not case.share
            for one in found
        ]


def case_of(known: str, new: str) -> Case:
    return Case(known, new, 1.0, QUIET)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--streams", type=int, default=12, help="of each pair, and of each subject that stays"
    )
    parser.add_argument("--shares", type=float, nargs="*", default=[0.02, 0.1, 0.5], help="of a core")
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    texts = {subject: paragraphs(subject) for subject in SUBJECTS}
    every = [one for those in texts.values() for one in those]
    words = Words(bundled())
    costs = measured(words, every[: 2 * TRIED])
    print(
        f"a text: words {costs.words * 1e6:.0f} µs, the encoder {costs.encoder * 1e3:.1f} ms; the detectors:"
        f" {costs.detect_words * 1e6:.0f} µs of words, {costs.detect_encoded * 1e6:.0f} of the encoder's vector,"
        f" {costs.detect_both * 1e6:.0f} of both; the processor's time",
        flush=True,
    )
    encoded = np.concatenate([vectors(subject, those) for subject, those in texts.items()])
    static = words.embed(every)
    sizes = {subject: len(those) for subject, those in texts.items()}
    made = list(streams.rounds(sizes, asked.streams, asked.streams))
    for share in asked.shares:
        tell(share, costs, watched(made, static, encoded, share, costs))


def measured(words: Words, texts: list[str]) -> Costs:
    """The encoder as an ops worker runs it, by its own account."""
    groups = [texts[first : first + TOGETHER] for first in range(0, TRIED, TOGETHER)]
    encoder = EncoderProcess(Settings(), bundled())
    try:
        encoder.encode(groups[0])
        spent = [found.seconds for group in groups if (found := encoder.encode(group)) is not None]
        first = encoder.encode(texts)
    finally:
        encoder.close()
    assert first is not None, "the encoder does not run"
    assert len(spent) == len(groups), "the encoder does not run"
    static = words.embed(texts)
    both = np.concatenate([unit(first.vectors), unit(static)], axis=1)
    return Costs(
        words=taken(lambda: [words.embed(texts[at : at + RATE]) for at in range(0, TRIED, RATE)]),
        encoder=sum(spent) / TRIED,
        detect_words=detection(static),
        detect_encoded=detection(first.vectors),
        detect_both=detection(both),
    )


def detection(rows: np.ndarray) -> float:
    detector = Embeddings.begin(rows[TRIED:], 1, seconds.ALPHA)
    groups = [rows[at : at + TOGETHER * RATE] for at in range(0, TRIED, TOGETHER * RATE)]
    return taken(lambda: [detector.take(group) for group in groups])


def taken(work: Callable[[], object]) -> float:
    """Seconds of this process a text."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / TRIED


def watched(
    made: Iterable[streams.Round], words: np.ndarray, encoded: np.ndarray, share: float, costs: Costs
) -> Results:
    results = Results()
    for number, one in enumerate(made):
        for case, rows in one.streams:
            if case.share not in (0.0, 1.0) or (case.share and case.quiet != QUIET):
                continue
            order = np.concatenate([one.reference, rows])
            changed = streams.REFERENCE + (QUIET if case.share else streams.STREAM)
            traffic = Traffic(words[order], encoded[order], streams.REFERENCE, changed, number)
            together = seconds.Rounds(traffic, share, costs.encoder)
            alone = seconds.Rounds(traffic, costs.share_alone(share), costs.encoder)
            of = {
                WATCHERS[0]: (together, seconds.Product(traffic, together.sampled)),
                WATCHERS[1]: (alone, seconds.Alone(traffic, alone.sampled, patient=False)),
                WATCHERS[2]: (alone, seconds.Alone(traffic, alone.sampled, patient=True)),
            }
            for name, (rounds, watching) in of.items():
                results.add(case, name, seconds.first_alarm(traffic, rounds, watching))
    return results


def tell(share: float, costs: Costs, results: Results) -> None:
    alone = costs.share_alone(share)
    print(
        f"\n{share} of a core for the encoder, {costs.of_product(share):.3f} in all: it sees"
        f" {min(RATE, share / costs.encoder):.1f} of {RATE} requests a second; alone {min(RATE, alone / costs.encoder):.1f}"
    )
    print(f"\n| | {' | '.join(WATCHERS)} |\n|---|---|---|---|")
    for pair in streams.PAIRS:
        cells = [cell(results.found[case_of(*pair), name]) for name in WATCHERS]
        print(f"| {pair[0]} → {pair[1]} | {' | '.join(cells)} |")
    medians = [told(statistics.median(results.moved(name))) for name in WATCHERS]
    print(f"| median of the pairs | {' | '.join(medians)} |")
    still = [results.still(name) for name in WATCHERS]
    false = [f"{sum(one is not None for one in found)} of {len(found)}" for found in still]
    print(f"| alarms where nothing changes | {' | '.join(false)} |", flush=True)


def cell(found: list[Alarm | None]) -> str:
    """Seconds to the alarm; in brackets to the request that gave it, and in how many streams it was found in time."""
    seen = [one for one in found if one is not None and not one.early]
    if not seen:
        return f"- (0 of {len(found)})"
    evidence = statistics.median(one.evidence for one in seen)
    return f"{told(seconds.median(found))} ({evidence:.1f}; {len(seen)} of {len(found)})"


def told(value: float) -> str:
    return "-" if value == inf else f"{value:.1f} s"


if __name__ == "__main__":
    main()
