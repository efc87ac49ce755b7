"""Scored history: what was written, its totals against sums made in plain Python, and what is taken away."""

from __future__ import annotations

import math

import numpy as np
import pytest

from amiss.store import Store
from amiss.store.records import Retention
from tests.store.made import T0, batch

DAY = 86_400.0
SOURCE = "mqtt://plant/#"


def write(store, *batches):
    with store.writing() as writer:
        for one in batches:
            writer.put_history(one)


def plain_totals(batches, entity, span):
    """Totals of the last row of each time, by definition."""
    rows = {}
    for one in batches:
        for i, time in enumerate(one.times.tolist()):
            if one.entities[i] == entity:
                rows[time] = (one.scores[i], one.is_anomaly[i])
    spans = {}
    for time, row in rows.items():
        spans.setdefault(time // span * span, []).append(row)
    told = []
    for start in sorted(spans):
        scores = [score for score, _ in spans[start] if score == score]
        told.append(
            (start, len(spans[start]), sum(odd for _, odd in spans[start]), min(scores), max(scores), np.mean(scores))
        )
    return told  # fmt: skip


def told_totals(store, entity, span):
    return [
        (t.start, t.n_rows, t.n_anomalies, t.score_min, t.score_max, t.score_mean)
        for t in store.totals(SOURCE, entity, span_seconds=span)
    ]


def test_rows_come_back_bit_by_bit_in_order_of_time(store):
    one = batch()
    write(store, one)
    rows = store.history(SOURCE, "pump-1")
    mine = [i for i, entity in enumerate(one.entities) if entity == "pump-1"]
    assert [row.time for row in rows] == one.times[mine].tolist()
    assert [row.score for row in rows] == one.scores[mine].tolist()
    assert [row.p_value for row in rows] == one.p_values[mine].tolist()
    assert [row.is_anomaly for row in rows] == one.is_anomaly[mine].tolist()
    assert [list(row.values.values()) for row in rows] == one.values[mine].tolist()
    assert list(rows[0].values) == ["temp", "flow"]
    assert not store.history(SOURCE, "pump-9")
    assert not store.history("other", "pump-1")


def test_rows_are_chosen_by_time(store):
    write(store, batch(entities=(None,)))
    assert [r.time - T0 for r in store.history(SOURCE, since=T0 + 10, until=T0 + 13)] == [10, 11, 12]
    assert len(store.history(SOURCE, limit=5)) == 5


def test_odd_numbers_are_kept_and_rows_without_a_time_are_not(store):
    scores, values = np.array([math.inf, math.nan, 5e-324, 1.0, 1.0]), np.full((5, 2), np.nan)
    values[2] = [-math.inf, -0.0]
    times = np.array([T0, T0 + 1, T0 + 2, math.nan, 1e300])
    write(store, batch(5, entities=(None,), times=times, scores=scores, p_values=scores, values=values))
    rows = store.history(SOURCE)
    assert [row.time for row in rows] == [T0, T0 + 1, T0 + 2]
    assert rows[0].score == math.inf == rows[0].p_value
    assert math.isnan(rows[1].score)
    assert rows[2].score == 5e-324
    assert rows[2].values["temp"] == -math.inf
    assert math.copysign(1, rows[2].values["flow"]) == -1
    store.roll_up()
    (total,) = store.totals(SOURCE, span_seconds=60)
    assert (total.n_rows, total.score_min, total.score_mean, total.score_max) == (3, 5e-324, math.inf, math.inf)


def test_a_new_channel_goes_on_in_the_same_history(store):
    write(store, batch(10, entities=(None,)))
    write(store, batch(10, entities=(None,), first=T0 + 10, columns=("temp", "flow", "noise"), values=np.ones((10, 3))))
    rows = store.history(SOURCE)
    assert [len(row.values) for row in rows] == [2] * 10 + [3] * 10
    store.roll_up()
    assert sum(t.n_rows for t in store.totals(SOURCE, span_seconds=60)) == 20


@pytest.mark.parametrize("first", [T0, -7000.5, 0.0])
def test_totals_are_those_of_the_rows_also_when_they_come_late_or_twice(store, first):
    early = batch(600, first=first, step=13.0, seed=1)
    late = batch(50, first=first + 31, step=17.0, seed=2)
    again = batch(600, first=first, step=13.0, seed=3)
    write(store, early)
    assert store.roll_up() > 100
    write(store, late)
    write(store, again, again)
    assert store.roll_up() > 100
    assert store.roll_up() == 0
    for entity in ("pump-0", "pump-1"):
        for span in (60, 3600):
            told, plain = told_totals(store, entity, span), plain_totals([early, late, again], entity, span)
            assert [t[:5] for t in told] == [p[:5] for p in plain]
            assert [t[5] for t in told] == pytest.approx([p[5] for p in plain])


def test_many_marks_are_worked_off_in_several_transactions(store, monkeypatch):
    monkeypatch.setattr("amiss.store.history._N_MARKS", 7)
    one = batch(500, step=61.0, entities=tuple(f"pump-{i}" for i in range(20)))
    write(store, one)
    assert store.roll_up() == 500
    assert told_totals(store, "pump-3", 60) == plain_totals([one], "pump-3", 60)


def test_old_rows_go_and_their_totals_stay(store):
    old, new = batch(100, first=T0 - 31 * DAY), batch(100, first=T0)
    write(store, old, new)
    assert store.prune(T0 + 60)["history"] == 100
    assert len(store.history(SOURCE, "pump-0")) == 50
    assert [t[:5] for t in told_totals(store, "pump-0", 60)] == [t[:5] for t in plain_totals([old, new], "pump-0", 60)]
    # What comes for a time whose rows are gone is left out, and so spoils no total.
    write(store, old)
    store.roll_up()
    assert sum(t.n_rows for t in store.totals(SOURCE, "pump-0")) == 100
    assert store.prune(T0 + 60)["history"] == 0


def test_old_totals_go_and_hours_stay_whole(store):
    rows = batch(400, first=T0 - 2 * DAY, step=450.0, entities=(None,))
    write(store, rows)
    gone = store.prune(T0, Retention(history_days=1.0, minutes_days=1.0))
    assert gone["minutes"] > 100
    late = batch(10, first=T0 - DAY + 90, step=61.0, entities=(None,), seed=5)
    write(store, late)
    store.roll_up()
    assert sum(t.n_rows for t in store.totals(SOURCE)) == 410
    assert store.prune(T0, Retention(history_days=1.0, minutes_days=1.0, hours_days=1.5))["hours"] > 0


def test_minutes_are_kept_as_long_as_their_rows(store):
    write(store, batch(400, first=T0 - 2 * DAY, step=450.0, entities=(None,)))
    assert store.prune(T0, Retention(history_days=None, minutes_days=0.5))["minutes"] == 0
    store.prune(T0, Retention(history_days=1.0, minutes_days=0.0))
    kept = store.totals(SOURCE, span_seconds=60)
    assert kept[0].start <= store.history(SOURCE)[0].time


def test_a_series_that_was_taken_away_can_come_back(store, place):
    write(store, batch(10, first=T0 - 100 * DAY))
    with Store.open(place) as other:
        gone = other.prune(T0, Retention(history_days=1.0, minutes_days=1.0, hours_days=1.0))
    assert (gone["history"], gone["series"]) == (10, 2)
    write(store, batch(10, first=T0))
    assert len(store.history(SOURCE, "pump-0")) == 5
    store.roll_up()
    assert sum(t.n_rows for t in store.totals(SOURCE, "pump-0")) == 5


def test_what_a_failed_transaction_found_is_not_remembered(store):
    def fail():
        with store.writing() as writer:
            writer.put_history(batch(10))
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    write(store, batch(10))
    store.roll_up()
    assert sum(t.n_rows for t in store.totals(SOURCE, "pump-0")) == 5


def test_hostile_names_are_kept_apart_and_found(store):
    names = ("a\x00b", "'; --", "😀", "", "\ud800", None)
    write(store, *(batch(12, entities=names, source=source, columns=(source, '"')) for source in ("\x00", "%s ? :x")))
    store.roll_up()
    for name in names:
        for source in ("\x00", "%s ? :x"):
            assert len(store.history(source, name)) == 2
            assert sum(total.n_rows for total in store.totals(source, name)) == 2


def test_rows_of_which_parts_are_missing_are_refused(store):
    with pytest.raises((ValueError, IndexError)):
        write(store, batch(10, scores=np.ones(9)))
    assert not store.history(SOURCE, "pump-0")


def test_totals_are_chosen_by_time(store):
    write(store, batch(600, entities=(None,)))
    store.roll_up()
    minute = T0 // 60 * 60
    told = store.totals(SOURCE, span_seconds=60, since=minute + 0.5, until=minute + 180)
    assert [total.start for total in told] == [minute + 60, minute + 120]
    assert len(store.totals(SOURCE, span_seconds=60, limit=3)) == 3


def test_what_is_kept_for_ever_stays(store):
    write(store, batch(10, first=0.0))
    for_ever = Retention(history_days=None, minutes_days=None, hours_days=None, deliveries_days=None, events_days=None)
    assert set(store.prune(T0, for_ever).values()) == {0}
    assert len(store.history(SOURCE, "pump-0")) == 5
