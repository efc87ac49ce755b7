"""Trees of any shape: the walk, the heap for the compiled loop, and arrays that are no trees."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from amiss.kernels import loops
from amiss.kernels.trees import Nodes, contribute, leaf_values, means_of_leaves, totals


def parts(height, seed):
    """A random tree of some height, now and then cut short, as a library would hand it over."""
    random = np.random.default_rng(seed)
    feature, threshold, left, right, depth = [0], [0.0], [-1], [-1], [0]
    node = 0
    while node < len(feature):
        feature[node], threshold[node] = int(random.integers(3)), float(random.normal())
        if depth[node] < height and (depth[node] < 2 or random.random() < 0.7):
            left[node], right[node] = len(feature), len(feature) + 1
            for new in (feature, threshold):
                new.extend([0, 0])
            left += [-1, -1]
            right += [-1, -1]
            depth += [depth[node] + 1] * 2
        node += 1
    child = np.stack([left, right], axis=1)
    value = means_of_leaves(child, random.normal(size=len(left)), np.ones(len(left)) * (child[:, 0] < 0))
    return {
        "feature": np.array(feature), "threshold": np.array(threshold), "child": child, "value": value[:, None],
        "missing_left": random.integers(0, 2, len(left)),
    }  # fmt: skip


def walked(x, tree):
    """The value of one row, as plainly as can be."""
    node = 0
    while tree["child"][node, 0] >= 0:
        value = x[tree["feature"][node]]
        left = tree["missing_left"][node] if np.isnan(value) else value <= tree["threshold"][node]
        node = tree["child"][node, 0 if left else 1]
    return tree["value"][node, 0]


@pytest.fixture(params=[0, 1, 6, 14])
def grove(request):
    trees = [parts(request.param, seed) for seed in range(5)]
    return trees, Nodes.joined(trees)


def rows(trees):
    X = np.random.default_rng(0).normal(size=(300, 3))
    # Values at a threshold exactly, missing ones, and immense ones.
    X[:60, 0] = np.resize(trees[0]["threshold"], 60)
    X[50:90, 1] = np.nan
    X[90:100] = 1e308
    return X


def test_both_roads_are_the_plain_walk(grove):
    trees, nodes = grove
    X = rows(trees)
    plain = np.array([sum(walked(x, tree) for tree in trees) for x in X])
    np.testing.assert_allclose(leaf_values(X, nodes).sum(axis=1)[:, 0], plain, rtol=1e-12)
    np.testing.assert_allclose(totals(X, nodes)[:, 0], plain, rtol=1e-9, atol=1e-12)
    assert (nodes.heap is not None) == (loops.compiled() and nodes.height <= 12)


def test_contributions_sum_to_the_change_from_the_roots(grove):
    trees, nodes = grove
    X = rows(trees)
    change = totals(X, nodes)[:, 0] - nodes.value[nodes.root, 0].sum()
    np.testing.assert_allclose(contribute(X, nodes).sum(axis=1), change, rtol=1e-9, atol=1e-9)


def test_inner_values_are_means_of_the_leaves_below():
    tree = parts(6, 1)
    child, value = tree["child"], tree["value"][:, 0]

    def leaves(node):
        return [value[node]] if child[node, 0] < 0 else leaves(child[node, 0]) + leaves(child[node, 1])

    for node in np.flatnonzero(child[:, 0] >= 0):
        assert min(leaves(node)) <= value[node] <= max(leaves(node))


def test_arrays_and_pickle_restore(grove):
    trees, nodes = grove
    X = rows(trees)
    assert np.array_equal(totals(X, Nodes.of(nodes.arrays(), 3)), totals(X, nodes))
    assert np.array_equal(totals(X, pickle.loads(pickle.dumps(nodes))), totals(X, nodes))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("child", lambda a: np.where(a > 0, 0, a)),
        ("child", lambda a: a + 1000),
        ("root", lambda a: a + 1000),
        ("feature", lambda a: a[:-1]),
        ("feature", lambda a: a + 1),
        ("value", lambda a: a[:, 0]),
    ],
)
def test_arrays_that_are_no_trees_are_refused(name, change):
    arrays = Nodes.joined([parts(6, seed) for seed in range(3)]).arrays()
    with pytest.raises(ValueError, match=r"do not fit together|out of itself"):
        Nodes.of({**arrays, name: change(arrays[name])}, 3)
