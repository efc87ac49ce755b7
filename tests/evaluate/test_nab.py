"""NAB's rule against its published figures, against the rule row by row, and by its laws."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.core.errors import DataError, ParameterError
from amiss.evaluate.nab import NAB_PROFILES, NabProfile, nab, probation
from amiss.evaluate.truth import runs

from . import naive

EVEN = {"even": NabProfile(found=1.0, false=1.0, missed=1.0)}


def windows(n_rows, *limits):
    labels = np.zeros(n_rows, dtype=int)
    for first, last in limits:
        labels[first : last + 1] = 1
    return labels


def flagged(n_rows, *rows):
    scores = np.zeros(n_rows)
    scores[list(rows)] = 1.0
    return scores


def raw(labels, scores, profiles=EVEN, **options):
    return nab([(labels, scores)], threshold=0.5, n_probation=[0], profiles=profiles, **options)


def test_the_profiles_of_the_paper():
    assert NAB_PROFILES["standard"] == NabProfile(found=1.0, false=0.11, missed=1.0)
    assert NAB_PROFILES["reward_low_fp_rate"] == NabProfile(found=1.0, false=0.22, missed=1.0)
    assert NAB_PROFILES["reward_low_fn_rate"] == NabProfile(found=1.0, false=0.11, missed=2.0)


@pytest.mark.parametrize(("n_rows", "rows"), [(100, 15), (4032, 604), (5000, 750), (22695, 750)])
def test_probation_is_15_percent_at_most_750(n_rows, rows):
    assert probation(n_rows) == rows


def test_the_documented_example_of_all_kinds():
    """NAB's own test: a window found at its start, flagged twice; a false row 3 rows behind; a window missed."""
    labels = windows(100, (30, 34), (70, 74))
    result = raw(labels, flagged(100, 30, 31, 37))["even"]
    assert result.raw == pytest.approx(-0.9540, abs=5e-5)
    assert (result.n_found, result.n_windows, result.n_false) == (1, 2, 1)


@pytest.mark.parametrize(
    ("position", "worth"),
    [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661)],
)
def test_the_documented_points_of_the_sigmoid(position, worth):
    """A window of 1,000 rows that ends at row 1,499; the worth of the head of a window is set to 1 by the rule."""
    labels = windows(4000, (500, 1499))
    row = round(1500 + 1000 * position) if position < 0 else round(1499 + 999 * position)
    result = raw(labels, flagged(4000, row))["even"]
    if position < 0:
        assert result.raw * 0.98661 == pytest.approx(worth, abs=1e-5)
    elif position > 0:
        assert result.raw + 1 == pytest.approx(worth, abs=1e-5)
    else:  # the last row, a thousandth of the window before the zero
        assert result.raw == pytest.approx(worth, abs=3e-3)


def test_the_last_row_of_a_window_and_the_next_cancel():
    labels = windows(1000, (450, 549))
    last = raw(labels, flagged(1000, 549))["even"].raw
    behind = raw(labels, flagged(1000, 550))["even"].raw
    assert last + behind + 1 == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("series", "published"),
    [("speed_6005", 0.8393187159363497), ("art_daily_jumpsup", 0.8589086704377245)],
)
def test_a_published_score_is_met_by_one_row_of_its_window(shared_data, series, published):
    """ARTime flags a single row of these files and has these published scores: some row must give each exactly."""
    labels = read(shared_data, series)
    first, last = (int(rows[0]) for rows in runs(labels == 1))
    scores = [
        nab([(labels, flagged(len(labels), row))], threshold=0.5)["standard"].raw for row in range(first, last + 1)
    ]
    assert np.abs(np.array(scores) - published).min() < 1e-12


def test_published_scores_of_two_profiles_fit_together(shared_data):
    """ARTime on this file: one row of the window, one false row behind it; both profiles from the same two rows."""
    labels = read(shared_data, "art_daily_flatmiddle")
    both = nab([(labels, flagged(len(labels), 2884, 3159))], threshold=0.5)
    assert both["standard"].raw == pytest.approx(0.8039739326751801, abs=1e-12)
    assert both["reward_low_fp_rate"].raw == pytest.approx(0.7544410985057226, abs=1e-12)


def read(shared_data, series):
    (path,) = (shared_data / "timeseries" / "univariate").glob(f"NAB_*__{series}.csv.gz")
    with gzip.open(path, "rt") as lines:
        return np.array([int(row["label"]) for row in csv.DictReader(lines)])


def test_nothing_and_perfection_are_0_and_100():
    labels = windows(1000, (300, 350), (700, 760))
    perfect = nab([(labels, flagged(1000, 300, 700))])
    nothing = nab([(labels, np.zeros(1000))], threshold=1.0)
    for name in NAB_PROFILES:
        assert perfect[name].score == pytest.approx(100.0)
        assert nothing[name].score == pytest.approx(0.0)


@st.composite
def series(draw):
    n = draw(st.integers(2, 50))
    labels = draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=n, max_size=n))
    scores = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    return labels, scores, draw(st.integers(0, n // 3))


@given(st.lists(series(), min_size=1, max_size=4), st.sampled_from(sorted(NAB_PROFILES)))
def test_the_best_threshold_is_the_best_of_all(many, name):
    seen = [k for k, (labels, _, start) in enumerate(many) if any(labels[start:])]
    if not seen:
        with pytest.raises(DataError, match="nothing to find"):
            nab([(labels, scores) for labels, scores, _ in many], n_probation=[start for *_, start in many])
        return
    profile = NAB_PROFILES[name]

    def total(threshold):
        return sum(
            naive.nab_raw(labels, [s >= threshold for s in scores], start, profile.found, profile.false, profile.missed)
            for labels, scores, start in many
        )

    pairs, heads = [(labels, scores) for labels, scores, _ in many], [start for *_, start in many]
    mine = nab(pairs, n_probation=heads)[name]
    levels = [*range(7), np.inf]
    assert mine.raw == pytest.approx(max(map(total, levels)), abs=1e-9)
    assert total(mine.threshold) == pytest.approx(mine.raw, abs=1e-9)
    for level in (0, 3.5, 6, 9):
        assert nab(pairs, n_probation=heads, threshold=level)[name].raw == pytest.approx(total(level), abs=1e-9)


def test_earlier_is_better_and_a_second_hit_changes_nothing():
    labels = windows(200, (100, 149))
    by_row = [raw(labels, flagged(200, row))["even"].raw for row in range(100, 150)]
    assert np.all(np.diff(by_row) < 0)
    assert by_row[0] == pytest.approx(1.0)
    assert raw(labels, flagged(200, 110, 140))["even"].raw == pytest.approx(by_row[10])


def test_a_false_row_costs_more_the_farther_behind_a_window():
    labels = windows(400, (100, 119))
    cost = [-1 - raw(labels, flagged(400, row))["even"].raw for row in range(120, 300)]
    assert np.all(np.diff(cost) >= 0)
    assert cost[-1] == pytest.approx(1.0)
    assert raw(labels, flagged(400, 50))["even"].raw == pytest.approx(-2.0)


def test_probation_counts_for_nothing():
    labels = windows(1000, (500, 599))
    assert nab([(labels, flagged(1000, 10, 100, 149, 500))])["standard"].score == pytest.approx(100.0)
    assert nab([(labels, flagged(1000, 150, 500))])["standard"].score < 100


def test_a_window_of_one_row():
    result = raw(windows(50, (20, 20)), flagged(50, 20, 21))["even"]
    assert np.isfinite(result.raw)
    assert result.n_found == 1


def test_series_are_named_in_errors():
    good = (windows(100, (50, 60)), np.zeros(100))
    with pytest.raises(DataError, match="series 1") as error:
        nab([good, (windows(100), np.full(100, np.nan))])
    assert "NaN" in str(error.value)
    with pytest.raises(DataError, match="no series to score"):
        nab([])
    with pytest.raises(ParameterError, match="n_probation has 2 values for 1 series"):
        nab([good], n_probation=[1, 2])
    with pytest.raises(ParameterError, match="n_probation=-1"):
        nab([good], n_probation=[-1])
    with pytest.raises(ParameterError, match="threshold is NaN"):
        nab([good], threshold=float("nan"))
