"""What is told of one row on request: nearest normal rows, the smallest change, replaced values."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import amiss
from amiss.core import catalog
from amiss.core.detector import Capabilities, MergeDetector
from amiss.core.errors import ParameterError
from amiss.core.finding import FullExplanation
from amiss.datasets import make_plant
from amiss.explain.counterfactual import Judge, smallest_change
from amiss.explain.nearest import nearest_rows
from amiss.explain.permutation import permutation_terms

R = np.random.default_rng(0)
SOME = ("ensemble", "isolation_forest", "knn", "hbos", "robust_covariance", "lof", "loda")


def table(seed, n_rows=300):
    """Numbers that hang together and some that do not, whole numbers, words, holes; and some odd rows."""
    random = np.random.default_rng(seed)
    a = random.normal(50, 5, n_rows)
    data = {
        "a": a.round(1),
        "b": (2 * a + random.normal(size=n_rows)).round(2),
        "c": random.standard_t(3, n_rows).round(3),
        "n": random.poisson(20, n_rows),
        "word": random.choice(["on", "off", "idle"], n_rows, p=[0.6, 0.35, 0.05]),
    }
    made = pl.DataFrame(data)
    odd = random.choice(n_rows, 6, replace=False)
    column = random.choice(["a", "b", "c"], 6)
    for row, name in zip(odd, column, strict=True):
        made[int(row), str(name)] = float(made[int(row), str(name)]) + float(random.choice([-90.0, 90.0]))
    holes = random.random(n_rows) < 0.02
    return made.with_columns(pl.when(pl.Series(holes)).then(None).otherwise(pl.col("c")).alias("c"))


def changed(frame, row, changes):
    """The one row with the changes made, in the types of the table."""
    one = frame[row : row + 1].to_dicts()[0] | {c.column: c.to for c in changes}
    one["n"] = round(one["n"])
    return pl.DataFrame([one], schema=frame.schema)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), detector=st.sampled_from(SOME))
def test_the_change_makes_the_row_normal(seed, detector):
    frame = table(seed)
    result = amiss.detect(frame, detector=detector, seed=seed)
    for row in np.flatnonzero(result.is_anomaly)[:4].tolist():
        found = result.explain_fully(row)
        assert found.changes
        after = result.model.score(changed(frame, row, found.changes))
        assert not after.is_anomaly[0]
        # None of the changes is idle.
        for k in range(len(found.changes)):
            fewer = changed(frame, row, found.changes[:k] + found.changes[k + 1 :])
            assert len(found.changes) > 1 or result.model.score(fewer).is_anomaly[0]


def test_one_planted_value_is_what_is_changed():
    X = R.normal(size=(1000, 6)) @ R.normal(size=(6, 6))
    X = X.round(2)
    rows, cause = np.arange(0, 1000, 125), R.integers(0, 6, 8)
    X[rows, cause] += (14 * X.std(axis=0)[cause]).round(2)
    result = amiss.detect(X, false_alarms=20)
    for row, j in zip(rows.tolist(), cause, strict=True):
        found = result.explain_fully(row)
        assert [c.column for c in found.changes] == [f"column_{j + 1}"]
        assert found.changes[0].to in X[:, j]
        assert found.permutation[0][0] == f"column_{j + 1}"
        assert found.change.startswith(f"if column_{j + 1} were {found.changes[0].to:.2f} instead of {X[row, j]:.2f}")


def test_a_row_without_alarm_needs_no_change():
    result = amiss.detect(R.normal(size=(200, 3)))
    found = result.explain_fully(int(result.scores.argmin()))
    assert found.changes == ()
    assert found.change == "the row raises no alarm as it is"
    with pytest.raises(ParameterError, match="no row 200"):
        result.explain_fully(200)


def test_the_change_is_the_nearest_value_that_is_enough():
    """One feature, alarm beyond 3: of all values that occur, the last one below."""
    judge = Judge(lambda X: np.abs(X).max(axis=1), lambda scores: scores > 3)
    occurring = np.sort(R.uniform(-5, 5, 2000))
    found = smallest_change(np.array([9.0, 1.0]), judge, {0: occurring, 1: occurring}, np.zeros(2))
    assert found == {0: occurring[occurring <= 3].max()}
    both = smallest_change(np.array([9.0, -7.0]), judge, {0: occurring, 1: occurring}, np.zeros(2))
    assert both == {0: occurring[occurring <= 3].max(), 1: occurring[occurring >= -3].min()}


def test_many_wrong_columns_take_over_a_normal_row():
    judge = Judge(lambda X: np.abs(X).max(axis=1), lambda scores: scores > 3)
    x = np.arange(4.0, 16.0)
    found = smallest_change(x, judge, {j: np.linspace(-2, 2, 5) for j in range(12)}, np.zeros(12))
    assert found == dict.fromkeys(range(12), 0.0)


def naive_nearest(x, rows, n):
    distances = []
    for i, row in enumerate(rows):
        square = 0.0
        for a, b in zip(x, row, strict=True):
            if np.isnan(a) != np.isnan(b):
                square += 9.0
            elif not np.isnan(a):
                square += (a - b) ** 2
        distances.append((square**0.5, i))
    return sorted(distances)[:n]


def test_nearest_rows_against_the_naive_twin():
    rows = R.normal(size=(80, 4)).round(1)
    rows[R.random(rows.shape) < 0.1] = np.nan
    for x in rows[:20]:
        distance, place = nearest_rows(x, rows, 5)
        expected = naive_nearest(x, rows, 5)
        np.testing.assert_allclose(distance, [d for d, _ in expected], atol=1e-12)
        assert place.tolist() == [i for _, i in expected]


def test_nearest_rows_are_normal_rows_of_the_table_and_of_the_entity():
    plant = make_plant(n_pumps=2, n_days=8, seed=3)
    result = amiss.detect(plant.frame.table, kind="table")
    rows = plant.frame.table.to_dicts()
    written = {pump: set() for pump in plant.frame.table["pump"].unique()}
    features = result.model.preparation.features
    for row, is_anomaly in zip(rows, result.is_anomaly, strict=True):
        if not is_anomaly:
            # A missing number is NaN in the table, and nothing in what is told.
            written[row["pump"]].add(tuple(None if row[name] != row[name] else row[name] for name in features))
    for row in result.ranking(5).tolist():
        found = result.explain_fully(row)
        assert len(found.nearest) == 3
        assert [n.distance for n in found.nearest] == sorted(n.distance for n in found.nearest)
        for near in found.nearest:
            assert tuple(near.values[name] for name in features) in written[rows[row]["pump"]]
            assert set(near.shown) == set(near.values)


def test_permutation_terms_of_a_sum_are_its_parts():
    weights = np.array([3.0, -1.0, 0.0])
    X, rows = R.normal(size=(40, 3)), R.normal(size=(16, 3))
    terms = permutation_terms(lambda Z: Z @ weights, X, rows, 16)
    np.testing.assert_allclose(terms, weights * (X - rows.mean(axis=0)), atol=1e-12)
    assert not permutation_terms(lambda Z: Z @ weights, X, rows[:0]).any()


class Silent(MergeDetector):
    """Ranks, and gives no reasons."""

    capabilities: ClassVar = Capabilities(missing=True)

    def _solve(self, summary, sample):
        self.location_ = np.nanmedian(sample.rows, axis=0)

    def _score(self, X):
        return np.nansum((X - self.location_) ** 2, axis=1)


def test_a_detector_without_reasons_is_explained_by_replacing_values(monkeypatch, tmp_path):
    known = catalog.detector_class
    for module in ("amiss.pipeline.recipe", "amiss.core.catalog", "amiss.pipeline.model_file"):
        monkeypatch.setattr(f"{module}.detector_class", lambda name: Silent if name == "silent" else known(name))
    X = R.normal(size=(500, 5))
    rows, cause = np.arange(0, 500, 100), R.integers(0, 5, 5)
    X[rows, cause] = 12.0
    result = amiss.detect(X, detector="silent")
    for row, j in zip(rows.tolist(), cause, strict=True):
        assert result.explain(row).contributions[0].column == f"column_{j + 1}"
        assert result.explain_fully(row).permutation[0][0] == f"column_{j + 1}"
    assert result.top(5)["reason"].str.contains("above its usual").all()
    result.model.save(tmp_path / "silent.amiss")
    again = amiss.load(tmp_path / "silent.amiss").score(X)
    assert again.explain(0) == result.explain(0)


def test_a_saved_model_explains_the_same(tmp_path):
    frame = table(5)
    result = amiss.detect(frame)
    result.model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss").score(frame)
    row = int(result.ranking(1)[0])
    first, second = result.explain_fully(row), again.explain_fully(row)
    assert first == second
    assert msgspec.json.decode(msgspec.json.encode(first), type=FullExplanation) == first


@pytest.mark.parametrize("detector", ["ensemble", "isolation_forest"])
def test_limits_are_part_of_what_is_normal(detector):
    random = np.random.default_rng(4)
    frame = pl.DataFrame({
        "a": random.normal(size=400).round(3), "b": random.normal(5, 2, 400).round(2),
        "fixed": [3] * 400, "word": random.choice(["x", "y"], 400),
    })  # fmt: skip
    frame[7, "a"], frame[11, "fixed"], frame[13, "b"] = 2.5, 4, -9.0
    frame[13, "a"] = 1.9
    limits = {"a": (-1.5, 1.25), "fixed": (None, 3.5)}
    result = amiss.detect(frame, detector=detector, limits=limits, roles={"fixed": "ignored"})
    assert {7, 11, 13} <= set(np.flatnonzero(result.beyond).tolist())
    for row in np.flatnonzero(result.beyond).tolist():
        found = result.explain_fully(row)
        assert {c.column for c in found.changes} & {"a", "fixed"}
        after = frame[row : row + 1].with_columns(**{c.column: pl.lit(c.to) for c in found.changes})
        assert not result.model.score(after).is_anomaly[0], found.change
        assert all(-1.5 <= near.values["a"] <= 1.25 for near in found.nearest)
    assert result.explain_fully(11).change.startswith("if fixed were 3.5 instead of 4")


def test_a_limit_that_all_rows_of_an_entity_break_is_not_explained_away():
    random = np.random.default_rng(5)
    n = 240
    frame = pl.DataFrame({
        "time": [f"2026-01-01 {i // 2 // 60:02d}:{i // 2 % 60:02d}:00" for i in range(n)],
        "pump": ["P1", "P2"] * (n // 2), "a": (random.normal(size=n) + np.tile([0.0, 50.0], n // 2)).round(2),
    })  # fmt: skip
    result = amiss.detect(frame, limits={"a": (None, 20)}, entity="pump", kind="table")
    found = result.explain_fully(1)
    assert found.is_anomaly
    assert found.changes == ()
    assert found.change == "no change is known that makes the row normal"


def test_a_learnt_row_is_not_its_own_nearest_row():
    X = R.normal(size=(300, 3))
    result = amiss.detect(X)
    quiet = np.flatnonzero(~result.is_anomaly)[:20].tolist()
    assert all(result.explain_fully(row).nearest[0].distance > 0 for row in quiet)


def test_where_nothing_speaks_against_a_row_that_is_said():
    result = amiss.detect(R.normal(size=(200, 2)))
    frame, model = result.rows_at(np.array([5])), result.model
    X = model.preparation.transform(frame)
    for contributions in (np.zeros((1, 2)), np.array([[-1.0, 0.0]])):
        assert model.reasons.of(frame, X, contributions)[0][0] == "nothing speaks against it"
