"""Candidates share a budget by successive halving, and a kill costs no more than the candidate that was at work."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.errors import InvalidRequest
from mainspring.training.errors import RunInterrupted
from mainspring.training.halving import rungs, survivors
from mainspring.training.loop import Loop
from tests.workers.fitting import train, workshop
from workers.gpu.recipes.selection import Chosen, horizon, select
from workers.gpu.recipes.workshop import Workshop

RATES = {"slow": 1e-5, "wild": 3.0, "good": 1e-2, "fair": 1e-3}
BUDGET = 32


@given(st.integers(1, 60), st.integers(0, 5000), st.integers(2, 4))
def test_a_plan_keeps_its_budget(candidates: int, budget: int, keep_one_in: int) -> None:
    if budget < candidates * 8:
        budget += candidates * 8
    plan = rungs(candidates, budget, keep_one_in=keep_one_in)
    costs = [
        rung.candidates * (rung.steps - before)
        for rung, before in zip(plan, [0, *(rung.steps for rung in plan)], strict=False)
    ]
    assert sum(costs) <= budget
    assert max(costs) - min(costs) <= candidates  # rounds of equal cost, but for what does not divide
    assert [rung.keep for rung in plan[:-1]] == [rung.candidates for rung in plan[1:]]
    assert (plan[0].candidates, plan[-1].keep) == (candidates, 1)


def test_a_budget_without_a_step_for_each_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        rungs(8, 23)
    assert "24" in (refused.value.remedy or "")
    assert rungs(8, 24)[0].steps == 1


def test_no_number_never_survives() -> None:
    named = {"nan": float("nan"), "low": 1.0, "high": 2.0, "same": 2.0, "endless": float("inf")}
    scores = {name: [score] for name, score in named.items()}
    assert survivors(scores, 2) == ["high", "same"]
    assert survivors(scores, 5)[3:] == ["nan", "endless"]
    assert survivors({"a": [0.0, 9.0], "b": [1.0, 1.0], "c": [1.0, 2.0]}, 3) == ["c", "b", "a"]


class Trying:
    """Trains candidates of other rates; `killed` at the n-th."""

    def __init__(self, killed: int | None = None) -> None:
        self.killed, self.tried, self.told = killed, list[tuple[str, int]](), list[tuple[float, str, dict]]()

    def go(self, name: str, at: Workshop, steps: int, until: int) -> dict[str, float]:
        if len(self.tried) == self.killed:
            raise RunInterrupted("the worker is stopping")
        self.tried.append((name, until))
        loop = Loop(steps=steps, batch_size=4, seed=1)
        made = train(at, loop, until=until, rate=RATES[name])
        if until == steps:
            made.model.save_pretrained(at.output)
        return made.measures

    def select(self, folder: Path, attempt: int = 1) -> Chosen:
        at = workshop(folder, attempt, tell=lambda *said: self.told.append(said))
        return select(list(RATES), BUDGET, at, self.go, lambda measures: [-measures["loss"]])


def test_the_best_wins_and_the_rest_costs_little(tmp_path: Path) -> None:
    trying = Trying()
    chosen = trying.select(tmp_path)
    assert chosen.name == "good"
    assert (chosen.workshop.output / "config.json").exists()
    assert horizon(4, BUDGET) == 12
    assert [until for _, until in trying.tried] == [4] * 4 + [12] * 2
    assert sorted(map(len, chosen.results.values())) == [1, 1, 2, 2]
    fractions = [fraction for fraction, _, _ in trying.told]
    assert fractions == sorted(fractions)
    assert trying.told[-1][2]["candidates"] == chosen.results
    assert any("rung 2 of 2 · good" in activity for _, activity, _ in trying.told)
    assert [one.name for one in (tmp_path / "candidates").iterdir()] == ["good"]


def test_killed_it_goes_on_in_its_rung(tmp_path: Path) -> None:
    first = Trying(killed=5)
    with pytest.raises(RunInterrupted):
        first.select(tmp_path / "broken")
    second = Trying()
    resumed = second.select(tmp_path / "broken", attempt=2)
    whole = Trying()
    unbroken = whole.select(tmp_path / "whole")
    assert first.tried + second.tried == whole.tried
    assert resumed.name == unbroken.name
    assert resumed.measures["loss"] == pytest.approx(unbroken.measures["loss"], abs=1e-5)
