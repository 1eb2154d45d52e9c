"""Evaluations with a known truth, in short: `python -m benchmarks.gate` draws a thousand of each."""

import pytest

from benchmarks.gate import SETTINGS, Setting, decided
from mainspring.evaluation.verdict import Decision

DRAWN = 120
_SHORT = [one for one in SETTINGS if "2,000" not in one.name and "600" not in one.name]


@pytest.mark.parametrize("setting", _SHORT, ids=lambda one: one.name)
def test_who_is_worse_by_the_tolerance_is_not_accepted(setting: Setting) -> None:
    """One in forty may be. Ten of 120 would be the chance of one in two thousand; the draws are always the same."""
    assert decided(setting, -1.0, DRAWN, seed=2)[Decision.ACCEPT] < 10


@pytest.mark.parametrize("setting", _SHORT, ids=lambda one: one.name)
def test_who_is_better_is(setting: Setting) -> None:
    found = decided(setting, setting.better, DRAWN, seed=2)
    assert found[Decision.ACCEPT] >= 0.85 * DRAWN
    assert found[Decision.REJECT] == 0
