"""Classical readings of how far a window is from a reference, for people to look at. None of them raises an alarm:
each is made for one look, and looked at every minute it would cry wolf.

scipy and scikit-learn are imported when a reading is taken: who only watches needs neither.
"""

from dataclasses import dataclass

import numpy as np

from mainspring.drift.arrays import Floats, Vectors

_MOST = 1000  # vectors a side: readings of more say the same and take longer
_BINS = 10
_FLOOR = 1e-4  # what an empty bin's share is taken for


@dataclass(frozen=True)
class Reading:
    """`chance`: of a value at least so large at one look, had nothing changed, of the classifier's about; None: there is
    none."""

    name: str
    value: float
    chance: float | None = None


def of_numbers(reference: Floats, window: Floats) -> list[Reading]:
    """Kolmogorov-Smirnov, Wasserstein (in the reference's standard deviations), population stability index."""
    from scipy import stats

    before, now = (np.asarray(side, np.float64)[np.isfinite(side)] for side in (reference, window))
    if not len(before) or not len(now):
        return []
    found = stats.ks_2samp(before, now, method="asymp")
    distance = stats.wasserstein_distance(before, now)
    return [
        Reading("kolmogorov_smirnov", float(found.statistic), float(found.pvalue)),
        Reading("wasserstein", float(distance / (before.std() or 1.0))),
        Reading("population_stability", population_stability(before, now)),
    ]


def of_vectors(reference: Vectors, window: Vectors, rng: np.random.Generator) -> list[Reading]:
    """Maximum mean discrepancy, and how well a classifier tells the two apart."""
    before, now = (_some(np.asarray(side, np.float32), rng) for side in (reference, window))
    if len(before) < 2 * _BINS or len(now) < 2 * _BINS:
        return []
    return [mean_discrepancy(before, now, rng), domain_classifier(before, now, rng)]


def population_stability(before: Floats, now: Floats) -> float:
    """Sum over the reference's tenths of (share now - share before) · log of their ratio. Over 0.2 is held to be much."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = [
        np.maximum(
            np.bincount(np.searchsorted(edges, side, "right"), minlength=len(edges) + 1) / len(side), _FLOOR
        )
        for side in (before, now)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def mean_discrepancy(
    before: Vectors, now: Vectors, rng: np.random.Generator, permutations: int = 200
) -> Reading:
    """Squared, unbiased, by a Gaussian kernel of the median distance (Gretton et al., JMLR 2012), by permutation."""
    both = np.concatenate([before, now]).astype(np.float64)
    lengths = (both**2).sum(axis=1)
    squares = np.maximum(lengths[:, None] + lengths - 2 * both @ both.T, 0)
    kernel = np.exp(-squares / max(float(np.median(squares)), 1e-12))
    np.fill_diagonal(kernel, 0)
    n, m = len(before), len(now)
    signs = np.concatenate([np.ones(n), np.zeros(m)])
    drawn = np.stack([signs, *(rng.permutation(signs) for _ in range(permutations))], axis=1)
    own, others = ((side * (kernel @ side)).sum(axis=0) for side in (drawn, 1 - drawn))
    across = (drawn * (kernel @ (1 - drawn))).sum(axis=0)
    values = own / (n * (n - 1)) + others / (m * (m - 1)) - 2 * across / (n * m)
    chance = (values >= values[0] - 1e-12).mean()
    return Reading("mean_discrepancy", float(values[0]), float(chance))


def domain_classifier(before: Vectors, now: Vectors, rng: np.random.Generator) -> Reading:
    """Area under the ROC curve of a logistic regression, in five folds: 0.5 is alike, 1 told apart at sight."""
    from scipy.stats import mannwhitneyu
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    both = np.concatenate([before, now])
    side = np.repeat([0, 1], [len(before), len(now)])
    folds = StratifiedKFold(5, shuffle=True, random_state=int(rng.integers(2**31)))
    scores = cross_val_predict(
        LogisticRegression(max_iter=200), both, side, cv=folds, method="decision_function"
    )
    chance = mannwhitneyu(scores[side == 1], scores[side == 0], alternative="greater").pvalue
    return Reading("domain_classifier", float(roc_auc_score(side, scores)), float(chance))


def _some(rows: Vectors, rng: np.random.Generator) -> Vectors:
    return rows if len(rows) <= _MOST else rows[rng.choice(len(rows), _MOST, replace=False)]
