"""Tests against scipy, against examples worked by hand, and against the error rates that they promise."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from amiss.core.errors import DataError, ParameterError
from amiss.evaluate.data_sets import friedman, over_data_sets
from amiss.evaluate.draws import Figure
from amiss.evaluate.ranking import auc_roc
from amiss.evaluate.significance import compare_folds, compare_on_rows
from amiss.evaluate.verdict import verdict

RANDOM = np.random.default_rng(0)
NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("digits", [None, 1])
def test_friedman_is_that_of_scipy(digits):
    table = RANDOM.normal([0, 0.3, 0.6, 0], 1.0, (15, 4))
    table = table if digits is None else table.round(digits)
    expected = stats.friedmanchisquare(*table.T)
    assert friedman(table).statistic == pytest.approx(expected.statistic)
    assert friedman(table).p_value == pytest.approx(expected.pvalue)
    assert friedman(np.ones((3, 3))).p_value == 1.0


def test_mean_ranks_and_critical_difference_by_hand():
    """Four detectors on ten sets: q(.05, 4) = 2.569 in the published table, so CD = 2.569 · √(4 · 5 / 60)."""
    table = np.tile([0.9, 0.8, 0.7, 0.6], (10, 1))
    table[0] = [0.9, 0.9, 0.7, 0.6]
    found = over_data_sets(table, NAMES, method="nemenyi")
    assert found.mean_ranks.tolist() == pytest.approx([1.05, 1.95, 3, 4])
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(20 / 60), abs=1e-3)
    assert found.groups == (("a", "b"), ("b", "c"), ("c", "d"))


def test_nemenyi_s_p_values_and_difference_agree():
    table = RANDOM.normal([1, 0.8, 0, 0], 1.0, (12, 4))
    found = over_data_sets(table, NAMES, method="nemenyi", alpha=0.1)
    gap = np.abs(found.mean_ranks[:, None] - found.mean_ranks[None, :])
    assert ((found.p_values > 0.1) == (gap < found.critical_difference)).all()


def test_wilcoxon_holm_is_scipy_and_holm():
    table = RANDOM.normal([0.9, 0.5, 0], 1.0, (20, 3))
    found = over_data_sets(table, ["a", "b", "c"])
    columns = {name: table[:, j] for j, name in enumerate("abc")}
    plain = {(x, y): stats.wilcoxon(columns[x], columns[y]).pvalue for x, y in (("a", "b"), ("a", "c"), ("b", "c"))}
    ordered, highest = sorted(plain, key=plain.get), 0.0
    for k, pair in enumerate(ordered):
        highest = max(highest, (3 - k) * plain[pair])
        i, j = (found.names.index(name) for name in pair)
        assert found.p_values[i, j] == pytest.approx(min(highest, 1.0))


def test_detectors_that_are_the_same_are_not_told_apart():
    table = np.repeat(RANDOM.normal(size=(10, 1)), 3, axis=1)
    for method in ("wilcoxon_holm", "nemenyi"):
        found = over_data_sets(table, ["a", "b", "c"], method=method)
        assert found.groups == (("a", "b", "c"),)
        assert (found.p_values == 1).all()
        assert found.notes


def test_few_data_sets_are_said_to_be_few():
    found = over_data_sets([[0.9, 0.1, 0.2]] * 4, ["a", "b", "c"])
    assert any("too few" in note for note in found.notes)


def test_the_corrected_t_test_by_hand():
    difference, tested = compare_folds([3, 5, 4, 6], [1, 2, 3, 4], test_share=0.25)
    # differences 2, 3, 1, 2: mean 2, variance 2/3; (1/4 + 1/3) · 2/3
    assert difference.value == 2
    assert tested.statistic == pytest.approx(2 / np.sqrt((1 / 4 + 1 / 3) * 2 / 3))
    assert tested.p_value == pytest.approx(2 * stats.t.sf(tested.statistic, 3))
    assert difference.low == pytest.approx(2 - stats.t.ppf(0.975, 3) * 2 / tested.statistic)


def test_folds_without_spread():
    assert compare_folds([1, 1, 1], [1, 1, 1], test_share=0.3)[1].p_value == 1.0
    assert compare_folds([2, 2, 2], [1, 1, 1], test_share=0.3)[1].p_value == 0.0
    with pytest.raises(DataError, match="one fold"):
        compare_folds([1], [1], test_share=0.5)


@pytest.mark.parametrize("measure", ["f1", "mcc", "recall", "precision", "accuracy", "auc_roc", "auc_pr"])
def test_a_detector_does_not_differ_from_itself(measure):
    labels = np.arange(300) < 60
    scores = RANDOM.normal(size=300) + labels
    given = scores if measure.startswith("auc") else scores > 1
    difference, tested = compare_on_rows(labels, given, given, measure=measure)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0, 0, 0), abs=1e-9)
    assert tested.p_value == 1.0


def test_the_difference_of_areas_is_spread_as_by_plain_redrawing():
    random = np.random.default_rng(2)
    labels = np.arange(3000) < 200
    a = random.normal(size=3000) + 1.5 * labels
    b = a + random.normal(size=3000)
    difference, _ = compare_on_rows(labels, a, b, measure="auc_roc")
    assert difference.value == pytest.approx(auc_roc(labels, a) - auc_roc(labels, b))
    plain = []
    for _ in range(300):
        take = np.concatenate([random.integers(0, 200, 200), random.integers(200, 3000, 2800)])
        plain.append(auc_roc(labels[take], a[take]) - auc_roc(labels[take], b[take]))
    assert (difference.high - difference.low) / 3.92 == pytest.approx(np.std(plain), rel=0.2)


def test_a_hundred_thousand_rows_are_compared_in_time():
    labels = np.arange(100_000) < 5000
    a = RANDOM.normal(size=100_000) + 2 * labels
    start = time.process_time()
    assert compare_on_rows(labels, a, a + RANDOM.normal(size=100_000), measure="auc_pr")[1].p_value < 0.01
    assert time.process_time() - start < 10


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ParameterError, match="no measure"):
        compare_on_rows([0, 1], [0, 1], [0, 1], measure="luck")
    with pytest.raises(ParameterError, match="no method"):
        over_data_sets(np.ones((3, 3)), ["a", "b", "c"], method="luck")
    with pytest.raises(DataError, match="one class"):
        compare_on_rows([0, 0], [0, 1], [0, 1])
    with pytest.raises(DataError, match="each of two data sets"):
        over_data_sets([[0.5, np.nan], [0.5, 0.5]], ["a", "b"])
    with pytest.raises(DataError, match="names and columns"):
        over_data_sets(np.ones((3, 3)), ["a", "b"])


def test_verdicts():
    figures = {name: Figure(value, value - 0.02, value + 0.02) for name, value in
               {"gb": 0.93, "rf": 0.92, "et": 0.915, "nb": 0.7, "lr": float("nan")}.items()}  # fmt: skip
    said = verdict(figures, {"rf": 0.4, "et": 0.2, "nb": 1e-6})
    assert (said.best, said.alike, said.behind) == ("gb", ("rf", "et"), ("nb",))
    assert str(said) == (
        "gb is best: F1 .93 (.91–.95). rf (.92) and et (.915) cannot be told apart from it (p ≥ .4). "
        "It is .23 above nb (p < .001), the next that is behind."
    )
    clear = verdict({"gb": figures["gb"], "nb": figures["nb"]}, {"nb": 0.01}, measure="auc_pr")
    assert str(clear) == "gb is best: AUC-PR .93 (.91–.95), .23 above the next, nb (p = .01)."
    assert str(verdict({"gb": figures["gb"]}, {})) == "gb is alone: F1 .93 (.91–.95)."
    with pytest.raises(DataError, match="no p-value of rf"):
        verdict(figures, {})
    with pytest.raises(DataError, match="none is best"):
        verdict({"lr": figures["lr"]}, {})


@pytest.mark.slow
def test_equal_detectors_are_seldom_told_apart():
    """Over 400 tables of equal detectors: any two are told apart in at most 5 % of them."""
    random, told = np.random.default_rng(1), {"wilcoxon_holm": 0, "nemenyi": 0}
    for _ in range(400):
        table = random.normal(size=(15, 4))
        for method in told:
            told[method] += (over_data_sets(table, NAMES, method=method).p_values <= 0.05).any()
    assert max(told.values()) / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["f1", "auc_roc"])
def test_equal_rankings_are_seldom_told_apart_on_rows(measure):
    random, told = np.random.default_rng(1), 0
    labels = np.arange(600) < 60
    for seed in range(400):
        shared = random.normal(size=600) + 2 * labels
        a, b = (shared + random.normal(size=600) for _ in range(2))
        given = (a, b) if measure == "auc_roc" else (a > 1.5, b > 1.5)
        told += compare_on_rows(labels, *given, measure=measure, n_draws=400, seed=seed)[1].p_value <= 0.05
    assert told / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert told / 400 >= 0.01


@pytest.mark.slow
def test_folds_of_one_table_do_not_tell_equal_learners_apart():
    """Two learners that each see their own half of the columns, all alike: five folds, 300 tables.

    The plain t-test on the same folds errs more often than the corrected one.
    """
    random, corrected, plain = np.random.default_rng(3), 0, 0
    for _ in range(300):
        y = np.arange(150) % 2 == 0
        X = random.normal(size=(150, 10)) + 0.35 * y[:, None]
        fold, found = random.permutation(np.arange(150) % 5), np.zeros((2, 5))
        for k in range(5):
            for j, columns in enumerate((slice(0, 5), slice(5, 10))):
                Z = X[:, columns]
                means = [Z[(fold != k) & (y == label)].mean(axis=0) for label in (False, True)]
                score = Z[fold == k] @ (means[1] - means[0])
                found[j, k] = auc_roc(y[fold == k], score)
        corrected += compare_folds(*found, test_share=0.2)[1].p_value <= 0.05
        plain += stats.ttest_rel(*found).pvalue <= 0.05
    assert corrected / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert plain > corrected


def test_one_anomaly_is_no_proof():
    # Redrawing rows alone can never give the other detector a single find.
    labels = np.arange(1500) < 5
    a, b = np.zeros(1500, bool), np.zeros(1500, bool)
    a[0] = True
    a[5:80] = b[40:115] = True
    assert compare_on_rows(labels, a, b)[1].p_value > 0.1
    a[:5] = True
    assert 0.002 < compare_on_rows(labels, a, b)[1].p_value < 0.1
    many = np.arange(1500) < 100
    a[:100] = True
    assert compare_on_rows(many, a, b)[1].p_value < 0.005
