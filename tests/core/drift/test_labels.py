"""Labels: risk is accused when it is worse, not when it is not; without labels accuracy is estimated, and corrected."""

import numpy as np
import pytest

from mainspring.drift.accuracy import Confidences, pooled
from mainspring.drift.risk import Risk, upper_bound


def errors(rate: float, count: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(count) < rate).astype(float)


def test_a_worse_version_is_found_at_exactly_this_label() -> None:
    risk = Risk.begin(errors(0.1, 1000, 1), tolerance=0.02)
    risk.take(np.concatenate([errors(0.1, 300, 2), errors(0.35, 300, 3)]))
    assert risk.alarmed_at == 438
    assert risk.mean == pytest.approx(0.225, abs=0.03)


def test_a_version_within_the_tolerance_is_not_accused() -> None:
    """A rate above the reference's own, by less than the tolerance, for long."""
    found = [Risk.begin(errors(0.1, 500, seed), tolerance=0.05) for seed in range(30)]
    for seed, risk in enumerate(found):
        risk.take(errors(0.14, 600, seed + 1000))
    assert sum(risk.alarmed_at is not None for risk in found) <= 2


def test_the_ceiling_of_a_reference_is_seldom_too_low() -> None:
    low = sum(upper_bound(errors(0.1, 200, seed), 0.1) < 0.1 for seed in range(150))
    assert low <= 25
    assert 0.1 < upper_bound(errors(0.1, 5000, 1), 0.005) < 0.125


def test_risk_goes_on_exactly_from_its_state_and_skips_what_is_missing() -> None:
    losses = np.concatenate([errors(0.1, 100, 5), errors(0.6, 60, 6)])
    whole, first = (Risk.begin(errors(0.1, 300, 4), 0.05) for _ in range(2))
    expected = whole.take(losses)
    before = first.take(losses[:70])
    second = Risk.restore(first.state())
    after = second.take(np.insert(losses[70:], 3, np.nan))
    np.testing.assert_array_equal(np.concatenate([before, np.delete(after, 3)]), expected)
    assert second.alarmed_at == whole.alarmed_at
    assert second.mean == whole.mean


def test_a_loss_beyond_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Risk.begin(np.array([0.0, 2.0]), 0.1)


def answers(seed: int, count: int, low: float) -> tuple[np.ndarray, np.ndarray]:
    """Overconfident: right less often than the confidence says."""
    rng = np.random.default_rng(seed)
    confidences = rng.uniform(low, 1, count)
    return confidences, (rng.random(count) < confidences**2).astype(float)


def test_accuracy_is_estimated_without_labels_and_corrected_by_them() -> None:
    known = Confidences(*answers(1, 3000, 0.5))
    confidences, right = answers(2, 1000, 0.2)
    alone = known.estimate(confidences)
    assert alone is not None
    assert alone.error is None
    assert alone.calibrated < known.accuracy - 0.05
    some = np.where(np.arange(1000) < 400, right, np.nan)
    joined = known.estimate(confidences, some)
    assert joined is not None
    assert joined.labelled == 400
    assert joined.error == pytest.approx(alone.calibrated - right.mean(), abs=0.06)
    within = known.estimate(*answers(3, 1000, 0.5))
    assert within is not None
    assert within.low < known.accuracy < within.high
    assert within.error == pytest.approx(0, abs=0.04)
    assert within.threshold == pytest.approx(known.accuracy, abs=0.05)
    assert known.estimate(np.empty(0)) is None


def test_pooling_keeps_the_order_and_the_mean() -> None:
    np.testing.assert_allclose(pooled(np.array([0, 1, 0, 0, 1, 1])), [0, 1 / 3, 1 / 3, 1 / 3, 1, 1])
