"""Flags against labels: events, bursts, ranges, affiliation; and the door `judge`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from amiss.core.errors import DataError, ParameterError
from amiss.evaluate.affiliation import affiliation
from amiss.evaluate.events import at_operating_point
from amiss.evaluate.ranges import range_precision, range_recall
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.series import METRICS, judge, measure, point_adjusted_f1
from amiss.evaluate.truth import runs
from amiss.evaluate.vus import vus_pr, vus_roc

from . import naive

WEIGHTS = {
    "flat": lambda i, n: 1,
    "front": lambda i, n: n - i + 1,
    "back": lambda i, n: i,
    "middle": lambda i, n: i if i <= n / 2 else n - i + 1,
}


@st.composite
def flagged(draw, most=40):
    """Labels with an event, and flags."""
    n = draw(st.integers(1, most))
    kind = st.sampled_from([0, 0, 1])
    labels = draw(st.lists(kind, min_size=n, max_size=n).filter(any))
    return labels, draw(st.lists(kind, min_size=n, max_size=n))


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_those_seen_row_by_row(flags):
    first, last = runs(np.array(flags, dtype=bool))
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == naive.events(flags)


@given(flagged(), st.integers(0, 4))
def test_events_and_bursts_are_counted_out(pair, gap):
    labels, flags = pair
    at = at_operating_point(labels, flags, gap=gap)
    events = naive.events(labels)
    waits = [next(i - a for i in range(a, b + 1) if flags[i]) for a, b in events if any(flags[a : b + 1])]
    assert (at.n_events, at.n_found) == (len(events), len(waits))
    assert at.median_delay_rows == pytest.approx(np.median(waits) if waits else np.nan, nan_ok=True)
    bursts = []
    for row in np.flatnonzero(flags):
        if bursts and row - bursts[-1][-1] <= gap + 1:
            bursts[-1].append(row)
        else:
            bursts.append([row])
    false = [burst for burst in bursts if not any(labels[row] for row in burst)]
    assert (at.n_bursts, at.n_false_bursts) == (len(bursts), len(false))
    assert at.false_bursts_per_1000_rows == pytest.approx(1000 * len(false) / len(labels))
    assert at.f1 == pytest.approx(f1_score(labels, flags, zero_division=0.0))


@given(flagged(), st.sampled_from(sorted(WEIGHTS)), st.sampled_from([0.0, 0.2, 1.0]))
def test_ranges_are_those_of_the_paper(pair, bias, alpha):
    labels, flags = pair
    weight = WEIGHTS[bias]
    assert range_recall(labels, flags, alpha=alpha, bias=bias) == pytest.approx(
        naive.range_recall(labels, flags, alpha, weight)
    )
    mine = range_precision(labels, flags, bias=bias)
    if any(flags):
        assert mine == pytest.approx(naive.range_recall(flags, labels, 0.0, weight))
    else:
        assert np.isnan(mine)


@given(flagged(most=25))
def test_affiliation_is_what_sampling_gives(pair):
    labels, flags = pair
    mine, (precision, recall) = affiliation(labels, flags), naive.affiliation(labels, flags)
    assert mine.precision == pytest.approx(precision, abs=0.02, nan_ok=True)
    assert mine.recall == pytest.approx(recall, abs=0.02)


def test_affiliation_and_ranges_equal_the_reference():
    zones = pytest.importorskip(
        "TSB_AD.evaluation.affiliation.metrics", reason="TSB_AD is not installed: it needs numpy < 2"
    )
    random = np.random.default_rng(5)
    for _ in range(50):
        labels, flags = (np.repeat(random.random(30) < 0.3, 4).astype(int) for _ in range(2))
        spans = [[(a, b + 1) for a, b in naive.events(each)] for each in (flags, labels)]
        theirs, mine = zones.pr_from_events(*spans, (0, len(labels))), affiliation(labels, flags)
        assert mine.precision == pytest.approx(theirs["Affiliation_Precision"], abs=1e-9, nan_ok=True)
        assert mine.recall == pytest.approx(theirs["Affiliation_Recall"], abs=1e-9)


@pytest.mark.parametrize("position", [0, 40, 90])
def test_flags_as_labelled_are_perfect(position):
    labels = np.zeros(100, dtype=int)
    labels[position : position + 10] = 1
    judged = judge(labels, labels, flags=labels).decisions
    assert judged.affiliation.precision == judged.affiliation.recall == 1.0
    assert judged.range_precision == judged.range_recall == 1.0
    assert judged.point.f1 == judged.point.share_found == 1.0
    assert judged.point.false_alarm_rate == judged.point.median_delay_rows == 0.0


def test_nearer_flags_are_affiliated_better():
    labels = np.zeros(200, dtype=int)
    labels[100:110] = 1
    results = []
    for start in (110, 120, 140, 190):
        flags = np.zeros(200, dtype=int)
        flags[start : start + 5] = 1
        results.append(affiliation(labels, flags))
    assert np.all(np.diff([r.precision for r in results]) < 0)
    assert np.all(np.diff([r.recall for r in results]) < 0)


def test_random_flags_are_affiliated_by_half():
    random = np.random.default_rng(0)
    labels = np.zeros(2000, dtype=int)
    labels[1000:1003] = 1
    mean = np.mean([affiliation(labels, random.random(2000) < 0.01).precision for _ in range(300)])
    assert mean == pytest.approx(0.5, abs=0.03)


def test_time_gives_days_and_seconds():
    labels, flags = np.zeros(2880, dtype=int), np.zeros(2880, dtype=int)  # two days of minutes
    labels[1000:1100] = 1
    flags[[100, 101, 500, 1010, 2000, 2500]] = 1
    minutes = np.arange(2880)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    clocks = {
        "seconds": minutes * 60.0,
        "numpy": np.datetime64("2024-03-01") + minutes * np.timedelta64(1, "m"),
        "polars": pl.Series([start + timedelta(minutes=int(m)) for m in minutes]),
        "aware": [start + timedelta(minutes=int(m)) for m in minutes],
    }
    for time in clocks.values():
        at = at_operating_point(labels, flags, time=time)
        assert at.false_bursts_per_day == pytest.approx(2.0)
        assert at.median_delay_seconds == pytest.approx(600.0)
    alone = at_operating_point(labels, flags)
    assert alone.false_bursts_per_day is None
    assert alone.median_delay_seconds is None
    assert alone.median_delay_rows == 10


def test_a_burst_that_never_ends_is_told_by_the_rate():
    labels = np.zeros(100, dtype=int)
    labels[50] = 1
    at = at_operating_point(labels, np.ones(100))
    assert (at.n_bursts, at.n_false_bursts, at.false_alarm_rate) == (1, 0, 1.0)


def test_false_alarms_alone_can_be_judged():
    at = at_operating_point(np.zeros(1000), np.arange(1000) % 100 == 0)
    assert (at.n_events, at.n_false_bursts, at.false_bursts_per_1000_rows) == (0, 10, 10.0)
    assert np.isnan(at.share_found)
    assert np.isnan(at.recall)
    nothing = at_operating_point(np.zeros(5), np.zeros(5))
    assert np.isnan(nothing.precision)
    assert nothing.f1 == nothing.n_bursts == 0


@pytest.mark.parametrize(
    ("time", "says"),
    [
        ([1.0, 2.0], "differ in length"),
        ([1.0, 3.0, 2.0], "goes back"),
        ([1.0, float("nan"), 2.0], "missing in places"),
        ([1.0, 1.0, 1.0], "does not move"),
        (["a", "b", "c"], "dates or seconds"),
        (np.array(["2024-01-01", "NaT", "2024-01-02"], dtype="datetime64[s]"), "missing in places"),
        ([datetime(2024, 1, 1, tzinfo=UTC), None, None], "dates or seconds"),
    ],
)
def test_a_time_that_is_none_is_said(time, says):
    with pytest.raises(DataError, match=says):
        at_operating_point([0, 1, 0], [0, 1, 0], time=time)


@pytest.mark.parametrize("function", [affiliation, range_recall, range_precision, at_operating_point])
def test_flags_are_checked(function):
    with pytest.raises(DataError, match="flags and labels differ in length"):
        function([0, 1, 0], [0, 1])
    with pytest.raises(DataError, match="flags must be 0"):
        function([0, 1, 0], [0, 0.5, 1])


@pytest.mark.parametrize("function", [affiliation, range_recall])
def test_events_are_needed(function):
    with pytest.raises(DataError, match="no anomaly"):
        function([0, 0, 0], [0, 1, 0])


def test_the_door_tells_what_its_parts_tell():
    random = np.random.default_rng(0)
    labels = np.zeros(500, dtype=int)
    labels[200:220] = 1
    scores = random.normal(size=500) + 2 * labels
    judged = judge(labels, scores, threshold=2.0, window=30, gap=2)
    assert judged.vus_pr == vus_pr(labels, scores, 30)
    assert judged.vus_roc == vus_roc(labels, scores, 30)
    assert judged.auc_pr == auc_pr(labels, scores)
    assert judged.auc_roc == auc_roc(labels, scores)
    assert (judged.n_rows, judged.n_events, judged.anomaly_share, judged.window) == (500, 1, 0.04, 30)
    assert judged.decisions.point == at_operating_point(labels, scores >= 2.0, gap=2)
    assert judged == judge(labels, scores, flags=scores >= 2.0, window=30, gap=2)
    assert judge(labels, scores).decisions is None
    assert judge(pl.Series(labels), pl.Series(scores)) == judge(labels, scores)


def test_judging_changes_nothing():
    labels, scores = np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 3.0, 0.0])
    before = labels.copy(), scores.copy()
    judge(labels, scores, threshold=2, window=2)
    np.testing.assert_array_equal(labels, before[0])
    np.testing.assert_array_equal(scores, before[1])


@pytest.mark.parametrize("name", METRICS)
def test_measures_go_by_name(name):
    labels, scores = [0, 1, 1, 0, 0, 0], [1, 5, 2, 3, 0, 0]
    expected = METRICS[name](labels, scores, 2) if name.startswith("vus") else METRICS[name](labels, scores)
    assert measure(name, labels, scores, window=2) == expected
    assert measure(name.upper().replace("_", "-"), labels, scores, window=2) == expected


def test_unknown_measures_are_answered_with_the_known():
    with pytest.raises(ParameterError, match="vus_pr, auc_pr"):
        measure("accuracy", [0, 1], [0, 1])
    with pytest.raises(ParameterError, match="both a threshold and flags"):
        judge([0, 1, 0], [1, 2, 3], threshold=2, flags=[0, 1, 0])


@pytest.mark.parametrize("name", ["point_adjusted_f1", "PA-F1", "point adjusted f1", "f1_pa"])
def test_point_adjusted_f1_is_refused(name):
    with pytest.raises(ParameterError, match=r"point-wise F1 of \.36 reach 1\.0"):
        measure(name, [0, 1, 0], [0, 1, 0])
    with pytest.raises(ParameterError, match="point-adjusted F1 is not computed"):
        point_adjusted_f1([0, 1, 0], [0, 1, 0])


def test_the_reason_for_the_refusal_holds():
    """Two rows of nine flagged in each event and nothing else: point-wise F1 .36, point-adjusted 1.0."""
    labels = np.tile(np.repeat([0, 1], [31, 9]), 20)
    flags = np.tile(np.repeat([0, 1, 0], [31, 2, 7]), 20)
    adjusted = flags.copy()
    for first, last in naive.events(labels):
        if flags[first : last + 1].any():
            adjusted[first : last + 1] = 1
    assert f1_score(labels, adjusted) == 1.0
    assert at_operating_point(labels, flags).f1 == pytest.approx(0.36, abs=0.005)
