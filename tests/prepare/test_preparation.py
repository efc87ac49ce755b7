"""Features: comparable, row by row, and the same in the model file."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import DataError, SchemaError
from amiss.core.frame import Frame
from amiss.core.rarity import deviation_of
from amiss.prepare.preparation import Preparation
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

R = np.random.default_rng(0)


def learn(columns, *, fill_missing=False, **wishes):
    frame = Frame.of(columns)
    summary = TableSummary.of(frame, capacity=10_000)
    return Preparation.of(infer_schema(summary, Wishes(**wishes)), summary, fill_missing=fill_missing), frame


def test_numbers_become_robust_deviations():
    x = R.normal(100, 5, 1000)
    x[:5] = 1e12
    made, frame = learn({"x": x, "y": R.normal(size=1000)})
    Z = made.transform(frame)
    assert np.median(Z[:, 0]) == pytest.approx(0, abs=0.01)
    assert np.std(Z[5:, 0]) == pytest.approx(1, abs=0.1)
    assert Z[:5, 0].min() == 1e9  # clipped, so that squares stay finite


def test_each_entity_is_measured_against_itself():
    who = np.repeat(["a", "b"], 100)
    x = np.concatenate([R.normal(10, 1, 100), R.normal(1000, 50, 100)])
    made, frame = learn({"who": who, "x": x}, entity="who")
    Z = made.transform(frame)[:, 0]
    assert abs(np.median(Z[:100])) < 0.1
    assert abs(np.median(Z[100:])) < 0.1
    unknown = made.transform(Frame.of({"who": ["c"], "x": [np.median(x)]}))
    assert abs(unknown[0, 0]) < 0.1


def test_a_kind_is_as_far_out_as_it_is_rare():
    words = ["common"] * 900 + ["half"] * 95 + ["rare"] * 5
    made, frame = learn({"x": R.normal(size=1000), "word": words})
    Z = made.transform(frame)[:, 1]
    expected = deviation_of(np.array([1.0, 0.1, 0.005]))
    assert (Z[0], Z[905], Z[-1]) == pytest.approx(tuple(expected), abs=0.1)
    unknown, missing = made.transform(Frame.of({"x": [0.0, 0.0], "word": ["new", None]}))[:, 1]
    assert unknown > 3.05
    assert missing > 3.05


def test_many_equal_kinds_are_none_of_them_rare():
    made, frame = learn({"x": R.normal(size=1000), "word": [f"k{i % 100}" for i in range(1000)]})
    assert made.transform(frame)[:, 1].max() == 0


def test_an_unknown_kind_is_as_likely_as_the_kinds_seen_once():
    words = ["usual"] * 800 + [f"once {i}" for i in range(200)]
    made, frame = learn({"x": R.normal(size=1000), "word": words})
    known = made.transform(frame)[:, 1]
    unknown = made.transform(Frame.of({"x": [0.0], "word": ["new"]}))[0, 1]
    assert unknown == pytest.approx(deviation_of(np.array([0.2]))[0])
    assert known[-1] == pytest.approx(unknown, abs=0.01)
    assert unknown > known.max()  # still told apart


def test_missing_numbers_stay_missing_or_lie_as_far_out_as_they_are_rare():
    x = R.normal(size=1000)
    x[::100] = np.nan
    kept, frame = learn({"x": x, "y": R.normal(size=1000)})
    filled, _ = learn({"x": x, "y": R.normal(size=1000)}, fill_missing=True)
    assert np.isnan(kept.transform(frame)[::100, 0]).all()
    assert filled.transform(frame)[0, 0] == pytest.approx(deviation_of(np.array([0.01]))[0])


def test_chunks_give_what_the_whole_gives():
    made, frame = learn({"x": R.normal(size=300), "w": R.choice(["a", "b", "c"], 300)})
    whole = made.transform(frame)
    parts = [made.transform(frame.rows(np.arange(a, a + 100))) for a in (0, 100, 200)]
    np.testing.assert_array_equal(np.vstack(parts), whole)


def test_nothing_to_rank_by():
    with pytest.raises(DataError, match="no column is left"):
        learn({"a": ["x"] * 50, "b": [None] * 50})


def test_a_missing_column_is_named_with_the_nearest():
    made, _ = learn({"temperature": R.normal(size=50), "y": R.normal(size=50)})
    with pytest.raises(SchemaError, match="did you mean 'temperatur'"):
        made.check(Frame.of({"temperatur": [1.0], "y": [1.0]}))


def test_numbers_that_have_become_text():
    made, _ = learn({"x": R.normal(size=50), "y": R.normal(size=50)})
    odd = made.oddities(Frame.of({"x": ["1.5", "2", "oops"], "y": [1.0, np.inf, np.nan]}))
    assert odd == {"x": (1, 2, "oops"), "y": (1, 1, "inf")}
    with pytest.raises(SchemaError, match="is text, a number is needed") as caught:
        made.oddities(Frame.of({"x": ["1.5", "bad", "oops"], "y": [1.0, 2, 3]}))
    assert "first in row 1: 'bad'" in str(caught.value)


def test_summary_of_batches_is_the_summary_of_the_whole():
    frame = Frame.of({"x": R.normal(size=300), "w": R.choice(["a", "b"], 300), "e": [None] * 150 + ["z"] * 150})
    whole = TableSummary.of(frame, capacity=70)
    parts = [TableSummary.of(Frame(frame.table[a : a + 100], a), capacity=70) for a in (0, 100, 200)]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    for name, counts in whole.columns.items():
        assert merged.columns[name].kinds == counts.kinds
        assert merged.columns[name].n_missing == counts.n_missing
        assert merged.columns[name].constant == counts.constant
    assert merged.sample.table.equals(whole.sample.table)
    assert merged.position.tolist() == whole.position.tolist()
