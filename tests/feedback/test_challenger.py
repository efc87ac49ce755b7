"""A new model from verdicts: an ordinary model file, that ranks better; labels keyed to data."""

from __future__ import annotations

import numpy as np
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError
from amiss.core.frame import Frame
from amiss.core.source import MemorySource
from amiss.feedback import learn_challenger, verdicts_on_rows
from amiss.store.records import LabelRecord

N = 500


@pytest.fixture(scope="module")
def X():
    random = np.random.default_rng(0)
    X = random.normal(size=(N, 3))
    X[:40, 0] += 4
    X[40:80, 1] += 4
    return X


@pytest.fixture(scope="module")
def champion(X):
    return amiss.fit(X, false_alarms="2%")


VERDICTS = {row: "anomaly" if row < 15 else "normal" for row in [*range(15), *range(40, 60)]}


def test_it_ranks_what_was_said_and_keeps_the_promise_asked(X, champion, tmp_path):
    made = learn_challenger(champion, X, VERDICTS | {200: "unsure", 201: "not_now"})
    assert (made.n_anomalies, made.n_normal) == (15, 20)
    assert made.compared.better
    assert "learnt from 500 rows and 35 verdicts (15 anomalies, 20 normal)" in made.reason
    assert made.model.promise.asked == champion.promise.asked
    made.model.save(tmp_path / "new.amiss")
    again = amiss.load(tmp_path / "new.amiss")
    random = np.random.default_rng(1)
    fresh = random.normal(size=(200, 3)) * 0.5 + np.repeat([[4.0, 0, 0], [0, 4.0, 0]], 100, axis=0)
    scores = again.score(fresh).scores
    np.testing.assert_array_equal(scores, made.model.score(fresh).scores)
    assert (scores[:100][:, None] > scores[100:]).mean() > 0.9


def test_without_anomalies_the_rows_are_learnt_anew(X, champion):
    made = learn_challenger(champion, X, {3: "normal"})
    assert made.model.recipe.detector == champion.recipe.detector
    assert np.isnan(made.compared.first)
    assert "cannot be told" in made.reason


def test_a_detector_without_labels_gives_way_to_one_that_learns(X):
    made = learn_challenger(amiss.fit(X, detector="knn", params={"n_neighbors": 3}), X, VERDICTS)
    assert made.model.recipe.detector == "partly_labelled"


def test_a_column_called_verdict_is_kept(X):
    table = {"verdict": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
    made = learn_challenger(amiss.fit(table), table, VERDICTS)
    assert "verdict" in made.model.preparation.features


def test_what_cannot_be_learnt_from_is_refused(X, champion):
    with pytest.raises(DataError, match="no verdict says"):
        learn_challenger(champion, X, {1: "unsure"})
    series = amiss.fit({"time": np.arange(800) * 60, "value": np.sin(np.arange(800) / 7)}, kind="series")
    with pytest.raises(ParameterError, match="model of series"):
        learn_challenger(series, X, VERDICTS)


class TestLabelsOnRows:
    @pytest.fixture
    def table(self):
        random = np.random.default_rng(0)
        return {
            "time": [f"2026-01-01T00:{i:02d}:00Z" for i in range(60)] * 2,
            "pump": ["a"] * 60 + ["b"] * 60,
            "order": [f"o{i}" for i in range(120)],
            "temp": random.normal(size=120),
        }

    @pytest.fixture
    def model(self, table):
        return amiss.fit(table, time="time", entity="pump", kind="table", ignore=["order"], false_alarms="5%")

    def rows(self, model, table, *labels, key=None):
        return verdicts_on_rows(labels, model, MemorySource(Frame.of(table)), key=key)

    def label(self, **changed):
        return LabelRecord(**({"verdict": "anomaly", "author": "kim", "at": 0.0, "source": "plant"} | changed))

    def test_by_position_key_and_span(self, model, table):
        assert self.rows(model, table, self.label(row_key="7")) == {7: "anomaly"}
        assert self.rows(model, table, self.label(row_key="o9"), key="order") == {9: "anomaly"}
        start = 1767225600.0
        span = self.label(entity="b", starts=start + 120, ends=start + 240)
        assert self.rows(model, table, span) == dict.fromkeys((62, 63, 64), "anomaly")
        everywhere = self.label(starts=start, ends=start)
        assert self.rows(model, table, everywhere) == dict.fromkeys((0, 60), "anomaly")

    def test_the_later_stands_and_what_was_taken_back_does_not(self, model, table):
        first, later = self.label(row_key="7"), self.label(row_key="7", verdict="normal")
        assert self.rows(model, table, first, later) == {7: "normal"}
        back = self.label(row_key="7", verdict="unsure", reason="taken back")
        assert self.rows(model, table, first, later, back) == {7: "anomaly"}

    def test_wrong_keys_are_refused(self, model, table):
        with pytest.raises(DataError, match="no position"):
            self.rows(model, table, self.label(row_key="o9"))
        with pytest.raises(DataError, match="no column 'x'"):
            self.rows(model, table, self.label(row_key="o9"), key="x")
        timeless = amiss.fit({"temp": table["temp"]}, false_alarms="5%")
        with pytest.raises(DataError, match="span of time"):
            self.rows(timeless, {"temp": table["temp"]}, self.label(starts=0.0, ends=1.0))
