"""Rows judged by their labels: against scikit-learn, at the edges, and intervals that keep their word."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import beta, norm
from sklearn import metrics

from amiss.core.errors import DataError
from amiss.evaluate.decisions import judge_rows
from amiss.evaluate.draws import Draws, Figure, figure, levels_of
from amiss.evaluate.measures import cut_for_rate
from amiss.evaluate.probabilities import brier_score, calibration_curve
from amiss.evaluate.ranking import auc_pr, auc_roc


def rows(n=2000, n_anomalies=100, shift=2.0, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(n) < n_anomalies
    return labels, random.normal(size=n) + shift * labels


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize("n_anomalies", [1, 40, 1000, 1990])
def test_figures_are_those_of_scikit_learn(digits, n_anomalies):
    labels, scores = rows(n_anomalies=n_anomalies)
    scores = scores if digits is None else scores.round(digits)
    flags = scores > 1.2
    found = {name: f.value for name, f in judge_rows(labels, scores, flags=flags).figures.items()}
    expected = {
        "accuracy": metrics.accuracy_score(labels, flags),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, flags),
        "precision": metrics.precision_score(labels, flags),
        "recall": metrics.recall_score(labels, flags),
        "f1": metrics.f1_score(labels, flags),
        "mcc": metrics.matthews_corrcoef(labels, flags),
        "auc_roc": metrics.roc_auc_score(labels, scores),
        "auc_pr": metrics.average_precision_score(labels, scores),
        "false_alarm_rate": flags[~labels].mean(),
    }
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("digits", [None, 1])
def test_recall_on_the_curve_is_that_of_scikit_learn(digits):
    labels, scores = rows(n=5000)
    scores = scores if digits is None else scores.round(digits)
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    for at in judge_rows(labels, scores).rates:
        assert at.recall_on_curve.value == pytest.approx(tpr[fpr <= at.asked].max())
        assert np.isnan(at.recall.value)
        assert at.cut is None


def test_confusion_is_counted():
    judged = judge_rows([1, 1, 1, 0, 0, 0, 0], [9, 8, 1, 7, 2, 1, 0], flags=[1, 1, 0, 1, 0, 0, 0])
    assert judged.confusion == (2, 1, 1, 3)


def test_brier_score_is_that_of_scikit_learn():
    random = np.random.default_rng(1)
    p = random.random(3000)
    labels = random.random(3000) < p
    judged = judge_rows(labels, p, probabilities=True)
    assert judged.figures["brier"].value == pytest.approx(metrics.brier_score_loss(labels, p))
    told = judged.calibration
    assert sum(part.n_rows for part in told) == 3000
    assert len(told) == 10
    assert sum(part.came.low <= part.said <= part.came.high for part in told) >= 8


def test_probabilities_that_lie_are_seen():
    random = np.random.default_rng(1)
    p = random.random(3000)
    told = calibration_curve(random.random(3000) < p / 2, p)
    assert sum(part.came.low <= part.said <= part.came.high for part in told) <= 3


def test_one_probability_for_all_is_one_bin():
    (only,) = calibration_curve([0, 0, 0, 1], [0.25] * 4)
    assert (only.n_rows, only.said, only.came.value) == (4, 0.25, 0.25)
    assert brier_score([0, 0, 0, 1], [0.25] * 4) == 0.25 * 0.75


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_labels_of_one_class_leave_figures_undefined_and_say_so(labels):
    judged = judge_rows(labels, [1.0, 2, 3, 4], flags=[0, 0, 1, 1], calibration=range(30))
    assert len(judged.notes) >= 1
    assert np.isnan(judged.figures["auc_roc"].value)
    undefined = "recall" if not labels[0] else "false_alarm_rate"
    assert np.isnan(judged.figures[undefined].value)
    assert judged.figures["accuracy"].value == 0.5
    assert np.isnan(judged.figures["mcc"].value)


def test_no_flag_at_all():
    judged = judge_rows([1, 0, 0], [1.0, 2, 3], flags=[0, 0, 0])
    assert np.isnan(judged.figures["precision"].value)
    assert judged.figures["f1"].value == 0
    assert judged.figures["mcc"].value == 0
    assert any("no row is flagged" in note for note in judged.notes)


def test_one_score_for_all_tells_nothing():
    judged = judge_rows([0, 0, 0, 1], [5.0] * 4)
    assert judged.figures["auc_roc"] == Figure(0.5, 0.5, 0.5)
    assert judged.rates[2].recall_on_curve.value == 0


def test_five_perfect_anomalies_are_not_certain():
    labels, scores = rows(n=500, n_anomalies=5, shift=100)
    judged = judge_rows(labels, scores, flags=scores > 50)
    assert judged.figures["recall"].low < 0.7
    assert judged.figures["auc_roc"].high == 1.0
    assert judged.figures["auc_roc"].low < 0.99
    assert judged.figures["auc_pr"].low < 0.9


def test_a_share_has_the_interval_of_jeffreys():
    labels = np.arange(400) < 60
    flags = np.arange(400) < 47
    drawn = figure(47 / 60, Draws(labels, None, 100_000, 0).share(flags, labels))
    assert [drawn.low, drawn.high] == pytest.approx(beta.ppf([0.025, 0.975], 47.5, 13.5), abs=2e-3)


def test_kinds_and_those_never_seen():
    labels = np.array([1] * 30 + [0] * 70)
    kinds = ["scan"] * 20 + ["flood"] * 10 + ["normal"] * 70
    flags = np.array([1] * 15 + [0] * 85)
    judged = judge_rows(labels, flags, flags=flags, kinds=kinds, known_kinds={"scan"})
    assert [(k.kind, k.n_rows, k.n_found, k.seen) for k in judged.kinds] == [
        ("scan", 20, 15, True),
        ("flood", 10, 0, False),
    ]
    assert (judged.unseen.n_rows, judged.unseen.recall.value) == (10, 0.0)
    assert 0.1 < judged.unseen.recall.high < 0.4
    assert judge_rows(labels, flags, flags=flags, kinds=kinds).unseen is None


def test_alarms_per_day():
    labels, scores = rows(n=2400)
    hours = np.datetime64("2026-01-01") + np.arange(2400).astype("m8[h]")
    order = np.random.default_rng(0).permutation(2400)
    judged = judge_rows(labels[order], scores[order], flags=scores[order] > 1, time=hours[order])
    alarms = judged.figures["alarms_per_day"]
    assert alarms.value == pytest.approx((scores > 1).sum() / 100)
    assert alarms.low < alarms.value < alarms.high
    assert judged.figures["false_alarms_per_day"].value == pytest.approx((scores[~labels] > 1).sum() / 100)


def test_the_cut_keeps_its_rate():
    random = np.random.default_rng(0)
    reached = []
    for _ in range(2000):
        cut = cut_for_rate(random.normal(size=199), 0.05)
        reached.append(1 - norm.cdf(cut))
    assert np.mean(reached) == pytest.approx(0.05, abs=3 * np.std(reached) / np.sqrt(2000))
    assert cut_for_rate(np.zeros(100), 0.05) == 0.0  # ties: nothing above, so no false alarm


def test_a_rate_that_calibration_cannot_support_is_refused_in_words():
    labels, scores = rows()
    judged = judge_rows(labels, scores, calibration=np.random.default_rng(0).normal(size=500))
    assert np.isinf(judged.rates[0].cut)
    assert np.isnan(judged.rates[0].recall.value)
    assert any("needs 999 calibration rows" in note for note in judged.notes)
    assert judged.rates[1].recall.value > 0.2


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(DataError, match="outside"):
        judge_rows([0, 1], [0.5, 2], probabilities=True)
    with pytest.raises(DataError, match="groups and rows"):
        judge_rows([0, 1], [0.5, 2], groups=[1])
    with pytest.raises(DataError, match="kinds and labels"):
        judge_rows([0, 1], [0.5, 2], flags=[0, 1], kinds=["a"])


def test_the_seed_decides():
    labels, scores = rows()
    a, b, c = (judge_rows(labels, scores, seed=seed).figures["auc_roc"] for seed in (1, 1, 2))
    assert a == b
    assert a != c


def test_many_scores_share_levels_without_moving_the_figures():
    labels, scores = rows(n=50_000, n_anomalies=700)
    level, n_levels = levels_of(labels, scores)
    assert n_levels <= 2100
    assert (np.diff(level[np.argsort(-scores)]) >= 0).all()
    coarse = -level.astype(float)
    assert auc_roc(labels, coarse) == pytest.approx(auc_roc(labels, scores), abs=3e-4)
    assert auc_pr(labels, coarse) == pytest.approx(auc_pr(labels, scores), abs=5e-3)


def test_intervals_of_levels_are_those_of_rows():
    """The levels against a plain bootstrap that sorts anew each time."""
    labels, scores = rows(n=6000, n_anomalies=300)
    judged = judge_rows(labels, scores, n_draws=2000)
    random, drawn = np.random.default_rng(5), []
    for _ in range(400):
        take = np.concatenate([random.integers(0, 300, 300), random.integers(300, 6000, 5700)])
        drawn.append([auc_roc(labels[take], scores[take]), auc_pr(labels[take], scores[take])])
    for name, plain in zip(("auc_roc", "auc_pr"), np.std(drawn, axis=0), strict=True):
        found = judged.figures[name]
        assert (found.high - found.low) / 3.92 == pytest.approx(plain, rel=0.15), name


def test_a_hundred_thousand_rows_take_two_seconds_at_most():
    labels, scores = rows(n=100_000, n_anomalies=5000)
    start = time.process_time()
    judge_rows(labels, scores, flags=scores > 2, calibration=scores[-20_000:], groups=np.arange(100_000) // 3)
    assert time.process_time() - start < 2


@pytest.mark.slow
@pytest.mark.parametrize("n_anomalies", [8, 30, 200])
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_intervals_cover_the_truth(n_anomalies, shift):
    """400 draws of rows: the truth lies inside 95 % of the intervals or little less, but for chance."""
    n, cut = 20 * n_anomalies, 1.5
    share = n_anomalies / n
    recall, false = norm.sf(cut - shift), norm.sf(cut)
    precision = share * recall / (share * recall + (1 - share) * false)
    grid = np.linspace(-6, 10, 40_001)
    density, tail, false_tail = norm.pdf(grid - shift), norm.sf(grid - shift), norm.sf(grid)
    truth = {
        "recall": recall,
        "false_alarm_rate": false,
        "precision": precision,
        "f1": 2 * precision * recall / (precision + recall),
        "accuracy": share * recall + (1 - share) * (1 - false),
        "auc_roc": norm.cdf(shift / np.sqrt(2)),
        "auc_pr": np.trapezoid(density * share * tail / (share * tail + (1 - share) * false_tail), grid),
    }
    inside = dict.fromkeys(truth, 0)
    for seed in range(400):
        labels, scores = rows(n, n_anomalies, shift, seed)
        figures = judge_rows(labels, scores, flags=scores > cut, n_draws=400, seed=seed).figures
        for name, value in truth.items():
            inside[name] += figures[name].low <= value <= figures[name].high
    for name, hits in inside.items():
        # Of few anomalies, and above all of few that are ranked poorly, the intervals hold a little less.
        meant = {8: 0.935, 30: 0.945, 200: 0.95}[n_anomalies] - (0.03 if name == "auc_pr" else 0.0)
        assert hits / 400 >= meant - 3 * np.sqrt(meant * (1 - meant) / 400), (name, hits / 400)


@pytest.mark.slow
def test_intervals_of_groups_cover_the_truth():
    """40 groups with a level of their own: groups redrawn keep the promise, rows redrawn do not."""
    random, inside = np.random.default_rng(0), np.zeros(2)
    spread, cut = 0.7, 1.0
    truth = norm.sf(cut / np.sqrt(1 + spread**2))
    for _ in range(200):
        groups = np.repeat(np.arange(40), 50)
        labels = random.random(2000) < 0.1
        scores = random.normal(size=2000) + spread * random.normal(size=40)[groups] + 3 * labels
        for k, given in enumerate((groups, None)):
            told = judge_rows(labels, scores, flags=scores > cut, groups=given, n_draws=400)
            far = told.figures["false_alarm_rate"]
            inside[k] += far.low <= truth <= far.high
    assert inside[0] / 200 > 0.89
    assert inside[1] / 200 < 0.8


def test_rows_may_have_cuts_of_their_own():
    random = np.random.default_rng(4)
    labels = np.arange(2000) % 10 == 0
    scores = random.normal(size=2000) + 3 * labels
    # The second half is on another scale; with its own cuts it is judged as the first is.
    apart = np.where(np.arange(2000) < 1000, scores, 10 * scores + 5)
    calibration = random.normal(size=1500)
    plain = judge_rows(labels, scores, calibration=calibration)
    cuts = np.array([[at.cut] * 2000 for at in plain.rates])
    cuts[:, 1000:] = 10 * cuts[:, 1000:] + 5
    told = judge_rows(labels, apart, cuts=cuts)
    for own, one in zip(told.rates, plain.rates, strict=True):
        assert np.isnan(own.cut)
        assert (own.recall, own.reached) == (one.recall, one.reached)
    cuts[0, 1000:] = np.inf
    told = judge_rows(labels, apart, cuts=cuts)
    assert np.isinf(told.rates[0].cut)
    assert np.isnan(told.rates[0].recall.value)
    assert any("0.1%" in note for note in told.notes)
    with pytest.raises(DataError, match="each rate and row"):
        judge_rows(labels, scores, cuts=cuts[:, :5])
