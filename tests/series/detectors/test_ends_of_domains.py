"""Parameters at the ends of what they may be."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.catalog import detector_class

ENDS = [
    ("cusum", {"slack": 0.0, "window": 1}),
    ("cusum", {"slack": 1e6, "window": 10**9}),
    ("bayesian_change_point", {"window": 1, "run_length": 1.001, "max_runs": 2}),
    ("bayesian_change_point", {"window": 10**9, "run_length": 1e300, "max_runs": 1000}),
    ("pelt", {"min_size": 2, "penalty": 1e-9}),
    ("pelt", {"min_size": 10**9, "penalty": 1e300, "cost": "mean"}),
    ("holt_winters", {"period": 2, "damping": 1e-9}),
    ("holt_winters", {"period": 10**9, "damping": 1.0}),
    ("stuck", {"tolerance": 0.0}),
    ("stuck", {"tolerance": 1.0}),
    ("drift", {"window": 1}),
    ("drift", {"window": 10**9}),
    ("windowed_pca", {"window": 1, "variance": 1e-9}),
    ("windowed_pca", {"window": 10**9, "variance": 1 - 1e-12, "causal": True}),
]


@pytest.mark.parametrize(("name", "params"), ENDS)
def test_scores_are_finite(name, params):
    X = np.random.default_rng(0).normal(size=(400, 2))
    X[200:240] = X[200]
    detector = detector_class(name)(**params)
    scores = detector.fit(X).anomaly_score(X)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(detector.contributions(X).sum(axis=1), scores, rtol=1e-9)
    assert np.isfinite(detector.anomaly_score(X[:3])).all()
