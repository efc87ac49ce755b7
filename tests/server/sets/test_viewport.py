"""What is sent to the screen shows all that is in the rows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from amiss.core.errors import ParameterError
from amiss.server.sets.course import Band, Course, track_of
from amiss.server.sets.pyramid import levels_of
from amiss.server.sets.viewport import viewport
from tests.server.sets.made import T0, seen


def course(n: int, *, banded: bool = False, seed: int = 0) -> Course:
    chance = np.random.default_rng(seed)
    times = T0 + np.cumsum(chance.exponential(size=n))
    tracks = {}
    for k, name in enumerate("ab"):
        x = chance.normal(10.0**k, 1, n)
        x[chance.random(n) < 0.05] = np.nan
        low, high = x - 1 - 10.0**k, x + 1 - 10.0**k
        band = Band([low, *levels_of(low, np.fmin)], [high, *levels_of(high, np.fmax)], 10.0**k)
        tracks[name] = track_of(x, band if banded and k else None)
    scores = chance.exponential(size=n)
    anomalies = np.sort(chance.choice(n, n // 100, replace=False))
    return Course(times, 0, n, tracks, [scores, *levels_of(scores, np.fmax)], anomalies)


@pytest.mark.parametrize("banded", [False, True])
@pytest.mark.parametrize("piece", [(None, None), (0.2, 0.9), (0.5, 0.51)])
def test_buckets_hold_the_extremes_of_their_rows(banded, piece):
    rows = course(200_000, banded=banded)
    start, stop = (None if p is None else float(np.quantile(rows.times, p)) for p in piece)
    found = seen(viewport(rows, ["a", "b"], start=start, stop=stop, width=300), ["a", "b"])
    assert not found["raw"]
    assert found["banded"] == banded
    begin, end = found["from"], found["to"]
    assert (begin, end) == (start or rows.times[0], stop or rows.times[-1])
    edges = begin + found["step"] * np.arange(301)
    inside = (rows.times >= begin) & (rows.times <= end)
    bucket = np.clip(np.searchsorted(edges, rows.times[inside], side="right") - 1, 0, 299)
    for name in "ab":
        x = rows.tracks[name].lows[0][inside]
        for k in (0, 150, 299):
            here = x[bucket == k]
            there = here[~np.isnan(here)]
            ends = (("min", there.min()), ("max", there.max()), ("first", there[0]), ("last", there[-1]))
            for part, expected in ends:
                assert found[name][part][k] == pytest.approx(expected, abs=1e-5)
        if banded:
            assert np.isnan(found[name]["low"]).all() == (name == "a")
    if banded:
        low = (rows.tracks["b"].band.lows[0] + 10.0)[inside]
        assert found["b"]["low"][150] == pytest.approx(np.nanmin(low[bucket == 150]), abs=1e-5)
    scores = rows.scores[0][inside]
    assert found["score"].max() == pytest.approx(scores.max(), rel=1e-6)
    flagged = np.zeros(200_000, bool)
    flagged[rows.anomalies] = True
    np.testing.assert_array_equal(found["n_anomalies"], np.bincount(bucket, flagged[inside], 300).astype(int))


def test_few_rows_are_sent_as_they_are_with_a_neighbour_at_either_side():
    rows = course(5000)
    found = seen(viewport(rows, ["b"], start=rows.times[100], stop=rows.times[200], width=100), ["b"])
    assert found["raw"]
    np.testing.assert_array_equal(found["times"], rows.times[99:202])
    np.testing.assert_allclose(found["b"]["value"], rows.tracks["b"].lows[0][99:202], atol=1e-5)
    assert found["n_anomalies"].sum() == ((rows.anomalies >= 99) & (rows.anomalies < 202)).sum()


def test_small_changes_of_large_values_are_seen():
    x = 1e12 + np.arange(100.0) / 100
    rows = Course(np.arange(100.0), 0, 100, {"x": track_of(x)}, [np.zeros(100)], np.empty(0, np.int64))
    found = seen(viewport(rows, ["x"]), ["x"])
    np.testing.assert_allclose(found["x"]["value"] - x, 0, atol=2e-4)


@pytest.mark.parametrize("values", [[1e300, -1e300, 5], [np.nan] * 3, [np.inf, 0, 1], []])
def test_any_values_can_be_sent(values):
    n = len(values)
    rows = Course(np.arange(float(n)), 0, n, {"x": track_of(np.array(values, float))}, [np.zeros(n)], np.arange(0))
    assert seen(viewport(rows, ["x"]), ["x"])["n"] == n


def test_a_piece_beside_the_rows_is_empty():
    rows = course(10_000)
    for start, stop in ((0.0, 1.0), (1e12, 1e13)):
        assert seen(viewport(rows, ["a"], start=start, stop=stop, width=10), ["a"])["n"] <= 1


@pytest.mark.parametrize(
    "asked",
    [{"start": 2.0, "stop": 1.0}, {"start": np.nan}, {"stop": np.inf}, {"start": -1e308}, {"width": 0},
     {"width": 100_000}, {"names": ["no"]}, {"names": ["a"] * 65}],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(asked):
    with pytest.raises(ParameterError) as error:
        viewport(course(100), asked.pop("names", ["a"]), **asked)
    assert error.value.where


@pytest.mark.slow
def test_a_million_rows_take_less_than_15_milliseconds_of_the_processor():
    chance = np.random.default_rng(0)
    n = 1_000_000
    tracks = {f"c{k}": track_of(chance.normal(size=n)) for k in range(6)}
    rows = Course(np.arange(float(n)), 0, n, tracks, [np.zeros(n)], np.arange(0, n, 1000))
    spent = []
    for _ in range(9):
        begun = time.process_time()
        viewport(rows, list(tracks), width=1200)
        spent.append(time.process_time() - begun)
    assert np.median(spent) < 0.015
