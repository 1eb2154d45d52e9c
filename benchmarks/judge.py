"""How often the judge of rollouts is wrong, and how soon it is right: simulated rollouts, looked at after each answer.

A challenger goes through the canary's steps. Five things can go wrong with an answer, each as often; failures alone
are more frequent with a challenger that is worse. Equal to the champion, it must be rolled back in no more than alpha
of all rollouts; else the table says in how many it is, and after how many of its own answers (the median).

Twice: with many answers a step, as a deployment with much traffic sees them or a plan with a longer dwell; and with as
few as the default plan asks for, where the challenger is promoted once it has given so many in each step. There, what
is worse by little comes through.

Then slowness, which is judged by moments of some seconds: engines that stand still now and then, each as often, and a
challenger of whose answers so many are slow, where one in ten was before.

    python -m benchmarks.judge [--rollouts 1000] [--errors 0.01 0.05] [--seed 1]
"""

import argparse
import random
import statistics
from collections.abc import Sequence

from mainspring.release.evidence import Evidence
from mainspring.release.judge import TROUBLES
from mainspring.release.observing import MOMENT_SECONDS
from mainspring.release.plan import RolloutPlan

PLAN = RolloutPlan()
ANSWERS = 20_000  # of the deployment in one step
RATIOS = (1.0, 1.5, 2.0, 3.0, 5.0)
COARSE = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
MOMENTS, SHARE = 180, 0.25  # a quarter of an hour
Steps = Sequence[tuple[float, int]]  # the share of each, and the answers of the deployment in it


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--errors", type=float, nargs="*", default=[0.01, 0.05], help="of the champion")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    many = [(share, ANSWERS) for share in PLAN.steps]
    few = [(share, round(PLAN.samples / share)) for share in PLAN.steps]
    print(f"alpha {PLAN.alpha}, steps {PLAN.steps}, {asked.rollouts:,} rollouts each")
    table(f"{ANSWERS:,} answers a step", asked, many, RATIOS)
    table(f"the default plan: {PLAN.samples} answers of the challenger a step", asked, few, COARSE)
    pauses(asked)
    slower(asked)


def table(title: str, asked: argparse.Namespace, steps: Steps, ratios: Sequence[float]) -> None:
    print(f"\n{title}")
    print(f"{'champion errs':>14} {'challenger errs':>16} {'rolled back':>12} {'its answers until then':>24}")
    for rate in asked.errors:
        for ratio in ratios:
            if rate * ratio <= 1:
                draw = random.Random(f"{asked.seed} {rate} {ratio}")
                ends = [rollout(draw, steps, rate, rate * ratio) for _ in range(asked.rollouts)]
                told(rate, ratio, ends)


def rollout(draw: random.Random, steps: Steps, champion: float, challenger: float) -> int | None:
    """The challenger's answers until it was rolled back; None: it came through."""
    kinds, its = [Evidence() for _ in TROUBLES], 0.0
    for share, answers in steps:
        left = answers
        failing = share * challenger + (1 - share) * champion  # of all answers
        troubled = failing + (len(kinds) - 1) * champion
        while (gap := 1 + int(draw.expovariate(troubled))) <= left:
            left -= gap
            its += gap * share  # of the answers between two troubles, on average
            fails = draw.random() < failing / troubled
            blame = share * challenger / failing if fails else share
            evidence = kinds[0] if fails else kinds[draw.randrange(1, len(kinds))]
            evidence.trouble(share, by_challenger=draw.random() < blame)
            if evidence.convicts(PLAN.alpha / len(kinds)):
                return round(its)
        its += left * share
    return None


def pauses(asked: argparse.Namespace) -> None:
    print(
        f"\n{MOMENTS} moments of 40 answers, a share of {SHARE:.0%}; in one of ten an engine stands still, either as often"
    )
    ends = [paused(random.Random(f"{asked.seed} pauses {number}")) for number in range(asked.rollouts)]
    for name, taken_back in zip(("by moments", "by single answers"), zip(*ends, strict=True), strict=True):
        print(f"{name:>18}: {sum(taken_back) / len(ends):.1%} are rolled back")


def paused(draw: random.Random) -> tuple[bool, bool]:
    """Of one rollout of a challenger that is no worse: whether it is rolled back by either way of counting."""
    by_moments, by_answers, back = Evidence(), Evidence(), [False, False]
    for _ in range(MOMENTS):
        its = sum(draw.random() < SHARE for _ in range(40))
        if draw.random() < 0.1:
            slow = (its, 0) if draw.random() < 0.5 else (0, 40 - its)
            by_moments.moment(SHARE, units=40, challenger=slow[0], champion=slow[1])
            by_answers.trouble(SHARE, by_challenger=True, times=slow[0])
            by_answers.trouble(SHARE, by_challenger=False, times=slow[1])
        convicted = [one.convicts(PLAN.alpha / len(TROUBLES)) for one in (by_moments, by_answers)]
        back = [before or now for before, now in zip(back, convicted, strict=True)]
    return back[0], back[1]


def slower(asked: argparse.Namespace) -> None:
    print("\na challenger that is slow; minutes until it is rolled back (the median of the rollouts)")
    print(f"{'share':>6} {'answers a second':>17} {'slow of its':>12} {'minutes':>8}")
    for share in PLAN.steps:
        for pace in (0.2, 20):
            for slow in (0.3, 1.0):
                draw = random.Random(f"{asked.seed} {share} {pace} {slow}")
                ends = [seconds_until(draw, share, pace, slow) for _ in range(max(1, asked.rollouts // 50))]
                print(
                    f"{share:>6.0%} {pace:>17} {slow:>12.0%} {statistics.median(ends) / 60:>8.1f}", flush=True
                )


def seconds_until(draw: random.Random, share: float, pace: float, slow: float) -> float:
    evidence, seconds = Evidence(), 0
    while not evidence.convicts(PLAN.alpha / len(TROUBLES)):
        seconds += MOMENT_SECONDS
        units = round(pace * MOMENT_SECONDS)
        its = sum(draw.random() < share for _ in range(units))
        guilty = sum(draw.random() < slow for _ in range(its))
        evidence.moment(
            share,
            units=units,
            challenger=guilty,
            champion=sum(draw.random() < 0.1 for _ in range(units - its)),
        )
    return seconds


def told(rate: float, ratio: float, ends: Sequence[int | None]) -> None:
    caught = [end for end in ends if end is not None]
    median = f"{statistics.median(caught):,.0f}" if caught else "-"
    share = len(caught) / len(ends)
    print(f"{rate:>14.1%} {rate * ratio:>16.2%} {share:>12.1%} {median:>24}", flush=True)


if __name__ == "__main__":
    main()
