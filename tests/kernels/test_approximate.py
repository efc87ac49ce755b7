"""Approximate neighbours against the exact ones."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from amiss.core.errors import MissingExtraError
from amiss.core.extras import EXTRAS
from amiss.detectors import KNN
from amiss.kernels.approximate import NeighborGraph
from amiss.kernels.neighbors import Neighbors

needs_voyager = pytest.mark.skipif(
    importlib.util.find_spec("voyager") is None, reason="voyager is not installed: pip install 'amiss[approximate]'"
)


def clusters(n_rows, n_features, seed=0):
    random = np.random.default_rng(seed)
    centers = random.normal(0, 5, (20, n_features))
    return centers[random.integers(20, size=n_rows)] + random.normal(size=(n_rows, n_features))


def recall(found, true):
    return np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, true, strict=True)])


@needs_voyager
@pytest.mark.parametrize("make", [clusters, lambda n, d: np.random.default_rng(1).normal(size=(n, d))])
@pytest.mark.parametrize("skip_self", [True, False])
def test_nearly_all_neighbors_are_the_true_ones(make, skip_self):
    X = make(10_000, 20)
    queries = np.vstack([X[:200], make(200, 20) + 0.1])
    distance, index = NeighborGraph(X).nearest(queries, 10, skip_self=skip_self)
    true_distance, true = Neighbors(X).nearest(queries, 10, skip_self=skip_self)
    assert recall(index, true) >= 0.95
    assert (distance >= true_distance - 1e-9).all()
    np.testing.assert_allclose(distance, np.linalg.norm(X[index] - queries[:, None], axis=2))
    assert (np.diff(distance, axis=1) >= 0).all()


@needs_voyager
@pytest.mark.slow
def test_recall_among_many_rows():
    X = np.random.default_rng(0).normal(size=(100_000, 20))
    _, index = NeighborGraph(X).nearest(X[:500], 10, skip_self=True)
    assert recall(index, Neighbors(X).nearest(X[:500], 10, skip_self=True)[1]) >= 0.95


@needs_voyager
@pytest.mark.parametrize("factor", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_units_do_not_matter(factor, shift):
    X = clusters(500, 4) + shift
    _, index = NeighborGraph(X * factor).nearest(X[:50] * factor, 5, skip_self=True)
    _, true = Neighbors(X * factor).nearest(X[:50] * factor, 5, skip_self=True)
    assert recall(index, true) >= 0.95


@needs_voyager
def test_same_seed_same_neighbors_one_by_one_or_together():
    X = clusters(2000, 6)
    graph = NeighborGraph(X, random_state=3)
    whole = graph.nearest(X, 8, skip_self=True, n_jobs=2)
    again = NeighborGraph(X, random_state=3).nearest(X, 8, skip_self=True)
    alone = graph.nearest(X[17:18], 8, skip_self=True)
    for a, b, c in zip(whole, again, alone, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a[17:18], c)


@needs_voyager
def test_few_and_equal_rows():
    X = np.zeros((3, 2))
    distance, index = NeighborGraph(X).nearest(X, 2, skip_self=True)
    assert (distance == 0).all()
    assert ((index >= 0) & (index < 3)).all()


def test_absent_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "voyager", None)
    with pytest.raises(MissingExtraError, match=r"amiss\[approximate\]"):
        NeighborGraph(np.zeros((3, 2)))
    assert EXTRAS["approximate"] == "voyager"


@needs_voyager
def test_knn_by_the_graph_scores_as_the_exact_one_does():
    X = clusters(3000, 8)
    exact, graph = (KNN(algorithm=algorithm, sample_size=None).fit(X) for algorithm in ("exact", "approximate"))
    assert np.isclose(exact.anomaly_score(X), graph.anomaly_score(X)).mean() > 0.95
    again = KNN(algorithm="approximate").restore(graph.state())
    np.testing.assert_array_equal(again.anomaly_score(X[:50]), graph.anomaly_score(X[:50]))
