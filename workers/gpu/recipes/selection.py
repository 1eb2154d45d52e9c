"""The best of several candidates under one budget of steps: all train a little, the better half goes on, and so forth.

What was measured is a file in the run's folder, and each candidate has its checkpoints there: whenever the process is
killed, the next attempt goes on in the rung, and in the candidate, where it was.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mainspring.training.halving import Rung, rungs, survivors
from workers.gpu.recipes.workshop import Workshop

STATE = "selection.json"
BEGIN, END = 0.05, 0.95  # of the whole run

Results = dict[str, list[dict[str, Any]]]  # of each candidate, what was measured at the end of each rung
Go = Callable[[str, Workshop, int, int], dict[str, Any]]
Score = Callable[[Mapping[str, Any]], Sequence[float]]


@dataclass(frozen=True)
class Chosen:
    """`workshop`: the winner's, where its model is; `results`: of all candidates, as they are told and stored."""

    name: str
    workshop: Workshop
    measures: dict[str, Any]
    results: Results


def horizon(candidates: int, budget: int) -> int:
    """Steps that the winner will have done: what each candidate's schedule is made for."""
    return rungs(candidates, budget)[-1].steps


def select(
    names: Sequence[str],
    budget: int,
    workshop: Workshop,
    go: Go,
    score: Score,
) -> Chosen:
    """The candidate of the highest score, by its first number, then by the next; `budget`: steps in all.

    `go(name, workshop, steps, until)` trains a candidate of a schedule of `steps` until that step, from where it was left
    (fit() with `until` does), saves it as `workshop.output` when both are the same, and says what was measured. Raises what
    that raises, and InvalidRequest when the budget is too small.
    """
    plan = rungs(len(names), budget)
    results, left = _read(workshop.folder), list(names)
    spent, whole = 0, sum(_cost(plan, number) for number in range(len(plan)))
    for number, rung in enumerate(plan):
        for name in left:
            if len(results.get(name, [])) <= number:
                share = _Share(workshop, spent / whole, _cost(plan, number) / rung.candidates / whole)
                own = share.of(name, f"rung {number + 1} of {len(plan)} · {name}")
                measured = go(name, own, plan[-1].steps, rung.steps)
                results.setdefault(name, []).append(measured)
                _write(workshop.folder, results)
                share.told(results)
            spent += _cost(plan, number) // rung.candidates
        best = survivors({name: score(results[name][number]) for name in left}, rung.keep)
        for name in set(left) - set(best):
            shutil.rmtree(_folder(workshop, name), ignore_errors=True)
        left = best
    winner = left[0]
    return Chosen(winner, replace(workshop, folder=_folder(workshop, winner)), results[winner][-1], results)


@dataclass(frozen=True)
class _Share:
    """A part of the run, in which one candidate does one rung."""

    workshop: Workshop
    begin: float
    size: float

    def of(self, name: str, words: str) -> Workshop:
        tell = partial(self._tell, words)
        return replace(self.workshop, folder=_folder(self.workshop, name), tell=tell)

    def told(self, results: Results) -> None:
        self.workshop.tell(self._at(1.0), "comparing", {"candidates": results})

    def _tell(self, words: str, fraction: float, activity: str, measures: dict[str, Any]) -> None:
        self.workshop.tell(self._at(fraction), f"{words} · {activity}", measures)

    def _at(self, fraction: float) -> float:
        return BEGIN + (END - BEGIN) * (self.begin + self.size * fraction)


def _cost(plan: Sequence[Rung], number: int) -> int:
    before = plan[number - 1].steps if number else 0
    return plan[number].candidates * (plan[number].steps - before)


def _folder(workshop: Workshop, name: str) -> Path:
    return workshop.folder / "candidates" / name


def _read(folder: Path) -> Results:
    place = folder / STATE
    return json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}


def _write(folder: Path, results: Results) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{STATE}.new"
    aside.write_text(json.dumps(results), encoding="utf-8")
    aside.replace(folder / STATE)
