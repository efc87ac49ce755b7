"""VUS and range-AUC against their definition, against the reference where it is, and by their laws."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.core.errors import DataError, ParameterError
from amiss.evaluate.vus import range_auc_pr, range_auc_roc, volume, vus_pr, vus_roc, vus_window

from . import naive


@st.composite
def judged(draw, most=60):
    """Labels of both kinds, and scores with and without ties."""
    n = draw(st.integers(2, most))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda x: 0 < sum(x) < len(x)))
    levels = draw(st.sampled_from([2, 5, 1000]))
    scores = draw(st.lists(st.integers(-levels, levels), min_size=n, max_size=n))
    return np.array(labels), np.array(scores, dtype=float)


def bursts(seed, n_rows=400, n_events=4, length=12):
    """Labels in events, and noise that is higher there."""
    random = np.random.default_rng(seed)
    labels = np.zeros(n_rows, dtype=int)
    for start in random.integers(0, n_rows - length, n_events):
        labels[start : start + random.integers(1, length)] = 1
    return labels, random.normal(size=n_rows) + labels


@given(judged(), st.integers(0, 30), st.sampled_from([2, 7, 40]))
def test_areas_are_those_of_the_definition(pair, window, n_thresholds):
    labels, scores = pair
    pr, roc = naive.vus(labels, scores, window, n_thresholds)
    mine = volume(labels, scores, window, n_thresholds=n_thresholds)
    assert mine.vus_pr == pytest.approx(pr, abs=1e-12)
    assert mine.vus_roc == pytest.approx(roc, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("window", [0, 1, 9, 40])
def test_with_all_thresholds_of_the_reference(seed, window):
    labels, scores = bursts(seed)
    pr, roc = naive.range_auc(labels, scores, window)
    assert range_auc_pr(labels, scores, window) == pytest.approx(pr, abs=1e-12)
    assert range_auc_roc(labels, scores, window) == pytest.approx(roc, abs=1e-12)
    surface = volume(labels, scores, window)
    assert surface.range_auc_pr[window] == pytest.approx(pr, abs=1e-12)
    assert surface.range_auc_pr.shape == surface.range_auc_roc.shape == (window + 1,)


def test_equals_the_reference():
    """TSB_AD needs numpy < 2; benchmarks/peers/vus.py compares with it in an environment of its own."""
    reference = pytest.importorskip(
        "TSB_AD.evaluation.basic_metrics", reason="TSB_AD is not installed: it needs numpy < 2"
    )
    for seed in range(10):
        labels, scores = bursts(seed, n_rows=600)
        *_, roc, pr = reference.generate_curve(labels, scores, 50, "opt", 250)
        assert vus_pr(labels, scores, 50) == pytest.approx(pr, abs=1e-6)
        assert vus_roc(labels, scores, 50) == pytest.approx(roc, abs=1e-6)


@given(judged(), st.integers(0, 20))
def test_only_the_order_of_scores_counts(pair, window):
    labels, scores = pair
    assert vus_pr(labels, np.exp(scores / 300) * 7 - 3, window) == pytest.approx(vus_pr(labels, scores, window))


@given(judged(), st.integers(0, 20))
def test_time_may_run_backwards(pair, window):
    labels, scores = pair
    forth, back = volume(labels, scores, window), volume(labels[::-1], scores[::-1], window)
    assert forth.vus_pr == pytest.approx(back.vus_pr)
    assert forth.vus_roc == pytest.approx(back.vus_roc)


@given(judged(), st.integers(0, 20))
def test_the_best_and_the_worst(pair, window):
    labels, _ = pair
    assert vus_pr(labels, labels, window) <= 1 + 1e-12
    assert 0 <= vus_pr(labels, -labels, window) <= vus_pr(labels, labels, window) + 1e-12


def test_perfect_scores_are_perfect_without_a_window():
    labels, _ = bursts(0)
    assert vus_pr(labels, labels, 0) == pytest.approx(1.0)
    assert range_auc_roc(labels, labels, 0) == pytest.approx(1.0)


def test_a_near_miss_is_worth_more_with_a_window():
    labels = np.zeros(300, dtype=int)
    labels[100:110] = 1
    near, far = np.zeros(300), np.zeros(300)
    near[111:121] = 1
    far[200:210] = 1
    assert vus_pr(labels, near, 40) > vus_pr(labels, far, 40) + 0.1
    assert vus_pr(labels, near, 0) == pytest.approx(vus_pr(labels, far, 0))


@pytest.mark.parametrize("start", [0, 290])
def test_events_at_the_ends(start):
    labels = np.zeros(300, dtype=int)
    labels[start : start + 10] = 1
    scores = np.random.default_rng(start).normal(size=300)
    assert vus_pr(labels, scores, 12) == pytest.approx(naive.vus(labels, scores, 12)[0], abs=1e-12)


def test_infinite_scores_have_a_rank():
    labels, scores = bursts(1)
    scores[[3, 200]] = np.inf
    scores[7] = -np.inf
    capped = np.clip(scores, -1e6, 1e6)
    assert vus_pr(labels, scores, 20) == pytest.approx(vus_pr(labels, capped, 20))


def test_constant_scores():
    labels, scores = bursts(2)
    assert vus_pr(labels, np.zeros_like(scores), 10) == pytest.approx(naive.vus(labels, [0.0] * 400, 10)[0])


@pytest.mark.parametrize(
    ("labels", "scores", "says"),
    [
        ([0, 0, 0], [1, 2, 3], "no anomaly: VUS and range-AUC are undefined"),
        ([1, 1, 1], [1, 2, 3], "no normal row: VUS and range-AUC are undefined"),
        ([0, 1, 2], [1, 2, 3], "0 .normal. or 1 .anomaly., here is .*2"),
        ([0, 1, float("nan")], [1, 2, 3], "here is .*nan"),
        (["no", "yes", "no"], [1, 2, 3], "must be numbers"),
        ([0, 1, 0], [1, float("nan"), 3], "NaN: such a row has no rank"),
        ([0, 1, 0], [1, 2], "differ in length"),
        ([[0], [1]], [1, 2], "2 axes"),
        ([], [], "empty"),
    ],
)
def test_what_cannot_be_judged_is_said(labels, scores, says):
    with pytest.raises(DataError, match=says):
        vus_pr(labels, scores, 2)


@pytest.mark.parametrize("window", [-1, 2.5, "wide", None, True])
def test_a_window_is_a_whole_number(window):
    with pytest.raises(ParameterError, match="window"):
        vus_pr([0, 1, 0], [1, 2, 3], window)


@pytest.mark.parametrize("period", [12, 48, 288])
def test_the_window_is_the_period(period):
    random = np.random.default_rng(period)
    values = np.sin(np.arange(4000) * 2 * np.pi / period) + 0.1 * random.normal(size=4000)
    assert vus_window(values) == pytest.approx(period, abs=1)
    assert vus_window(np.column_stack([values, random.normal(size=4000)])) == vus_window(values)


@pytest.mark.parametrize("values", [np.full(500, 0.1), np.arange(400.0), [1.0, 2.0], []])
def test_without_a_period_the_window_is_125(values):
    assert vus_window(values) == 125


def test_no_window_of_gaps():
    with pytest.raises(DataError, match="NaN"):
        vus_window([1.0, float("nan"), 2.0])


def test_the_window_is_that_of_the_reference(shared_data):
    reference = pytest.importorskip("TSB_AD.utils.slidingWindows", reason="TSB_AD is not installed: it needs numpy < 2")
    for path in sorted((shared_data / "timeseries" / "univariate").glob("*.csv.gz")):
        with gzip.open(path, "rt") as lines:
            column = next(lines).rstrip().split(",").index("value")
            values = np.array([float(line.split(",")[column]) for line in lines])
        assert vus_window(values) == reference.find_length_rank(values)
