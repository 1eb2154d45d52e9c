"""How often the gate is wrong, and how often it is of use: evaluations drawn with a known difference, decided upon.

A challenger differs from the champion by a known amount, on items that are drawn anew each time: log-likelihoods of
texts of unequal length from sources that differ and are of unequal size, with tails heavier than the normal's; answers
that are right or wrong, of which the two versions share most. One metric must not fall by more than a tolerance. A
challenger that is worse by just the tolerance is the hardest of those that must not pass: accepted in at most 5% of
the evaluations, whatever the size; one that is better by the margin named is to be accepted in 90% and more.

    python -m benchmarks.gate [--evaluations 1000] [--seed 1] [--only likelihood]
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from mainspring.evaluation.gate import decide
from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics.answers import Answer
from mainspring.evaluation.metrics.labels import macro_f1
from mainspring.evaluation.metrics.likelihood import likelihood
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.results import Measured, Results
from mainspring.evaluation.verdict import Decision

LEVEL = 0.95
_SPOILT = 0.912  # share of answers by macro F1 lost, of four million drawn, where 0.05 are lost
LABELS = {"billing": 0.5, "delivery": 0.3, "returns": 0.15, "other": 0.05}


@dataclass(frozen=True)
class Setting:
    """`draw`: of a generator and the true difference what an evaluation measures. `better`: by how much the challenger
    that is to be accepted is better, in tolerances; the table has others beside it."""

    name: str
    tolerance: float
    better: float
    draw: Callable[[Generator, float], Measured]


def texts(sources: int, each: float, uneven: float) -> Callable[[Generator, float], Measured]:
    """Held-out texts: `each` of a source at the median, by a lognormal as wide as `uneven`. One a source if it is 1 and 0."""

    def drawn(draw: Generator, difference: float) -> Measured:
        sizes = np.maximum(1, np.round(each * np.exp(draw.normal(0, uneven, sources)))).astype(int)
        source = np.repeat(np.arange(sources), sizes)
        count = len(source)
        tokens = np.round(8 + draw.lognormal(4, 0.7, count))
        champion = -5 + draw.normal(0, 0.5, sources)[source] + draw.normal(0, 0.5, count)
        apart = difference + draw.normal(0, 0.1, sources)[source] + 0.25 * draw.standard_t(5, count)
        items = [
            Item(str(where), (one + more) * long, one * long, long)
            for where, one, more, long in zip(source.tolist(), champion, apart, tokens, strict=True)
        ]
        return likelihood("old", items, LEVEL)

    return drawn


def answers(
    count: int, differing: float, sources: int | None = None
) -> Callable[[Generator, float], Measured]:
    """Right or wrong, `differing` the share in which one version is right and the other wrong, beside what their true
    difference makes. Half of what is asked in one of the `sources` is answered alike."""

    def drawn(draw: Generator, difference: float) -> Measured:
        gained, lost = differing / 2 + max(difference, 0), differing / 2 + max(-difference, 0)
        chances = [gained, lost, 1 - gained - lost]
        found = draw.choice(3, count, p=chances)
        where = np.arange(count) % (sources or count)
        if sources is not None:
            alike = draw.choice(3, sources, p=chances)[where]
            found = np.where(draw.random(count) < 0.5, alike, found)
        both = draw.random(count) < 0.8
        items = [
            Item(str(at), float(one == 0 or (one == 2 and right)), float(one == 1 or (one == 2 and right)))
            for at, one, right in zip(where.tolist(), found.tolist(), both.tolist(), strict=True)
        ]
        return measured(Scale("accuracy.old", "share of answers", top=1.0), items, LEVEL)

    return drawn


def labels(count: int) -> Callable[[Generator, float], Measured]:
    """Four labels, one of them rare; of one version a share of the answers spoilt, which makes macro F1 differ by so much."""

    def drawn(draw: Generator, difference: float) -> Measured:
        names, shares = list(LABELS), list(LABELS.values())
        truth = draw.choice(len(names), count, p=shares)
        right = 0.85
        own = np.where(draw.random(count) < right, truth, draw.integers(0, 4, count))
        other = np.where(draw.random(count) < right, truth, draw.integers(0, 4, count))
        shared = draw.random(count) < 0.7
        own = np.where(shared, other, own)
        spoilt = draw.random(count) < _SPOILT * abs(difference)
        wrong = (truth + 1 + draw.integers(0, 3, count)) % 4
        own, other = (
            (np.where(spoilt, wrong, own), other) if difference < 0 else (own, np.where(spoilt, wrong, other))
        )
        given = [Answer((names[a],), names[b], names[c]) for a, b, c in zip(truth, own, other, strict=True)]
        return macro_f1("old", given, LEVEL)

    return drawn


SETTINGS = (
    Setting("likelihood, 60 texts of 10 sources", 0.1, 2.0, texts(10, 6, 0.4)),
    Setting("likelihood, 12 sources of very unequal size", 0.1, 6.0, texts(12, 6, 1.2)),
    Setting("likelihood, 60 texts, each of its own source", 0.1, 1.0, texts(60, 1, 0.0)),
    Setting("likelihood, 200 texts of 20 sources", 0.1, 0.5, texts(20, 10, 0.4)),
    Setting("likelihood, 600 texts of 60 sources", 0.1, 0.0, texts(60, 10, 0.4)),
    Setting("accuracy, 50 answers", 0.05, 4.0, answers(50, 0.05)),
    Setting("accuracy, 200 answers", 0.05, 1.0, answers(200, 0.1)),
    Setting("accuracy, 1,000 answers", 0.02, 1.0, answers(1000, 0.1)),
    Setting("accuracy, 300 answers of 15 sources", 0.05, 6.0, answers(300, 0.1, 15)),
    Setting("accuracy, 2,000 answers of 100 sources", 0.05, 1.0, answers(2000, 0.1, 100)),
    Setting("macro F1, 400 answers, four labels", 0.05, 1.0, labels(400)),
)
MULTIPLES = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)


def decided(setting: Setting, times: float, evaluations: int, seed: int) -> Counter[Decision]:
    """What so many evaluations of a challenger lead to that is better by so many tolerances."""
    draw = np.random.default_rng([seed, *setting.name.encode(), round(10 * times) + 100])
    found: Counter[Decision] = Counter()
    for _ in range(evaluations):
        one = setting.draw(draw, times * setting.tolerance)
        plan = GatePlan(metrics={one.name: Rule(role="must_not_fall", tolerance=setting.tolerance)})
        found[decide(plan, Results(LEVEL, (one,))).decision] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="settings that begin so")
    asked = parser.parse_args()
    print(
        f"{asked.evaluations:,} evaluations each: accepted / asked / rejected, in percent, by tolerances better\n"
    )
    print(f"{'':62}" + "".join(f"{times:>+15g}" for times in MULTIPLES) + f"{'the margin':>20}")
    kept = [told(one, asked.evaluations, asked.seed) for one in SETTINGS if one.name.startswith(asked.only)]
    print(f"\nworse by the tolerance and accepted: {max(worse for worse, _ in kept):.1%} at most")
    print(f"better by the margin and accepted: {min(better for _, better in kept):.1%} at least")


def told(setting: Setting, evaluations: int, seed: int) -> tuple[float, float]:
    """Prints a line. Which share was accepted, at the tolerance and at the margin."""
    every = sorted({*MULTIPLES, setting.better})
    found = {times: decided(setting, times, evaluations, seed) for times in every}
    said = [f"{_words(found[times], evaluations):>15}" for times in MULTIPLES]
    accepted = {times: one[Decision.ACCEPT] / evaluations for times, one in found.items()}
    margin = f"{accepted[setting.better]:.1%} at {setting.better:+g}"
    print(
        f"{setting.name + f', tolerance {setting.tolerance:g}':62}" + "".join(said) + f"{margin:>20}",
        flush=True,
    )
    return max(share for times, share in accepted.items() if times <= -1), accepted[setting.better]


def _words(found: Counter[Decision], evaluations: int) -> str:
    order: Sequence[Decision] = (Decision.ACCEPT, Decision.NEEDS_HUMAN, Decision.REJECT)
    return " / ".join(f"{100 * found[one] / evaluations:.0f}" for one in order)


if __name__ == "__main__":
    main()
