"""Splits part what may be parted, keep together what belongs together, and share out what is rare."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.core.errors import DataError, ParameterError
from amiss.evaluate.splits import forward_folds, official_split, repeated_rows, stratified_folds, together


@st.composite
def tables(draw):
    n = draw(st.integers(8, 60))
    labels = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    groups = np.array(draw(st.lists(st.integers(0, 3 * n), min_size=n, max_size=n)))
    X = np.array(draw(st.lists(st.integers(0, 3 * n), min_size=n, max_size=n)))[:, None]
    return labels, groups, X, draw(st.integers(2, 5)), draw(st.integers(0, 9))


@given(tables())
def test_stratified_folds_part_no_unit_and_forget_no_row(table):
    labels, groups, X, n_folds, seed = table
    units = together(len(labels), X=X, groups=groups)
    if len(np.unique(units)) < n_folds:
        return
    folds = stratified_folds(labels, n_folds=n_folds, X=X, groups=groups, seed=seed)
    assert len(folds) == n_folds
    assert sorted(np.concatenate([split.test for split in folds])) == list(range(len(labels)))
    for split in folds:
        assert sorted([*split.train, *split.test]) == list(range(len(labels)))
        assert not set(units[split.train]) & set(units[split.test])
        assert not set(groups[split.train]) & set(groups[split.test])
        assert not set(X[split.train, 0]) & set(X[split.test, 0])


@given(tables())
def test_every_fold_has_an_anomaly_where_possible(table):
    labels, groups, X, n_folds, seed = table
    units = together(len(labels), X=X, groups=groups)
    if len(np.unique(units)) < n_folds:
        return
    folds = stratified_folds(labels, n_folds=n_folds, X=X, groups=groups, seed=seed)
    lacking = [k for k, split in enumerate(folds, 1) if not labels[split.test].any()]
    possible = len(np.unique(units[labels])) >= n_folds
    assert not (possible and lacking)
    assert bool(lacking) == any("test rows" in note and "no anomaly" in note for note in folds.notes)


@given(tables())
def test_single_rows_are_shared_out_evenly(table):
    labels, _, _, n_folds, seed = table
    folds = stratified_folds(labels, n_folds=n_folds, seed=seed)
    for of in (labels, ~labels):
        counts = [of[split.test].sum() for split in folds]
        assert max(counts) - min(counts) <= 1
    sizes = [len(split.test) for split in folds]
    assert max(sizes) - min(sizes) <= 2


def test_rare_kinds_are_shared_out():
    kinds = np.array(["normal"] * 500 + ["flood"] * 50 + ["probe"] * 7 + ["worm"] * 3)
    labels = kinds != "normal"
    folds = stratified_folds(labels, kinds=kinds, n_folds=5, X=np.arange(560)[:, None])
    for kind in np.unique(kinds):
        counts = [(kinds[split.test] == kind).sum() for split in folds]
        assert max(counts) - min(counts) <= 1, kind


def test_large_groups_do_not_unbalance_the_folds():
    random = np.random.default_rng(0)
    groups = random.zipf(1.5, 20_000) % 5000
    labels = random.random(5000)[groups] < 0.1
    folds = stratified_folds(labels, groups=groups)
    largest = np.bincount(groups).max()
    shares = [labels[split.test].sum() for split in folds]
    assert max(len(split.test) for split in folds) <= max(20_000 / 5 * 1.1, largest * 1.1)
    assert max(shares) - min(shares) <= max(0.05 * labels.sum(), np.bincount(groups[labels]).max())


def test_the_seed_decides_and_the_order_is_ascending():
    labels = np.arange(100) < 10
    a, b, c = (stratified_folds(labels, seed=seed) for seed in (0, 0, 1))
    assert all((x.test == y.test).all() for x, y in zip(a, b, strict=True))
    assert any((x.test != y.test).any() for x, y in zip(a, c, strict=True))
    assert all((np.diff(split.test) > 0).all() and (np.diff(split.train) > 0).all() for split in a)


def test_identical_rows_are_found_and_near_ones_are_not():
    X = np.array([[0.0, 1], [-0.0, 1], [np.nan, 1], [np.nan, 1], [1e-300, 1], [1, 0], [0, 1 + 1e-16], [1, 0]])
    assert repeated_rows(X).tolist() == [0, 0, 1, 1, 2, 3, 0, 3]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=60))
def test_hashing_finds_what_comparing_finds(rows):
    found = repeated_rows(np.array(rows))
    seen = {}
    assert found.tolist() == [seen.setdefault(row, len(seen)) for row in rows]


def test_a_large_table_is_hashed_within_a_second():
    X = np.random.default_rng(0).normal(size=(100_000, 40))
    X[50_000:] = X[:50_000]
    start = time.process_time()
    found = repeated_rows(X)
    assert time.process_time() - start < 1
    assert (found[50_000:] == found[:50_000]).all()
    assert len(np.unique(found)) == 50_000


def test_a_large_table_of_repeated_rows_is_split_in_time():
    random = np.random.default_rng(0)
    start = time.process_time()
    folds = stratified_folds(random.random(100_000) < 0.05, groups=random.integers(0, 30_000, 100_000))
    assert time.process_time() - start < 3
    assert max(len(split.test) for split in folds) < 20_200


@given(tables(), st.floats(0, 3))
def test_forward_folds_never_learn_from_the_future(table, gap):
    labels, groups, X, n_folds, _ = table
    clock = X[:, 0]
    try:
        folds = forward_folds(labels, clock, n_folds=n_folds, gap_seconds=gap, groups=groups)
    except DataError:
        return
    for split in folds:
        assert clock[split.train].max() < clock[split.test].min() - gap
        assert not set(groups[split.train]) & set(groups[split.test])
    tests = [split.test for split in folds]
    assert all(clock[a].max() < clock[b].min() for a, b in zip(tests, tests[1:], strict=False))


def test_forward_folds_give_each_stretch_an_anomaly_where_rows_alone_would_not():
    labels = np.zeros(1000, bool)
    labels[[5, 100, 150, 200, 250, 300]] = True
    folds = forward_folds(labels, np.arange(1000), n_folds=3)
    assert all(labels[split.test].any() for split in folds)
    assert not folds.notes
    bare = forward_folds(np.arange(1000) < 3, np.arange(1000), n_folds=3)
    assert any("hold no anomaly" in note for note in bare.notes)


def test_forward_folds_take_rows_in_any_order():
    random = np.random.default_rng(0)
    clock = random.permutation(100)
    labels = random.random(100) < 0.2
    sizes = [len(split.test) for split in forward_folds(labels, clock, n_folds=4)]
    assert sizes == [20, 20, 20, 20]


def test_what_cannot_be_split_is_refused():
    with pytest.raises(DataError, match="5 folds need"):
        stratified_folds([0, 1, 0, 1])
    with pytest.raises(DataError, match="5 folds need"):
        stratified_folds([0, 1] * 20, X=np.zeros((40, 2)))
    with pytest.raises(ParameterError, match="n_folds"):
        stratified_folds([0, 1, 0, 1], n_folds=1)
    with pytest.raises(DataError, match="too few different moments"):
        forward_folds([0, 1, 0, 1], [0, 0, 1, 1], n_folds=3)
    with pytest.raises(DataError, match="no row to learn from"):
        forward_folds([0, 1, 0, 1], range(4), n_folds=2, gap_seconds=100)


def test_the_official_split_is_kept_and_told_apart():
    folds = official_split([0, 1, 0, 0], [1, 1, 0], X_train=[[1], [2], [3], [4]], X_test=[[1], [2], [9]])
    (split,) = folds
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1, 2, 3], [4, 5, 6])
    assert folds.notes == ("2 of 3 test rows (66.7%) are in the training file too, 1 of them with another label",)
    assert official_split([0, 0], [1, 0]).notes == ("the training rows of fold 1 of 1 hold no anomaly",)
