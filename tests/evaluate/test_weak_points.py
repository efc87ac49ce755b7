"""Where the best is weak: only what cannot be chance is said."""

from __future__ import annotations

import numpy as np

from amiss.evaluate.decisions import judge_rows
from amiss.evaluate.weak_points import weak_points

LABELS = np.arange(1000) < 200
KINDS = np.where(np.arange(1000) < 100, "flood", np.where(np.arange(1000) < 196, "scan", "probe"))


def judged(recall_by_kind, false_alarm_rate=0.03, known=None):
    flags = np.zeros(1000)
    for kind, recall in recall_by_kind.items():
        rows = np.flatnonzero(LABELS & (kind == KINDS))
        flags[rows[: round(recall * len(rows))]] = 1
    flags[200 : 200 + round(false_alarm_rate * 800)] = 1
    return judge_rows(LABELS, flags, flags=flags, kinds=KINDS.tolist(), known_kinds=known)


def test_what_is_missed_and_who_finds_it():
    best = judged({"flood": 1.0, "scan": 0.1, "probe": 0.25})
    said = " ".join(weak_points(best, {"other": judged({"flood": 0.9, "scan": 0.8, "probe": 0.5})}, 0.05))
    assert "misses most of scan (10 of 96 found)" in said
    assert "scan by other" in said
    # Of four rows nothing can be said.
    assert "probe" not in said
    assert "flood" not in said


def test_nothing_is_said_of_what_may_be_chance():
    best = judged({"flood": 0.9, "scan": 0.88, "probe": 1.0}, 0.055)
    assert weak_points(best, {"other": judged({"flood": 0.93, "scan": 0.93, "probe": 1.0})}, 0.05) == ()
    assert weak_points(best, {}, 0.05) == ()


def test_a_promise_that_is_not_kept_is_told():
    best = judged({"flood": 0.9, "scan": 0.9, "probe": 1.0}, 0.12)
    (said,) = weak_points(best, {}, 0.05)
    assert "0.05" in said
    assert ".12" in said


def test_kinds_never_learnt():
    known = {"flood"}
    best = judged({"flood": 1.0, "scan": 0.6, "probe": 0.5}, known=known)
    said = " ".join(weak_points(best, {"other": judged({"flood": 0.2, "scan": 0.95, "probe": 1.0}, known=known)}, 0.05))
    assert "Of 100 rows of kinds that training never had it finds .60" in said
    assert ", other .95" in said
    no_better = judged({"flood": 0.2, "scan": 0.62, "probe": 0.5}, known=known)
    assert not any("other" in sentence for sentence in weak_points(best, {"other": no_better}, 0.05))
