"""History as columns: the same rows as one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.store.made import T0, batch

SOURCE = "mqtt://plant/#"


@pytest.fixture
def filled(store):
    made = batch(3000, entities=("pump-0", "pump-1", None))
    made.scores[5] = made.p_values[6] = made.values[7, 0] = math.nan
    with store.writing() as writer:
        writer.put_history(made)
        writer.put_history(batch(10, first=T0 + 5, columns=("temp",), values=np.zeros((10, 1))))
    store.roll_up()
    return store


def test_series_say_whose_they_are_and_how_long(filled):
    found = filled.series()
    assert {(s.source, s.entity, s.columns) for s in found} == {
        (SOURCE, "pump-0", ("temp", "flow")), (SOURCE, "pump-1", ("temp", "flow")), (SOURCE, None, ("temp", "flow")),
        (SOURCE, "pump-0", ("temp",)), (SOURCE, "pump-1", ("temp",)),
    }  # fmt: skip
    first = next(s for s in found if s.entity == "pump-0" and len(s.columns) == 2)
    assert (first.start, first.stop, first.n_rows) == (T0, T0 + 2997, 1000)
    assert first.n_anomalies == sum(i % 50 == 7 for i in range(0, 3000, 3))
    assert filled.series(number=first.id) == [first]
    assert filled.series(source="other") == []
    paged = [s for k in range(3) for s in filled.series(limit=2, offset=2 * k)]
    assert paged == found


def test_columns_hold_the_rows(filled):
    for entity in ("pump-1", None):
        number = next(s.id for s in filled.series() if s.entity == entity and len(s.columns) == 2)
        columns, rows = filled.history_columns(number), filled.history(SOURCE, entity)
        rows = [row for row in rows if len(row.values) == 2]
        assert columns.times.tolist() == [row.time for row in rows]
        np.testing.assert_array_equal(columns.scores, [row.score for row in rows])
        np.testing.assert_array_equal(columns.p_values, [row.p_value for row in rows])
        assert columns.is_anomaly.tolist() == [row.is_anomaly for row in rows]
        np.testing.assert_array_equal(columns.values, [[row.values["temp"], row.values["flow"]] for row in rows])
    assert np.isnan(columns.scores).sum() == 1


def test_a_piece_of_the_columns(filled):
    number = next(s.id for s in filled.series() if s.entity == "pump-0" and len(s.columns) == 2)
    whole = filled.history_columns(number)
    piece = filled.history_columns(number, since=T0 + 300, until=T0 + 600)
    inside = (whole.times >= T0 + 300) & (whole.times < T0 + 600)
    np.testing.assert_array_equal(piece.values, whole.values[inside])
    assert len(filled.history_columns(number, since=T0 + 1e6).times) == 0
    assert len(filled.history_columns(-1).times) == 0


def test_rare_rows_are_the_rarest_in_the_order_of_time(filled):
    found = filled.rare_rows(SOURCE, since=T0 + 100, most=0.05)
    every = [(s.id, filled.history_columns(s.id)) for s in filled.series()]
    pairs = [(number, *pair) for number, rows in every for pair in zip(rows.times, rows.p_values, strict=True)]
    expected = {(number, time, p) for number, time, p in pairs if p <= 0.05 and time >= T0 + 100}
    assert set(zip(found.series, found.times, found.p_values, strict=True)) == expected
    assert (np.lexsort((found.times, found.series)) == np.arange(len(found.times))).all()
    few = filled.rare_rows(SOURCE, since=0.0, most=1.0, limit=5)
    every_p = np.concatenate([rows.p_values for _, rows in every])
    np.testing.assert_array_equal(np.sort(few.p_values), np.sort(every_p)[:5])
    assert len(filled.rare_rows("other", since=0.0, most=1.0).times) == 0


def test_rows_are_counted_by_the_hour(filled):
    first = next(s for s in filled.series() if s.entity == "pump-0" and len(s.columns) == 2)
    hour = T0 // 3600 * 3600
    assert filled.counted(first.id, since=hour, until=hour + 7200) == 1000
    assert filled.counted(first.id, since=hour, until=hour) == 0


def test_the_hours_of_a_source(filled):
    hour = T0 // 3600 * 3600
    every = sum(s.n_rows for s in filled.series())
    assert filled.hours_of(SOURCE) == (hour, (T0 + 2999) // 3600 * 3600 + 3600, every)
    assert filled.hours_of(SOURCE, since=T0 + 1e6) is None
    assert filled.hours_of("other") is None


def test_whose_series_there_are(filled):
    assert filled.sources() == [SOURCE]
    assert filled.entities_of(SOURCE) == {s.id: s.entity for s in filled.series()}
    assert filled.entities_of("other") == {}
