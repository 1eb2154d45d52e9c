"""How often the judge of rollouts is wrong, and how soon it is right: simulated rollouts, looked at after each answer.

A challenger goes through the canary's steps. Five things can go wrong with an answer, each as often; failures alone
are more frequent with a challenger that is worse. Equal to the champion, it must be rolled back in no more than alpha
of all rollouts; else the table says in how many it is, and after how many of its own answers (the median).

Twice: with many answers a step, as a deployment with much traffic sees them or a plan with a longer dwell; and with as
few as the default plan asks for, where the challenger is promoted once it has given so many in each step. There, what
is worse by little comes through.

    python -m benchmarks.judge [--rollouts 1000] [--errors 0.01 0.05] [--seed 1]
"""

import argparse
import random
import statistics
from collections.abc import Sequence

from mainspring.release.evidence import Evidence
from mainspring.release.judge import TROUBLES
from mainspring.release.plan import RolloutPlan

PLAN = RolloutPlan()
ANSWERS = 20_000  # of the deployment in one step
RATIOS = (1.0, 1.5, 2.0, 3.0, 5.0)
COARSE = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
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


def told(rate: float, ratio: float, ends: Sequence[int | None]) -> None:
    caught = [end for end in ends if end is not None]
    median = f"{statistics.median(caught):,.0f}" if caught else "-"
    share = len(caught) / len(ends)
    print(f"{rate:>14.1%} {rate * ratio:>16.2%} {share:>12.1%} {median:>24}", flush=True)


if __name__ == "__main__":
    main()
