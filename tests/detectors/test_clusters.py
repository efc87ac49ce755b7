"""Detectors by clusters and surfaces against plain twins, scikit-learn and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN as ReferenceHDBSCAN
from sklearn.svm import OneClassSVM as ReferenceSVM

from amiss.detectors import CBLOF, COF, HDBSCAN, OneClassSVM

# A row's distance to the nearest large cluster ------------------------------------------------------------------


@pytest.fixture
def X():
    random = np.random.default_rng(3)
    return random.normal(size=(300, 4)) @ random.normal(size=(4, 4))


def clumps(*sizes, seed=0):
    """Round clumps far from one another, one for each size."""
    random = np.random.default_rng(seed)
    return np.vstack([random.normal((40 * k, 0), 1, size=(n, 2)) for k, n in enumerate(sizes)])


def test_cblof_measures_to_the_large_clusters_only():
    X = clumps(500, 450, 50)
    detector = CBLOF(n_clusters=3, alpha=0.9).fit(X)
    assert detector.n_large_ == 2
    np.testing.assert_allclose(detector.sizes_, [0.5, 0.45, 0.05])
    centers = np.array([X[:500].mean(axis=0), X[500:950].mean(axis=0)])
    expected = np.min(np.linalg.norm(X[:, None, :] - centers, axis=2), axis=1)
    np.testing.assert_allclose(detector.anomaly_score(X), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "alpha", "beta", "n_large"),
    [
        ((500, 450, 50), 0.9, 1e9, 2),
        ((500, 450, 50), 0.96, 1e9, 3),
        ((800, 100, 100), 0.95, 5, 1),  # the second is eight times smaller
        ((400, 40, 360, 200), 1, 1e9, 4),
        ((60, 10, 10, 10, 10), 0.9, 5, 1),
    ],
)
def test_cblof_draws_the_line_by_alpha_and_beta(sizes, alpha, beta, n_large):
    detector = CBLOF(n_clusters=len(sizes), alpha=alpha, beta=beta).fit(clumps(*sizes))
    assert len(detector.sizes_) == len(sizes)
    assert detector.n_large_ == n_large


def test_cblof_weighted_is_the_distance_times_the_share_of_the_own_cluster():
    X = clumps(500, 450, 50)
    plain = CBLOF(n_clusters=3).fit(X).anomaly_score(X)
    weighted = CBLOF(n_clusters=3, weight="size").fit(X)
    share = np.repeat([0.5, 0.45, 0.05], [500, 450, 50])
    np.testing.assert_allclose(weighted.anomaly_score(X), plain * share)
    np.testing.assert_allclose(weighted.contributions(X).sum(axis=1), plain * share)


# Chains of neighbours ---------------------------------------------------------------------------------------------


def chain_by_hand(p, neighbors):
    """Average chaining distance, step by step as the paper defines it."""
    taken, left, total = [p], [tuple(q) for q in neighbors], 0.0
    r = len(neighbors) + 1
    for i in range(1, r):
        steps = [(min(np.linalg.norm(np.subtract(q, t)) for t in taken), n) for n, q in enumerate(left)]
        length, n = min(steps)
        taken.append(left.pop(n))
        total += 2 * (r - i) / (r * (r - 1)) * length
    return total


def test_cof_follows_the_paper(X):
    X, k = X[:80], 6
    distance = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    neighbors = np.argsort(distance, axis=1)[:, :k]
    chaining = np.array([chain_by_hand(tuple(X[i]), X[neighbors[i]]) for i in range(len(X))])
    expected = chaining / chaining[neighbors].mean(axis=1)
    np.testing.assert_allclose(COF(n_neighbors=k).fit(X).anomaly_score(X), expected, rtol=1e-6)


def test_cof_sees_a_row_beside_a_line_before_lof_does():
    random = np.random.default_rng(0)
    line = np.column_stack([np.linspace(0, 1, 400), np.zeros(400)]) + random.normal(0, 1e-4, (400, 2))
    scores = COF(n_neighbors=10).fit(line).anomaly_score(np.vstack([line, [[0.5, 0.02]]]))
    assert scores[-1] > 1.5 * np.quantile(scores[:-1], 0.99)


@pytest.mark.parametrize("kind", [COF, HDBSCAN])
def test_piles_of_equal_rows_give_finite_scores_that_rank(kind):
    random = np.random.default_rng(0)
    X = np.vstack([np.zeros((100, 2)), random.normal(size=(200, 2)), [[9.0, 9.0]]])
    scores = kind().fit(X).anomaly_score(X)
    assert np.isfinite(scores).all()
    assert scores[300] > np.quantile(scores[100:300], 0.9)
    assert scores[:100].max() <= np.median(scores[100:])


# The hierarchy of clusters ----------------------------------------------------------------------------------------


def outlier_scores_by_hand(X, min_cluster_size):
    """GLOSH from the levels of scikit-learn's single-linkage tree: at each level, what still hangs together."""
    tree = ReferenceHDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit(X)._single_linkage_tree_
    n, rows, merges = len(X), {i: {i} for i in range(len(X))}, {}
    for k, (a, b, level, _) in enumerate(tree.tolist()):
        rows[n + k], merges[n + k] = rows[a] | rows[b], (a, b, level)
    scores = np.zeros(n)

    def pieces(node, level):
        """The nodes into which a node falls once no merge at this level holds."""
        if node < n or merges[node][2] < level * (1 - 1e-9):
            return [node]
        return pieces(merges[node][0], level) + pieces(merges[node][1], level)

    def descend(node):
        """Least level inside the cluster that begins at this node; scores its rows on the way back."""
        leaving, peak = [], np.inf
        while True:
            level = merges[node][2]
            peak = min(peak, level)
            parts = pieces(node, level)
            large = [part for part in parts if len(rows[part]) >= min_cluster_size]
            leaving += [(row, level) for part in parts if part not in large for row in rows[part]]
            if len(large) != 1:
                break
            node = large[0]
        peak = min([peak, *(descend(part) for part in large)])
        for row, level in leaving:
            scores[row] = 1 - peak / level
        return peak

    descend(2 * n - 2)
    return scores


@pytest.mark.parametrize("min_cluster_size", [4, 10, 25])
def test_hdbscan_gives_the_outlier_scores_of_the_paper(min_cluster_size):
    random = np.random.default_rng(1)
    X = np.vstack([random.normal(size=(150, 2)), random.normal(6, 0.3, (100, 2)), random.uniform(-5, 10, (25, 2))])
    expected = outlier_scores_by_hand(X, min_cluster_size)
    found = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=None).fit(X).anomaly_score(X)
    # Every row: the neighbour that it reaches first is among those looked at.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_hdbscan_judges_each_row_by_its_own_cluster():
    random = np.random.default_rng(2)
    dense, loose = random.normal(0, 0.1, (300, 2)), random.normal(20, 2, (300, 2))
    detector = HDBSCAN().fit(np.vstack([dense, loose]))
    beside_dense, inside_loose = detector.anomaly_score([[0.8, 0.8], [20.0, 20.8]])
    assert beside_dense > 0.7 > inside_loose


def test_hdbscan_takes_a_clump_of_anomalies_for_what_its_size_says():
    random = np.random.default_rng(0)
    X = np.vstack([random.normal(size=(500, 2)), random.normal(9, 0.05, (8, 2))])
    few, enough = (HDBSCAN(min_cluster_size=size, min_samples=5).fit(X) for size in (10, 5))
    assert few.anomaly_score(X)[500:].min() > 0.9
    assert enough.anomaly_score(X)[500:].max() < 0.9


# The machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nu", [0.05, 0.5, 0.999])
def test_one_class_svm_equals_the_reference(X, nu):
    detector = OneClassSVM(nu=nu, gamma=0.2).fit(X)
    reference = ReferenceSVM(nu=nu, gamma=0.2).fit(X)
    expected = -reference.decision_function(X) / reference.dual_coef_.sum()
    np.testing.assert_allclose(detector.anomaly_score(X), expected, atol=1e-4)
    assert (detector.anomaly_score(X) > 1e-3).mean() <= nu


def test_random_features_rank_as_the_exact_machine_does():
    def rank(scores):
        return np.argsort(np.argsort(scores))

    random = np.random.default_rng(0)
    X = random.normal(size=(2001, 3))
    exact, approximate = OneClassSVM().fit(X[:2000]), OneClassSVM(n_components=1024).fit(X)
    assert len(exact.support_)
    assert not len(approximate.support_)
    assert np.corrcoef(rank(exact.anomaly_score(X)), rank(approximate.anomaly_score(X)))[0, 1] > 0.95


def test_random_features_make_the_kernel():
    X = np.random.default_rng(0).normal(size=(2500, 3))
    detector = OneClassSVM(n_components=20_000, sample_size=None, gamma=0.3).fit(X)
    few = X[:30]
    features = detector._features(few)
    square = ((few[:, None] - few[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(features @ features.T, np.exp(-0.3 * square), atol=0.05)


def test_one_class_svm_takes_its_width_from_the_median_distance():
    X = np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 4.0]])
    assert OneClassSVM().fit(X).gamma_ == pytest.approx(1 / (2 * 4))
    assert OneClassSVM(gamma=3).fit(X).gamma_ == 3
