"""Readings for people: small when nothing changed, large when something did, by the libraries' own definitions."""

import numpy as np
import pytest

from mainspring.drift.readings import mean_discrepancy, of_numbers, of_vectors
from tests.core.drift.streams import kinds, requests

RNG = np.random.default_rng(1)


def test_numbers_that_did_not_change_and_numbers_that_did() -> None:
    before, same, moved = RNG.normal(size=800), RNG.normal(size=500), RNG.normal(1.0, 1.0, 500)
    alike = {one.name: one for one in of_numbers(before, np.append(same, np.nan))}
    apart = {one.name: one for one in of_numbers(before, moved)}
    assert alike["kolmogorov_smirnov"].chance > 0.01
    assert apart["kolmogorov_smirnov"].chance < 1e-6
    assert alike["wasserstein"].value < 0.15
    assert apart["wasserstein"].value == pytest.approx(1, abs=0.15)
    assert alike["population_stability"].value < 0.05
    assert apart["population_stability"].value > 0.2
    assert of_numbers(before, np.array([np.nan])) == []


def test_vectors_that_did_not_change_and_vectors_that_did() -> None:
    centres = kinds(1, 4)
    before, same = (requests(centres, np.array([0.4, 0.3, 0.3, 0]), 300, seed) for seed in (1, 2))
    moved = requests(centres, np.array([0.2, 0.2, 0.2, 0.4]), 300, 3)
    alike = {one.name: one for one in of_vectors(before, same, np.random.default_rng(0))}
    apart = {one.name: one for one in of_vectors(before, moved, np.random.default_rng(0))}
    assert alike["mean_discrepancy"].chance > 0.01
    assert apart["mean_discrepancy"].chance < 0.01
    assert alike["domain_classifier"].value == pytest.approx(0.5, abs=0.08)
    assert apart["domain_classifier"].value > 0.65
    assert of_vectors(before[:5], same, np.random.default_rng(0)) == []


def test_the_permutation_p_value_is_uniform_when_nothing_changed() -> None:
    chances = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(40, 3)).astype(np.float32)
        chances.append(mean_discrepancy(rows[:20], rows[20:], rng, permutations=99).chance)
    assert 0.02 <= np.mean(np.array(chances) <= 0.1) <= 0.2
