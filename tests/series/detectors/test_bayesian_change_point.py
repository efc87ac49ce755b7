"""Online change points against the posterior over all runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from amiss.series import BayesianChangePoint


def naive(z, window, run_length):
    """−log P(run older than the window) by the full recursion over every run length, densities of SciPy."""
    weight, found = np.array([1.0]), np.zeros(len(z))
    for i, value in enumerate(z):
        density = np.empty(i + 1)
        for r in range(i + 1):
            rows = z[i - r : i]
            known, shape = 0.1 + r, 1 + r / 2
            mean = rows.sum() / known
            scatter = 1 + 0.5 * (np.square(rows).sum() - known * mean**2)
            density[r] = student.pdf(value, 2 * shape, mean, np.sqrt(scatter * (known + 1) / (shape * known)))
        joint = weight * density
        joint /= joint.sum()
        if i >= window:
            found[i] = np.log1p(joint[:window].sum() / joint[window:].sum())
        weight = np.append(1 / run_length, joint * (1 - 1 / run_length))
    return found


def series(n=250, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 1))
    X[150:] *= 3
    X[60:100] += 2
    return X


@pytest.mark.parametrize("window", [1, 20])
@pytest.mark.parametrize("run_length", [50.0, 1000.0])
def test_scores_by_the_full_recursion(window, run_length):
    X = series()
    detector = BayesianChangePoint(window=window, run_length=run_length, max_runs=250).fit(X)
    z = (X[:, 0] - detector.location_) / detector.scale_
    np.testing.assert_allclose(detector.anomaly_score(X), naive(z, window, run_length), rtol=1e-6, atol=1e-9)


def test_few_runs_say_nearly_the_same():
    X = series(1000)
    all_runs = BayesianChangePoint(max_runs=1000).fit_score(X)
    few = BayesianChangePoint(max_runs=60).fit_score(X)
    assert np.corrcoef(np.log(all_runs[100:]), np.log(few[100:]))[0, 1] > 0.95
    assert abs(int(np.argmax(few)) - int(np.argmax(all_runs))) < 20


@pytest.mark.parametrize("kind", ["level", "variance"])
def test_a_change_is_found_and_is_normal_a_window_later(kind):
    X = np.random.default_rng(0).normal(size=(2000, 1))
    X[1000:] = X[1000:] * 4 if kind == "variance" else X[1000:] + 3
    scores = BayesianChangePoint().fit_score(X)
    assert 1000 < np.argmax(scores) < 1110
    assert scores[1200:].max() < 0.5 * scores.max()


def test_a_feature_that_stood_still_scores_from_its_first_move_on():
    X = np.full((600, 1), 7.0)
    X[400:] += np.random.default_rng(0).normal(size=(200, 1))
    scores = BayesianChangePoint().fit_score(X)
    assert (scores[:400] == 0).all()
    assert scores[400:].max() > 10
