"""Alarms raised row by row: how often for nothing, how long they last, and what becomes of a level that stays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from amiss.series import CausalEnsemble
from amiss.thresholds.notices import Notices, news, separation


def _raised(scores, asked):
    notices = Notices(asked / len(scores))
    notices.advance(scores, learning=True)
    return notices.n_raised


def _streams(n, random):
    noise = random.normal(size=n)
    at = np.arange(n)
    return {
        "noise": noise,
        "heavy tails": random.standard_t(3, size=n),
        "memory": lfilter([1], [1, -0.95], noise),
        "a day's course": 3 * np.sin(2 * np.pi * at / 144) + noise,
        "a random walk": np.cumsum(noise),
        "a slow trend": noise + 4 * at / n,
    }


def test_alarms_are_as_many_as_asked_whatever_the_stream_does():
    random = np.random.default_rng(0)
    n, n_draws = 2500, 24
    counts = {}
    for _ in range(n_draws):
        for name, x in _streams(n, random).items():
            scores = CausalEnsemble().fit_score(x[:, None])
            for asked in (1, 5):
                counts.setdefault((name, asked), []).append(_raised(scores, asked))
    for (name, asked), found in counts.items():
        # Three binomial errors beyond the factor of 2 that is promised.
        error = 3 * np.sqrt(asked / n_draws)
        assert asked / 2 - error <= np.mean(found) <= 2 * asked + error, (name, asked, np.mean(found))
    together = np.mean([np.mean(found) / asked for (_, asked), found in counts.items()])
    assert 0.7 < together < 1.5


def test_rows_in_parts_are_judged_as_at_once():
    scores = np.random.default_rng(1).exponential(size=2000) - 0.7
    scores[900:1100] += 6
    whole = Notices(0.002)
    at_once = whole.advance(scores, learning=True)
    parts = Notices(0.002)
    pieces = [parts.advance(scores[start : start + 7], learning=True) for start in range(0, 2000, 7)]
    for k in (0, 1):
        np.testing.assert_array_equal(np.concatenate([piece[k] for piece in pieces]), at_once[k])
    assert parts.n_raised == whole.n_raised > 0


def test_an_alarm_lasts_as_long_as_its_height_and_ends_once():
    scores = np.random.default_rng(2).normal(size=3000) * 0.3
    scores[2000:2200] += 8
    _, high = Notices(1 / 3000).advance(scores, learning=True)
    rows = np.flatnonzero(high)
    assert rows.min() == 2000
    assert 2190 <= rows.max() <= 2205
    assert len(rows) > 190


def test_a_level_that_stays_is_the_new_usual_one_and_what_comes_on_top_is_told():
    scores = np.random.default_rng(3).normal(size=4000) * 0.3
    scores[2000:] += np.where(np.arange(2000) < 300, 8, 4)
    scores[3500:3520] += 8
    notices = Notices(1 / 4000)
    notices.advance(scores[:1900], learning=True)
    high = np.append(np.zeros(1900, bool), notices.advance(scores[1900:], learning=False)[1])
    rows = np.flatnonzero(high)
    assert not high[2310:3490].any()
    assert ((rows >= 3500) & (rows < 3520)).any()
    assert notices.base == pytest.approx(4, abs=1.5)


def test_news_are_what_exceeds_the_last_rows():
    scores = np.zeros(1000)
    scores[[500, 510, 520, 900]] = [5, 4, 6, 5]
    told = news(scores)
    assert np.flatnonzero(told).tolist() == [500, 520, 900]
    assert separation(10) == 10
    assert separation(4000) == 200
    assert separation(10**6) == 375


def test_a_calibration_survives_a_file_and_a_damaged_one_is_no_calibration():
    notices = Notices(0.001)
    notices.advance(np.random.default_rng(4).exponential(size=3000), learning=True)
    back = Notices.restored(notices.state())
    scores = np.random.default_rng(5).exponential(size=500) * 2
    told = (each.advance(scores, learning=False) for each in (notices, back))
    for a, b in zip(*told, strict=True):
        np.testing.assert_array_equal(a, b)
    for name, value in (("rate", 0.0), ("n_rows", -1), ("peaks", np.array([np.nan])), ("correction", 9.0)):
        with pytest.raises(ValueError, match="do not fit together"):
            Notices.restored(notices.state() | {name: value})
