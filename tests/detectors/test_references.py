"""Detectors against independent implementations and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA as ReferencePCA
from sklearn.ensemble import IsolationForest as ReferenceForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from amiss.detectors import (
    COPOD,
    ECOD,
    HBOS,
    INNE,
    KNN,
    LODA,
    LOF,
    PCA,
    Ensemble,
    ExtendedIsolationForest,
    IsolationForest,
    Mahalanobis,
    RobustCovariance,
    RobustZScore,
)
from amiss.kernels.forest import draw
from amiss.kernels.spheres import Spheres


@pytest.fixture
def X():
    random = np.random.default_rng(3)
    return random.normal(size=(400, 5)) @ random.normal(size=(5, 5))


def test_isolation_forest_differs_from_the_reference_as_two_of_its_seeds_do(X):
    def rank(scores):
        return np.argsort(np.argsort(scores))

    reference = [
        rank(-ReferenceForest(n_estimators=100, random_state=seed).fit(X).score_samples(X)) for seed in range(6)
    ]
    ours = [rank(IsolationForest(random_state=seed).fit(X).anomaly_score(X)) for seed in range(6)]
    among = [np.corrcoef(a, b)[0, 1] for i, a in enumerate(reference) for b in reference[:i]]
    across = [np.corrcoef(a, b)[0, 1] for a in ours for b in reference]
    assert np.mean(across) > np.mean(among) - 0.01
    levels = -ReferenceForest(n_estimators=100, random_state=0).fit(X).score_samples(X)
    assert IsolationForest().fit(X).anomaly_score(X).mean() == pytest.approx(levels.mean(), abs=0.01)


@pytest.mark.parametrize("method", ["kth", "mean", "median"])
def test_knn_equals_the_reference(X, method):
    distance, _ = NearestNeighbors(n_neighbors=7).fit(X).kneighbors()
    expected = {"kth": distance[:, -1], "mean": distance.mean(axis=1), "median": np.median(distance, axis=1)}
    found = KNN(n_neighbors=7, method=method, sample_size=None).fit(X).anomaly_score(X)
    np.testing.assert_allclose(found, expected[method], rtol=1e-9)


def test_lof_equals_the_reference(X):
    expected = -LocalOutlierFactor(n_neighbors=12).fit(X).negative_outlier_factor_
    found = LOF(n_neighbors=12, sample_size=None).fit(X).anomaly_score(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_mahalanobis_equals_the_reference(X):
    expected = np.sqrt(EmpiricalCovariance().fit(X).mahalanobis(X))
    np.testing.assert_allclose(Mahalanobis(shrinkage=1e-12).fit(X).anomaly_score(X), expected, rtol=1e-6)


def test_pca_equals_the_reference(X):
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    detector = PCA(variance=0.7, statistic="q").fit(X)
    reference = ReferencePCA(n_components=len(detector.components_)).fit(Z)
    residual = Z - reference.inverse_transform(reference.transform(Z))
    np.testing.assert_allclose(detector.anomaly_score(X), (residual**2).sum(axis=1), rtol=1e-8)


def _tails(X):
    """Minus the log of the tail probabilities of each value, by counting."""
    left = [[(X[:, j] <= x[j]).mean() for j in range(X.shape[1])] for x in X]
    right = [[(X[:, j] >= x[j]).mean() for j in range(X.shape[1])] for x in X]
    return -np.log(left), -np.log(right)


def test_ecod_by_counting(X):
    expected = np.maximum(*_tails(X)).sum(axis=1)
    np.testing.assert_allclose(ECOD(sample_size=None).fit(X).anomaly_score(X), expected, rtol=1e-9)


def test_copod_by_counting(X):
    X = np.column_stack([np.exp(X[:, 0]), -np.exp(X[:, 1]), X[:, 2]])
    left, right = _tails(X)
    leans = np.sign(((X - X.mean(axis=0)) ** 3).mean(axis=0))
    assert leans[:2].tolist() == [1, -1]
    expected = np.maximum(np.where(leans < 0, left, right), (left + right) / 2).sum(axis=1)
    np.testing.assert_allclose(COPOD(sample_size=None).fit(X).anomaly_score(X), expected, rtol=1e-9)


def test_loda_by_hand(X):
    detector = LODA(n_estimators=7, n_bins=4, sample_size=None).fit(X)
    total = np.zeros(len(X))
    for feature, weight in zip(detector.feature_, detector.weight_, strict=True):
        z = X[:, feature] @ weight
        edges = np.linspace(z.min(), z.max(), 5)
        counts = np.histogram(z, edges)[0]
        share = (counts + 0.5) / (len(X) + 0.5 * 6)
        total -= np.log(share[np.clip(np.searchsorted(edges, z, side="right") - 1, 0, 3)])
    np.testing.assert_allclose(detector.anomaly_score(X), total / 7, rtol=1e-9)
    assert detector.feature_.shape == (7, 2)


def test_inne_by_hand(X):
    rows = draw(len(X), 6, 3, 0)
    expected = np.zeros(len(X))
    for chosen in rows:
        centers = X[chosen]
        gaps = np.linalg.norm(centers[:, None] - centers[None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        radius, nearest = gaps.min(axis=1), gaps.argmin(axis=1)
        for i, x in enumerate(X):
            held = np.flatnonzero(np.linalg.norm(centers - x, axis=1) <= radius)
            best = held[radius[held].argmin()] if len(held) else None
            expected[i] += 1.0 if best is None else 1 - radius[nearest[best]] / radius[best]
    found = INNE(n_estimators=3, max_samples=6, sample_size=len(X)).fit(X)
    spheres = Spheres.of(X, rows)
    np.testing.assert_allclose(spheres.score(X), expected / 3, rtol=1e-9)
    assert 0 <= found.anomaly_score(X).min() <= found.anomaly_score(X).max() <= 1


def test_slanted_cuts_see_the_empty_corners():
    random = np.random.default_rng(0)
    X = np.vstack([random.normal([0, 10], 1, (500, 2)), random.normal([10, 0], 1, (500, 2))])
    corners = np.array([[0.0, 0.0], [10.0, 10.0]])
    ghost = {}
    for detector in (IsolationForest(), ExtendedIsolationForest()):
        scores = detector.fit(X).anomaly_score(np.vstack([X, corners]))
        ghost[type(detector).__name__] = (scores[:-2] < scores[-2:].min()).mean()
    assert ghost["ExtendedIsolationForest"] > 0.99
    assert ghost["ExtendedIsolationForest"] > ghost["IsolationForest"]


def test_cuts_along_the_axes_are_an_isolation_forest():
    X = np.random.default_rng(0).normal(size=(1000, 4))
    plain = IsolationForest(n_estimators=400).fit(X).anomaly_score(X)
    level_0 = ExtendedIsolationForest(n_estimators=400, extension_level=0).fit(X).anomaly_score(X)
    assert np.corrcoef(plain, level_0)[0, 1] > 0.98


def test_hbos_counts_bins():
    X = np.array([[0.0], [0.1], [0.2], [0.9], [1.0], [np.nan]])
    detector = HBOS(n_bins=2, sample_size=None).fit(X)
    expected = -np.log((np.array([3, 2, 0, 1]) + 0.5) / (6 + 0.5 * 4))
    found = detector.anomaly_score([[0.3], [0.6], [5.0], [np.nan]])
    np.testing.assert_allclose(found, expected)


def test_robust_covariance_is_not_moved_by_a_third_of_dirt():
    random = np.random.default_rng(0)
    clean = random.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=700)
    dirt = random.normal(8, 0.3, size=(280, 2))
    scores = RobustCovariance().fit(np.vstack([clean, dirt])).anomaly_score(np.vstack([clean, dirt]))
    assert scores[700:].min() > np.quantile(scores[:700], 0.999)


def test_robust_z_score_in_deviations():
    X = np.random.default_rng(0).normal(50, 4, size=(5000, 2))
    assert RobustZScore().fit(X).anomaly_score([[50, 50], [70, 50]]) == pytest.approx([0, 5], abs=0.2)


def test_knn_of_a_learnt_row_does_not_meet_itself():
    X = np.array([[0.0], [1.0], [3.0]])
    assert KNN(n_neighbors=1).fit(X).anomaly_score(X).tolist() == [1.0, 1.0, 2.0]


def test_ensemble_is_never_far_from_its_best_member():
    random = np.random.default_rng(1)
    x = random.normal(size=(1500, 1))
    related = np.hstack([x, x + 0.1 * random.normal(size=(1500, 1)), random.normal(size=(1500, 1))])
    broken = np.column_stack([random.normal(size=30), -2.5 * np.sign(random.normal(size=30)), np.zeros(30)])
    broken[:, 0] = -broken[:, 1] * 0.8
    far = random.normal(size=(30, 3)) + np.array([0, 0, 7.0])
    for odd in (broken, far):
        X = np.vstack([related, odd])
        scores = Ensemble().fit(X).anomaly_score(X)
        auc = np.mean(scores[1500:, None] > scores[None, :1500])
        assert auc > 0.98


def test_ensemble_leaves_out_what_costs_too_much():
    X = np.random.default_rng(0).normal(size=(60, 301))
    assert Ensemble().fit(X).precision_.shape == (0, 0)
    assert Ensemble().fit(X[:, :300]).precision_.shape == (300, 300)


def test_ensemble_doubts_data_in_which_suspicious_rows_have_company():
    random = np.random.default_rng(0)
    normal = random.normal(size=(2000, 5))
    clump = 6 + 0.1 * random.normal(size=(200, 5))
    calm, dirty = Ensemble().fit(normal), Ensemble().fit(np.vstack([normal, clump]))
    assert dirty.doubt_ == 1.0
    assert calm.doubt_ < 0.5
    assert calm.loneliness_ > dirty.loneliness_
    assert dirty.anomaly_score(clump).min() > np.quantile(dirty.anomaly_score(normal), 0.999)


def test_ensemble_takes_a_word_that_the_data_are_clean():
    random = np.random.default_rng(0)
    corners = np.vstack([random.normal(size=(1000, 3)), 9 + 0.1 * random.normal(size=(200, 3))])
    told = Ensemble(clean=True).fit(corners)
    assert told.doubt_ == 0.0
    assert told.loneliness_ == 1.0
    assert "trusted" not in told.rows_
    usual = np.quantile(told.anomaly_score(corners), 0.95)
    assert np.median(told.anomaly_score(corners[1000:])) < usual
