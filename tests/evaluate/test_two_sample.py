"""Statistics of two samples against SciPy, against plain counting, and at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from amiss.evaluate import two_sample as ts

R = np.random.default_rng(0)


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (7, 5), (10, 10), (60, 400), (3000, 500)])
@pytest.mark.parametrize("digits", [None, 1, 0])
def test_gaps_are_those_of_scipy(n_a, n_b, digits):
    a, b = R.normal(size=n_a), R.normal(0.3, 2, size=n_b)
    if digits is not None:
        a, b = a.round(digits), b.round(digits)
    gap, area = ts.gaps(a, b)
    assert gap == pytest.approx(stats.ks_2samp(a, b, method="exact").statistic, abs=1e-12)
    assert area == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)


@pytest.mark.parametrize(("n_a", "n_b"), [(5, 4), (10, 10), (30, 200), (100, 9000)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_small_samples_are_counted_out(n_a, n_b, shift):
    a, b = R.normal(size=n_a), R.normal(shift, 1, size=n_b)
    mine = ts.kolmogorov_smirnov(ts.gaps(a, b)[0], n_a, n_b).p_value
    assert mine == pytest.approx(stats.ks_2samp(a, b, method="exact").pvalue, rel=1e-6, abs=1e-9)


def test_large_samples_follow_the_limit():
    a, b = R.normal(size=5000), R.normal(0.04, 1, size=3000)
    mine = ts.kolmogorov_smirnov(ts.gaps(a, b)[0], 5000, 3000).p_value
    assert mine == pytest.approx(stats.ks_2samp(a, b, method="exact").pvalue, rel=0.05)


def test_chi_square_is_that_of_scipy():
    table = np.array([[50.0, 30.0, 20.0, 9.0], [40.0, 45.0, 33.0, 12.0]])
    theirs = stats.chi2_contingency(table, correction=False)
    mine = ts.chi_square(*table)
    assert mine.statistic == pytest.approx(theirs.statistic)
    assert mine.p_value == pytest.approx(theirs.pvalue)


def test_rare_kinds_are_pooled():
    table = np.array([[500.0, 400.0, *[1.0] * 40], [500.0, 400.0, *[0.0] * 40]])
    pooled = ts.pooled(table)
    assert pooled.shape == (2, 3)
    np.testing.assert_array_equal(pooled.sum(axis=1), table.sum(axis=1))
    few = ts.pooled(np.array([[500.0, 1.0], [500.0, 0.0]]))
    assert few.shape == (2, 1)
    assert ts.chi_square(np.array([5.0]), np.array([7.0])) is None


@pytest.mark.parametrize("table", [(3, 10, 9, 11), (0, 9, 9, 9), (1, 200, 5, 100), (0, 30, 0, 20)])
def test_few_missing_values_are_tested_exactly(table):
    k_a, n_a, k_b, n_b = table
    theirs = stats.fisher_exact([[k_a, n_a - k_a], [k_b, n_b - k_b]]).pvalue
    assert ts.proportions(*table).p_value == pytest.approx(theirs)
    assert ts.proportions(*table).statistic == pytest.approx(k_b / n_b - k_a / n_a)


def test_many_missing_values_are_tested_by_pearson():
    theirs = stats.chi2_contingency([[300, 700], [260, 740]], correction=False).pvalue
    assert ts.proportions(300, 1000, 260, 1000).p_value == pytest.approx(theirs)


def test_holm_against_the_definition():
    for _ in range(50):
        p = R.random(R.integers(1, 12)) ** 3
        order = np.argsort(p)
        naive = np.empty(len(p))
        for place, which in enumerate(order):
            naive[which] = min(max((len(p) - k) * p[order[k]] for k in range(place + 1)), 1.0)
        np.testing.assert_allclose(ts.holm(p), naive)


def test_stability_index_of_a_moved_normal_column_is_the_square_of_the_move():
    random = np.random.default_rng(1)
    a, b = random.normal(size=400_000), random.normal(0.3, 1, size=400_000)
    ends = ts.ends_of_bins(a)
    assert len(ends) == 9
    assert ts.population_stability(ts.in_bins(a, ends), ts.in_bins(b, ends)) == pytest.approx(0.09, rel=0.05)


@pytest.mark.parametrize("moved", [4.0, 6.0, np.nextafter(5.0, 6.0)])
def test_bins_of_tied_values(moved):
    a = np.full(100, 5.0)
    ends = ts.ends_of_bins(a)
    assert ts.population_stability(ts.in_bins(a, ends), ts.in_bins(np.full(100, moved), ends)) > 5
    assert ts.population_stability(ts.in_bins(a, ends), ts.in_bins(np.full(100, 5.0), ends)) == 0
    mostly = np.repeat([0.0, 1.0, 2.0], [85, 10, 5])
    ends = ts.ends_of_bins(mostly)
    counts = ts.in_bins(mostly, ends)
    assert sorted(counts[counts > 0]) == [5, 10, 85]


def test_cohen_h():
    assert ts.cohen_h(0.5, 0.5) == 0
    assert ts.cohen_h(0.0, 1.0) == pytest.approx(np.pi)
    assert ts.cohen_h(0.0, 0.01) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_effective_rows_of_a_series_with_memory(memory):
    n, x = 40_000, np.zeros(40_000)
    noise = R.normal(size=n)
    for i in range(1, n):
        x[i] = memory * x[i - 1] + noise[i]
    assert ts.effective_rows(x) == pytest.approx(n * (1 - memory) / (1 + memory), rel=0.2)


def test_effective_rows_at_the_edges():
    assert ts.effective_rows(np.arange(1000.0)) < 10
    assert ts.effective_rows(np.tile([1.0, -1.0], 50)) == 100
    assert ts.effective_rows(np.full(50, 7.0)) == 50
    assert ts.effective_rows(np.empty(0)) == 1
