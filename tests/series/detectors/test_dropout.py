"""Runs of missing values."""

from __future__ import annotations

import numpy as np

import amiss
from amiss.series import Dropout


def test_where_nothing_was_missing_any_run_scores_by_its_length():
    X = np.random.default_rng(0).normal(size=(1000, 1))
    detector = Dropout().fit(X)
    X[100], X[300:310] = np.nan, np.nan
    scores = detector.anomaly_score(X)
    assert np.flatnonzero(scores).tolist() == [100, 101, *range(300, 311)]
    assert 0 < scores[100] == scores[300] < scores[301] < scores[309]
    assert scores[309] == scores[310]


def test_single_holes_are_usual_where_there_are_many():
    random = np.random.default_rng(0)
    X = random.normal(size=(5000, 1))
    X[random.random(5000) < 0.1] = np.nan
    X[3000:3010] = np.nan
    scores = Dropout().fit_score(X)
    assert np.argmax(scores) in range(3009, 3013)
    assert np.delete(scores, np.r_[2995:3020]).max() < scores.max() / 1.5


def test_the_failure_itself_does_not_make_long_runs_usual():
    X = np.random.default_rng(0).normal(size=(5000, 1))
    X[::100] = np.nan
    X[3001:3900] = np.nan
    scores = Dropout().fit_score(X)
    assert scores.max() > 50 * scores[100]


def test_each_feature_by_itself():
    X = np.random.default_rng(0).normal(size=(1000, 3))
    X[500:520, 1] = np.nan
    contributions = Dropout().fit(X).contributions(X)
    assert (contributions[500:520].argmax(axis=1) == 1).all()
    assert (contributions[:, [0, 2]] == 0).all()


def test_where_whole_rows_are_missing_the_next_one_has_the_event():
    time = np.datetime64("2026-03-01") + np.arange(3000) * np.timedelta64(10, "m")
    load = 40 + np.random.default_rng(0).normal(size=3000)
    there = np.delete(np.arange(3000), np.r_[1000:1050, 2000:2300])
    result = amiss.detect({"time": time[there], "load": load[there]}, detector="dropout")
    assert there[np.argsort(-result.scores)[:2]].tolist() == [2300, 1050]
    assert {there[event.peak_row] for event in result.events} <= {2300, 1050}
    assert result.events
