"""Peaks tell how many alarms another threshold would have raised."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.server.sets.backtest import Backtests, peaks_of
from amiss.server.sets.library import SetLibrary
from amiss.store import Store
from amiss.store.records import EventRecord, HistoryBatch, LabelRecord
from amiss.store.watches import WatchRecord
from tests.store.made import batch

T0 = 1_700_000_000.0
DAY = 86_400.0


def test_peaks_are_the_highest_of_what_lies_together():
    assert peaks_of(np.empty(0, np.int64), np.empty(0), np.empty(0), 1.0).tolist() == []
    chance = np.random.default_rng(0)
    groups = np.sort(chance.integers(0, 5, 400))
    times = np.cumsum(chance.exponential(size=400))
    levels = chance.normal(size=400)
    found, expected, begin = peaks_of(groups, times, levels, 1.5), [], 0
    for i in range(1, 401):
        if i == 400 or groups[i] != groups[i - 1] or times[i] - times[i - 1] > 1.5:
            expected.append(begin + int(np.argmax(levels[begin:i])))
            begin = i
    assert found.tolist() == expected


@pytest.fixture
def watched(tmp_path):
    """Twenty days of two entities, a row a minute; each alarm lasts three rows."""
    n = 20 * 1440
    chance = np.random.default_rng(0)
    with Store.open(tmp_path / "amiss.db") as store:
        alarms = np.sort(chance.choice(np.arange(100, n - 100, 50), 30, replace=False))
        p_values = np.maximum(chance.uniform(size=n), 0.001)
        for k in alarms:
            p_values[k : k + 3] = [1e-5, 1e-6, 1e-5]
        entities = ["a" if (i // 50) % 2 else "b" for i in range(n)]
        with store.writing() as writer:
            writer.put_history(HistoryBatch(
                source="demo", columns=("x",), entities=entities, times=T0 + 60.0 * np.arange(n),
                scores=-np.log(p_values), p_values=p_values, is_anomaly=p_values < 1e-4, values=np.zeros((n, 1)),
            ))  # fmt: skip
            first = int(alarms[0])
            writer.put_events([EventRecord(
                id="e1", source="demo", kind="spike", entity=entities[first], opened=T0 + 60.0 * first,
                updated=T0 + 60.0 * (first + 2), fingerprint="f",
            )])  # fmt: skip
            writer.put_watch(WatchRecord(source="demo", seen_at=T0, started=T0, judge="adaptive band", asked="1.5/day"))
        store.roll_up()
        store.add_label(LabelRecord(
            verdict="normal", author="kim", at=T0, source="demo", entity=entities[first], starts=T0 + 60.0 * first,
            ends=T0 + 60.0 * (first + 3),
        ))  # fmt: skip
        with SetLibrary(tmp_path / "sets") as library:
            yield store, library, alarms, entities


def test_a_live_source_has_the_alarms_that_were_raised_at_its_threshold(watched):
    store, library, alarms, entities = watched
    (found,) = Backtests(store, library, lambda: T0 + 20 * DAY).all()
    assert (found.source, found.set_id, found.judge, found.asked) == ("demo", None, "adaptive band", "1.5/day")
    assert found.n_rows == 20 * 1440
    assert found.days == pytest.approx(20, abs=0.1), "by whole hours"
    above = [peak for peak in found.peaks if peak[2] >= found.threshold]
    assert sorted(peak[1] for peak in above) == [T0 + 60.0 * (k + 1) for k in alarms]
    assert {peak[2] for peak in above} == {6.0}
    assert [peak[2] for peak in found.peaks] == sorted((peak[2] for peak in found.peaks), reverse=True)
    lower = sum(peak[2] >= 2.5 for peak in found.peaks)
    assert lower > 2 * len(alarms), "a lower threshold raises more"
    told = next(peak for peak in above if peak[1] == T0 + 60.0 * (alarms[0] + 1))
    assert told == (entities[alarms[0]], told[1], 6.0, "e1", "normal")
    assert all(peak[3] is None and peak[4] is None for peak in above if peak is not told)
    assert found.reached == "1.5 alarms a day"


def test_only_the_last_month_is_looked_at(watched):
    store, library, alarms, _ = watched
    for days in (40, 400):
        (late,) = Backtests(store, library, lambda days=days: T0 + days * DAY).all()
        assert late.days == pytest.approx(20, abs=0.1), "of a recording, the last month there is"
        assert len([peak for peak in late.peaks if peak[2] >= late.threshold]) == len(alarms)
    with store.writing() as writer:
        writer.put_history(batch(60, first=T0 + 35 * DAY, source="demo"))
    store.roll_up()
    (found,) = Backtests(store, library, lambda: T0 + 36 * DAY).all()
    assert found.days == pytest.approx(30, abs=0.1)
    assert min(peak[1] for peak in found.peaks) >= T0 + 5 * DAY


def test_what_was_made_is_kept_for_half_a_minute(watched):
    store, library, *_ = watched
    now = [T0]
    backtests = Backtests(store, library, lambda: now[0])
    first = backtests.all()[0]
    now[0] += 29
    assert backtests.all()[0] is first
    now[0] += 2
    assert backtests.all()[0] is not first


def test_sets_have_theirs(asks, shelf):
    library, ids = shelf
    items = {item["set_id"]: item for item in asks.get("/api/detectors").json()["items"]}
    table, series = items[ids["table"]], items[ids["series"]]
    assert ids["network"] not in items
    assert (table["source"], table["days"], table["n_rows"]) == ("table.csv", None, 600)
    assert sum(peak[2] >= table["threshold"] for peak in table["peaks"]) == library.get(ids["table"]).n_anomalies
    assert series["days"] == pytest.approx(3000 / 1440, abs=0.01)
    above = [peak for peak in series["peaks"] if peak[2] >= series["threshold"]]
    assert "p2" in {peak[0] for peak in above}
    assert series["asked"]
    assert items[None]["source"] == "mqtt://plant/#"
