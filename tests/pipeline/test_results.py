"""detect, fit and score: one Model, the same scores by every road."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.catalog import detector_class, detector_names
from amiss.core.detector import SequentialDetector
from amiss.core.errors import DataError, ParameterError, PromiseError, SchemaError
from amiss.core.frame import Frame
from amiss.core.source import MemorySource
from amiss.datasets import make_plant
from amiss.io.files import blocks

R = np.random.default_rng(0)


@pytest.fixture(scope="module")
def plant():
    return make_plant(n_pumps=2, n_days=8, seed=3)


def test_files_frames_and_batches_give_the_same_scores(tmp_path, plant, monkeypatch):
    table = plant.frame.table
    whole = amiss.detect(table)
    table.write_csv(tmp_path / "t.csv")
    table.write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(MemorySource, "batch_rows", 100)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5000)
    for data in (table, tmp_path / "t.csv", tmp_path / "t.parquet", str(tmp_path / "t.csv")):
        result = amiss.detect(data)
        np.testing.assert_allclose(result.scores, whole.scores, rtol=1e-9)
        np.testing.assert_array_equal(result.is_anomaly, whole.is_anomaly)
        assert [e.reason for e in result.explain_top(5)] == [e.reason for e in whole.explain_top(5)]


def test_rows_score_alike_alone_and_in_company(plant):
    model = amiss.fit(plant.frame.table, kind="table")
    whole = model.score(plant.frame.table).scores
    for start in (0, 77, 500):
        alone = model.score(plant.frame.table[start : start + 1]).scores
        np.testing.assert_allclose(alone, whole[start : start + 1], rtol=1e-9)


OF_STREAMS = [name for name in detector_names() if issubclass(detector_class(name), SequentialDetector)]


@pytest.mark.parametrize("detector", OF_STREAMS)
def test_a_detector_of_streams_is_refused_for_a_table(plant, detector):
    with pytest.raises(ParameterError, match="learns row after row"):
        amiss.detect(plant.frame.table, kind="table", detector=detector)


@pytest.mark.parametrize("detector", [name for name in detector_names() if name not in OF_STREAMS])
def test_every_detector_ranks_a_table(plant, detector, tmp_path):
    result = amiss.detect(plant.frame.table, kind="table", detector=detector)
    assert np.isfinite(result.scores).all()
    assert result.explain(int(result.ranking(1)[0])).reason
    model = amiss.fit(plant.frame.table, kind="table", detector=detector)
    model.save(tmp_path / "m.amiss")
    np.testing.assert_array_equal(
        amiss.load(tmp_path / "m.amiss").score(plant.frame.table).scores,
        model.score(plant.frame.table).scores,
    )


def test_most_planted_faults_are_found_row_by_row():
    found = 0
    for seed in range(3):
        made = make_plant(seed=seed)
        result = amiss.detect(made.frame.table, kind="table")
        found += sum(result.is_anomaly[fault.rows].any() for fault in made.faults)
        beside = (result.is_anomaly & ~made.is_fault).sum() / (~made.is_fault).sum()
        assert beside <= 0.01
    assert found >= 0.6 * 3 * len(made.faults)


def test_reasons_name_the_planted_cause():
    X = R.normal(size=(3000, 6)) @ R.normal(size=(6, 6))
    rows = np.arange(0, 3000, 50)
    cause = R.integers(0, 6, len(rows))
    X[rows, cause] += 8 * X.std(axis=0)[cause]
    result = amiss.detect(X)
    named = [result.explain(int(row)).contributions[0].column for row in rows]
    assert np.mean([name == f"column_{j + 1}" for name, j in zip(named, cause, strict=True)]) >= 0.95


def test_a_broken_relation_is_worded_as_one():
    x = R.normal(50, 10, 2000)
    table = pl.DataFrame({"a": x, "b": 2 * x + R.normal(0, 0.5, 2000), "c": R.normal(size=2000)})
    table[7, "a"], table[7, "b"] = 45.0, 112.0
    result = amiss.detect(table)
    assert 7 in result.ranking(4)
    assert "would fit the other values" in result.explain(7).reason


def test_reasons_in_words():
    table = pl.DataFrame(
        {
            "x": np.append(R.normal(size=999).round(2), 50.0),
            "w": ["a", "b"] * 499 + ["odd", "a"],
            "y": R.normal(size=1000),
        }
    ).with_columns(y=pl.when(pl.int_range(1000) == 5).then(None).otherwise(pl.col("y")))
    result = amiss.detect(table)
    assert "x 50.00 is far above its usual" in result.explain(999).reason
    assert "w 'odd' is rare: 0.1% of rows" in result.explain(998).reason
    assert "y is missing, as in 0.1% of rows" in result.explain(5).reason
    model = amiss.fit(table)
    fresh = model.score(pl.DataFrame({"x": [0.0], "w": ["new"], "y": [0.0]}))
    assert "w 'new' was never seen before" in fresh.explain(0).reason


def test_ranking_and_explanations_agree():
    result = amiss.detect(R.normal(size=(400, 3)))
    order = result.ranking(400)
    assert sorted(order.tolist()) == list(range(400))
    assert (np.diff(result.scores[order]) <= 0).all()
    assert (np.diff(result.p_values[order]) >= 0).all()
    for e in result.explain_top(20):
        assert e.score == result.scores[e.row]
        assert e.p_value == result.p_values[e.row]
        assert sum(c.share for c in e.contributions) <= 1.001
    with pytest.raises(ParameterError, match="no row 400"):
        result.explain(400)


def test_ties_keep_the_order_of_rows():
    result = amiss.detect(np.repeat([[1.0], [2.0]], [95, 5], axis=0), detector="robust_z_score")
    assert result.ranking(5).tolist() == [95, 96, 97, 98, 99]


def test_scored_table_has_all_rows_and_the_four_columns(plant):
    result = amiss.detect(plant.frame.table)
    table = pl.concat(list(result.scored()))
    assert table.columns == [*plant.frame.names, "anomaly_score", "p_value", "is_anomaly", "reason"]
    np.testing.assert_array_equal(table["anomaly_score"].to_numpy(), result.scores)
    assert (table["reason"].is_not_null() == table["is_anomaly"]).all()


def test_events_group_alarms_of_one_entity(plant):
    result = amiss.detect(plant.frame.table)
    events = result.events
    assert all(event.n_alarms >= 1 for event in events)
    assert sum(event.n_alarms for event in events) >= result.n_anomalies
    assert [e.score for e in events] == sorted((e.score for e in events), reverse=True)
    fault = max(plant.faults, key=lambda fault: result.is_anomaly[fault.rows].sum())
    mine = [e for e in events if e.entity == fault.pump and e.peak_row in set(fault.rows.tolist())]
    assert mine
    longest = max(mine, key=lambda event: event.n_alarms)
    assert longest.n_alarms > 3
    assert longest.start >= str(fault.start)[:19]


def test_without_time_each_alarm_is_an_event():
    result = amiss.detect(R.normal(size=(500, 2)))
    assert len(result.events) == result.n_events == result.n_anomalies == 5
    assert [event.reason for event in result.events] == [result.explain(e.peak_row).reason for e in result.events]
    assert all(event.reason for event in result.events)
    assert result.top_events(2) == result.events[:2]
    assert result.events[0].start is None


def test_a_seed_makes_it_repeatable():
    X = R.normal(size=(400, 3))
    np.testing.assert_array_equal(amiss.detect(X, seed=5).scores, amiss.detect(X, seed=5).scores)
    assert not np.array_equal(amiss.detect(X, seed=5).scores, amiss.detect(X, seed=6).scores)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"detector": "isolation_forrest"}, ParameterError, "did you mean 'isolation_forest'"),
        ({"detector": "knn", "params": {"n_neighbors": 0}}, ParameterError, "n_neighbors=0"),
        ({"detector": "knn", "params": {"k": 3}}, ParameterError, "Invalid parameter 'k'"),
        ({"kind": "graph"}, ParameterError, "no kind 'graph'"),
        ({"detector": "ewma", "kind": "table"}, ParameterError, "is for series"),
        ({"seed": -1}, ParameterError, "seed -1"),
        ({"seed": "x"}, ParameterError, "wrong type"),
        ({"ignore": ["column_9"]}, SchemaError, "no column 'column_9'"),
        ({"false_alarms": "0.001%"}, PromiseError, "99,900 more rows"),
        ({"false_alarms": "lots"}, ParameterError, "cannot be read"),
    ],
)
def test_options_that_cannot_be(options, error, words):
    with pytest.raises(error, match=words):
        amiss.detect(R.normal(size=(100, 2)), **options)


@pytest.mark.parametrize("n_rows", [1, 2, 9])
def test_too_few_rows(n_rows):
    with pytest.raises(DataError, match="too few"):
        amiss.detect(R.normal(size=(n_rows, 3)))


def test_scoring_needs_the_learnt_columns(plant):
    model = amiss.fit(plant.frame.table)
    with pytest.raises(SchemaError, match=r"'pressure_bar'.*is not there"):
        model.score(plant.frame.table.drop("pressure_bar"))
    more = plant.frame.table.with_columns(extra=pl.lit(1))
    np.testing.assert_array_equal(model.score(more).scores, model.score(plant.frame.table).scores)


def test_rows_at_gives_rows_in_the_order_asked(plant):
    result = amiss.detect(plant.frame.table)
    rows = np.array([5, 1, 900, 1])
    assert result.rows_at(rows).table.equals(plant.frame.table[rows.tolist()])


def test_notebook_view(plant):
    html = amiss.detect(Frame.of({"<b>": R.normal(size=50), "y": R.normal(size=50)}))._repr_html_()
    assert "<table>" in html
    assert "<b> " not in html


@pytest.mark.parametrize("detector", ["kmeans", "cblof", "gmm", "one_class_svm", "sklearn.ensemble.IsolationForest"])
def test_a_seed_may_have_any_size(detector):
    X = np.random.default_rng(0).normal(size=(60, 2))
    assert np.isfinite(amiss.detect(X, detector=detector, seed=2**40 + 1).scores).all()


def test_times_and_entities_that_a_model_cannot_use_are_told(plant):
    table = plant.frame.table
    model = amiss.fit(table, kind="table")
    assert not model.score(table).notes
    assert not amiss.detect(table, kind="table").notes
    fresh = table.with_columns(pump=pl.col("pump").replace({"P1": "P9"}))
    assert "pump 'P9', of which too little was learnt, is compared with all" in model.score(fresh).notes
    for spoilt in (pl.lit("soon"), pl.lit(None, pl.String)):
        notes = model.score(table.with_columns(time=spoilt)).notes
        assert "not one time in column 'time' can be read, so alarms are not grouped in time" in notes
    assert "there is no time column 'time'" in model.score(table.drop("time")).notes[0]


def test_a_table_that_may_be_a_course_is_told_so():
    random = np.random.default_rng(0)
    noise = {"a": random.normal(size=600), "b": random.normal(size=600)}
    course = {name: np.convolve(x, np.ones(8), "same") for name, x in noise.items()}
    course["a"][300] += 1e6  # one spike does not hide it
    times = {"time": np.datetime64("2026-03-01T00:00:00", "s") + np.arange(600) * np.timedelta64(60, "s")}
    alike, timed, asked = "neighbouring rows are alike", "do not look like samples", "knn judges rows one by one"
    told = {alike: (course, {}), timed: (times | noise, {}), asked: (times | course, {"detector": "knn"})}
    for words, (columns, options) in told.items():
        (note,) = amiss.detect(columns, **options).notes
        assert words in note
        assert "--kind series" in note
        assert amiss.fit(columns, **options).notes == (note,)
        assert not amiss.detect(columns, kind="table", **options).notes
    assert not amiss.detect(noise).notes
    assert amiss.detect(times | course).kind == "series"
    assert amiss.detect(times | noise).kind == "table"


def test_what_was_found_before_is_not_ranked(plant, tmp_path):
    frame = pl.concat(amiss.detect(plant.frame.table).scored())
    again = amiss.detect(frame)
    named = {column.name: column for column in again.schema.columns}
    assert named["anomaly_score"].role == named["p_value"].role == "ignored"
    assert named["reason"].note == "what amiss found before; left out"
    np.testing.assert_array_equal(again.scores, frame["anomaly_score"].to_numpy())
    alone = amiss.detect({"p_value": R.normal(size=50)})
    assert alone.schema.columns[0].role == "number"


def test_a_number_per_time_that_is_more_than_every_second_row_is_said(plant):
    result = amiss.detect(plant.frame.table, kind="table", false_alarms="999/minute")
    assert any("at most 50% of the rows is promised" in note for note in result.notes)
