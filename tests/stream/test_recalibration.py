"""Drift in a stream: found once, told as an event, and judged by what is usual since."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import amiss
from amiss.pipeline.model import Model
from amiss.stream.groups import GroupRules, Groups
from amiss.stream.judge import Judgement
from amiss.stream.model_judge import ModelJudge
from amiss.stream.recalibration import Recalibration

from .feeds import NAME, START, Feed, message, monitor_of
from .test_monitor import _run

_SHIFTED = 2_000


@cache
def _model(d: int) -> Model:
    X = np.random.default_rng(100).normal(20, 2, (2_000, d))
    return amiss.fit({f"c{j}": X[:, j] for j in range(d)}, kind="table", false_alarms="1%")


def _rows(X: Any, entity: str = "") -> list[Any]:
    who = {"device": entity} if entity else {}
    return [
        message({**who, "time": START + i, **{f"c{j}": float(v) for j, v in enumerate(x)}}) for i, x in enumerate(X)
    ]


def _judged(model: Model, X: Any, *, batch_rows: int = 250) -> tuple[Judgement, list[Any]]:
    steps = _run(monitor_of(Feed(_rows(X)), judge=ModelJudge(model), batch_rows=batch_rows))
    parts = [step.taken.judged for step in steps if step.taken.judged is not None]
    names = ("scores", "p_values", "is_anomaly")
    scores, p_values, high = (np.concatenate([getattr(judged, name) for judged in parts]) for name in names)
    changes = [change for step in steps for change in step.changes if change.event.kind == "drift"]
    return Judgement(scores, p_values, high, high, parts[0].cause), changes


@pytest.mark.parametrize("d", [1, 4])
def test_after_a_shift_a_model_raises_few_false_alarms_and_sees_what_is_odd_beside_it(d: int) -> None:
    false, lost = [], []
    for draw in range(3):
        rng = np.random.default_rng(draw)
        X = rng.normal(20, 2, (3_000, d))
        shift = np.where(np.arange(3_000) >= _SHIFTED, 6.0, 0.0)[:, None]
        odd, spikes = _SHIFTED + rng.choice(1_000, 20, replace=False), np.zeros_like(X)
        spikes[odd, rng.integers(0, d, 20)] = 10.0 * rng.choice([-1, 1], 20)
        shifted, changes = _judged(_model(d), X + shift)
        assert [(change.opened, change.event.severity) for change in changes] == [(True, "info"), (False, "info")]
        false.append(shifted.is_anomaly[_SHIFTED:].mean())
        calm, none = _judged(_model(d), X + spikes)
        assert none == []
        both, _ = _judged(_model(d), X + spikes + shift)
        y = np.isin(np.arange(_SHIFTED, 3_000), odd)
        lost.append(roc_auc_score(y, calm.scores[_SHIFTED:]) - roc_auc_score(y, both.scores[_SHIFTED:]))
    assert np.mean(false) <= 0.03
    assert np.mean(lost) <= 0.02


def test_how_the_stream_is_cut_changes_nothing_and_a_snapshot_goes_on(tmp_path: Path) -> None:
    X = np.random.default_rng(5).normal(20, 2, (1_200, 2))
    X[600:, 0] += 7
    whole, changes = _judged(_model(2), X, batch_rows=1_200)
    for batch_rows in (1, 17):
        parts, others = _judged(_model(2), X, batch_rows=batch_rows)
        assert np.array_equal(parts.scores, whole.scores)
        assert [c.event for c in others] == [c.event for c in changes]
    found = []
    for part in (_rows(X[:605]), _rows(X[:640]), _rows(X)):  # before it is found, and before its level is made anew
        steps = _run(monitor_of(Feed(part), tmp_path, judge=ModelJudge(_model(2)), batch_rows=50))
        found += [step.taken.judged.scores for step in steps if step.taken.judged is not None]
    assert np.array_equal(np.concatenate(found), whole.scores)


def test_the_event_says_what_has_moved_in_the_units_of_its_column() -> None:
    X = np.random.default_rng(6).normal(20, 2, (800, 2))
    X[600:, 1] += 8
    _, changes = _judged(_model(2), X)
    event = changes[0].event
    assert event.reason.startswith("c1 was about 2")
    assert event.reason.endswith("; this is usual from here on")
    assert set(event.values) == {"c1"}
    assert 26 < event.values["c1"] < 30
    assert 600 < _seconds(event.start) - START < 640


def _seconds(moment: str) -> float:
    from amiss.stream.moments import moments_of

    return float(moments_of([moment])[0])


def test_a_level_far_off_stays_odd_for_a_thousand_rows() -> None:
    X = np.random.default_rng(7).normal(20, 2, (2_500, 1))
    X[500:] += 40
    judged, changes = _judged(_model(1), X)
    assert judged.is_anomaly[500:1_400].all()
    assert 1_400 < _seconds(changes[0].event.start) - START < 1_600
    assert judged.is_anomaly[1_700:].mean() < 0.05


def test_a_fault_that_ends_leaves_all_as_it_was() -> None:
    X = np.random.default_rng(8).normal(20, 2, (1_500, 1))
    X[500:560] += 40
    judged, changes = _judged(_model(1), X)
    assert changes == []
    assert judged.is_anomaly[500:560].all()
    assert judged.is_anomaly[560:].mean() < 0.03


def test_a_band_tells_when_a_level_has_become_the_usual_one_at_the_same_row_however_cut() -> None:
    x = np.random.default_rng(9).normal(20, 1, 4_000)
    x[1_500:] += 12
    starts = []
    for batch_rows in (100, 333, 4_000):
        steps = _run(monitor_of(Feed(_rows(x[:, None], "pump")), batch_rows=batch_rows))
        found = [c.event for step in steps for c in step.changes if c.event.kind == "drift" and c.opened]
        assert [(e.entity, e.severity) for e in found] == [("pump", "info")]
        assert "for 1,000 rows; this is usual from here on" in found[0].reason
        starts.append(found[0].start)
    assert len(set(starts)) == 1
    assert 2_500 <= _seconds(starts[0]) - START < 2_700


def test_a_drift_is_told_to_nobody_unless_that_is_asked_for() -> None:
    X = np.random.default_rng(6).normal(20, 2, (800, 1))
    X[600:] += 7
    _, changes = _judged(_model(1), X)
    assert Groups(NAME, GroupRules()).offer(changes, START) == []
    told = Groups(NAME, GroupRules(drifts=True)).offer(changes, START)
    assert [(each.action, each.kind, each.severity) for each in told] == [
        ("trigger", "drift", "info"),
        ("resolve", "drift", "info"),
    ]


def test_each_entity_drifts_by_itself_and_is_forgotten() -> None:
    recalibration, rng = Recalibration(1), np.random.default_rng(0)
    X, codes = rng.normal(size=(800, 1)), np.arange(800) % 2
    X[(codes == 1) & (np.arange(800) > 500)] += 4

    def scores_of(rows: Any) -> Any:
        from scipy.stats import norm

        return np.abs(rows[:, 0]), 2 * norm.sf(np.abs(rows[:, 0]))

    moved = recalibration.judge(X, codes, scores_of)[3]
    assert {int(codes[each.row]) for each in moved} == {1}
    assert recalibration.offset(0).tolist() == [0.0]
    assert 3 < recalibration.offset(1)[0] < 5
    state = copy.deepcopy(recalibration.state())
    other = Recalibration(1)
    other.restore(state)
    assert other.offset(1) == recalibration.offset(1)
    other.forget(np.array([1]))
    assert other.offset(1).tolist() == [0.0]
    with pytest.raises(ValueError, match="do not fit"):
        Recalibration(2).restore(state)
