from __future__ import annotations

import numpy as np

from amiss.stream.events import Change
from amiss.stream.groups import GroupRules, Groups
from amiss.stream.judge import Cause, Judgement
from amiss.stream.life import Life, LifeRules

from .feeds import NAME, START

_DAY = 86_400


def _lived(on: np.ndarray, *, step: float = 60.0, p: np.ndarray | None = None, **rules: int) -> list[Change]:
    life, n, alarms = Life(NAME, LifeRules(**rules)), len(on), on
    p = np.where(alarms, 1e-4, 0.5) if p is None else p
    judged = Judgement(alarms.astype(float), p, alarms, alarms, lambda row: Cause(f"row {row}", {}, {}))
    changes = []
    for i in range(n):
        one = Judgement(judged.scores[i : i + 1], p[i : i + 1], alarms[i : i + 1], alarms[i : i + 1], judged.cause)
        zero = np.zeros(1, np.int64)
        changes += life.advance(zero, ["x"], np.array([START + i * step]), np.array([i]), one)
    return changes


def _at(n: int, *rows: int) -> np.ndarray:
    alarms = np.zeros(n, np.bool_)
    alarms[list(rows)] = True
    return alarms


def test_alarms_close_together_are_one_event_that_ends_with_the_last() -> None:
    changes = _lived(_at(50, 10, 12, 15, 40))
    assert [(c.opened, c.event.n_alarms) for c in changes] == [(True, 1), (False, 3), (True, 1), (False, 1)][
        : len(changes)
    ]
    assert changes[0].event.id == changes[1].event.id != changes[2].event.id
    assert changes[1].event.end == "2023-11-14T22:28:20Z"


def test_an_event_opens_when_so_many_of_the_last_rows_are_alarms() -> None:
    assert len(_lived(_at(50, 10, 20, 30), alarms=2, of_rows=5)) == 0
    changes = _lived(_at(50, 10, 13, 30), alarms=2, of_rows=5)
    assert [c.opened for c in changes] == [True, False]


def test_the_cut_into_batches_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    n = 3_000
    codes, alarms = rng.integers(0, 5, n), rng.random(n) < 0.02
    p, names = np.where(alarms, 1e-4, 0.5), [f"e{i}" for i in range(5)]
    found = []
    for size in (1, 13, n):
        life, seen, changes = Life(NAME, LifeRules(alarms=2, of_rows=60)), np.zeros(5, np.int64), []
        for i in range(0, n, size):
            part = slice(i, i + size)
            judged = Judgement(
                alarms[part] * 1.0, p[part], alarms[part], alarms[part], lambda row: Cause("odd", {}, {})
            )
            changes += life.advance(codes[part], names, START + np.arange(n)[part] * 1.0, seen, judged)
            seen += np.bincount(codes[part], minlength=5)
        found.append(sorted((c.event.id, c.opened, c.event.end or "") for c in changes))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 10


def test_a_signal_that_flaps_for_a_day_is_told_at_most_four_times() -> None:
    for period in (7, 20, 45, 90):
        alarms = np.arange(_DAY // 60 + 600) % period == 0
        alarms[_DAY // 60 :] = False
        groups, told = Groups(NAME, GroupRules()), 0
        for change in _lived(alarms):
            told += len(groups.offer([change], START + 1e7 * told))
        assert told <= 4, period


def test_what_is_merely_held_open_does_not_hide_what_is_graver() -> None:
    alarms = _at(400, 10, 40, 80, 200)
    p = np.where(alarms, 1e-4, 0.5)
    p[200] = 1e-9
    opened = [c.event for c in _lived(alarms, p=p) if c.opened]
    assert [event.severity for event in opened] == ["warning", "warning", "critical"]


def test_ten_thousand_anomalies_on_a_thousand_entities_are_at_most_twenty_notifications() -> None:
    life, groups = Life(NAME, LifeRules()), Groups(NAME, GroupRules())
    names, told = [f"e{i}" for i in range(1_000)], []
    codes, seen = np.arange(1_000), np.zeros(1_000, np.int64)
    for step in range(40):
        alarms = np.full(1_000, step < 10)
        p = np.where(alarms, 1e-9, 0.5)
        judged = Judgement(alarms * 9.0, p, alarms, alarms, lambda row: Cause("hot", {}, {}))
        now = START + 30.0 * step
        told += groups.offer(life.advance(codes, names, np.full(1_000, now), seen, judged), now)
        seen += 1
    assert len(told) <= 20
    storms = [n for n in told if n.kind == "storm"]
    assert (storms[0].action, storms[-1].action, storms[-1].n_entities) == ("trigger", "resolve", 995)
    assert sum(n.action == "trigger" for n in told) - sum(n.action == "resolve" for n in told) == len(storms) - 2
    assert not life.open


def test_each_notification_has_its_own_id_and_a_storm_one_fingerprint() -> None:
    life, groups = Life(NAME, LifeRules()), Groups(NAME, GroupRules(burst=1))
    told = []
    for i in range(6):
        changes = [life.begin(i, f"e{i}", "anomaly", START + i, 0, Cause("odd", {}, {}))]
        told += groups.offer(changes, START + 61.0 * i if i > 1 else START)
    assert len({n.id for n in told}) == len(told)
    assert len({n.fingerprint for n in told if n.kind == "storm"}) == 1


def test_a_state_is_taken_up_in_the_middle_of_an_event() -> None:
    first, groups = Life(NAME, LifeRules()), Groups(NAME, GroupRules())
    change = first.begin(0, "x", "anomaly", START, 3, Cause("odd", {"a": 1.0}, {"a": "0 to 1"}))
    groups.offer([change], START)
    second, later = Life(NAME, LifeRules()), Groups(NAME, GroupRules())
    second.restore(first.state(), 1)
    later.restore(groups.state())
    ended = second.end(0, "anomaly", START + 5)
    assert ended.event.id == change.event.id
    assert [n.action for n in later.offer([ended], START + 9)] == ["resolve"]
