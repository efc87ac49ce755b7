"""Fixed limits: read, checked against the columns, kept whatever the score, and worded."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ParameterError, SchemaError
from amiss.explain.limits import limit_words
from amiss.thresholds.limits import Limit, limits_of, read_limits

R = np.random.default_rng(0)
TABLE = pl.DataFrame({
    "temperature": R.normal(60, 5, 400).round(1), "state": R.choice(["on", "off"], 400), "fixed": np.full(400, 3),
    "note": [f"{i}°" for i in range(400)],
})  # fmt: skip


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["t<=80"], {"t": (None, 80.0)}), (["t >= -5"], {"t": (-5.0, None)}), (["a b<=1e3"], {"a b": (None, 1000.0)}),
        (["t<=80", "t<=70", "t>=2", "t>=-1"], {"t": (2.0, 70.0)}),
        (["t<=80", "t>=0", "p>=1"], {"t": (0.0, 80.0), "p": (1.0, None)}), ([], {}),
    ],
)  # fmt: skip
def test_written_limits(written, read):
    assert read_limits(written) == read


@pytest.mark.parametrize("written", ["t", "t<80", "<=80", "t<=", "t<=hot", "t<=1<=2", "t==4", ""])
def test_limits_that_cannot_be_read(written):
    with pytest.raises(ParameterError, match="limit"):
        read_limits([written])


@pytest.mark.parametrize("bounds", [(None, None), (5.0, 1.0), (float("nan"), None), (None, float("inf"))])
def test_limits_that_are_none(bounds):
    with pytest.raises(ParameterError, match="limit"):
        limits_of({"t": bounds})


def test_beyond():
    values = np.array([-1.0, 0.0, 5.0, 10.0, 10.1, np.nan])
    assert Limit("t", 0, 10).beyond(values).tolist() == [True, False, False, False, True, False]


def test_words():
    assert limit_words(Limit("temperature", None, 80), 93.1, 1) == "temperature 93.1 is above its limit of 80"
    assert limit_words(Limit("t", -5, 80), -7.25, 2) == "t -7.25 is below its limit of -5"
    # A value never reads as if it were the limit itself.
    assert limit_words(Limit("t", None, 80), 80.04, 1) == "t 80.04 is above its limit of 80"
    # Nor as if it were on the other side of it, and a limit is written whole.
    assert limit_words(Limit("t", None, 2.1), 2.14, 0) == "t 2.14 is above its limit of 2.1"
    assert limit_words(Limit("t", 1234567.5, None), 1234567.25, 2) == "t 1234567.25 is below its limit of 1234567.5"


def test_a_column_left_out_is_worded_with_its_own_digits():
    table = TABLE.with_columns(odd=pl.Series(R.normal(size=400).round(2)))
    result = amiss.detect(table, ignore=["odd"], limits={"odd": (None, 1.5)})
    row = int(np.flatnonzero(result.beyond)[0])
    assert result.explain(row).reason.startswith(f"odd {table['odd'][row]:.2f} is above its limit of 1.5")


def test_rows_beyond_a_limit_are_alarms_whatever_their_score(tmp_path):
    model = amiss.fit(TABLE, limits={"temperature": (30, 61.5), "fixed": (None, 3)}, false_alarms="1%")
    path = tmp_path / "m.amiss"
    model.save(path)
    fresh = pl.DataFrame({
        "temperature": [60.0, 62.0, None, 93.1, 60.0], "state": ["on"] * 5, "fixed": [3, 3, 3, 3, 4],
        "note": [""] * 5,
    })  # fmt: skip
    for judge in (model, amiss.load(path)):
        result = judge.score(fresh)
        assert result.beyond.tolist() == [False, True, False, True, True]
        assert result.is_anomaly[[1, 3, 4]].all()
        assert result.explain(1).reason == "temperature 62.0 is above its limit of 61.5"
        assert result.explain(4).reason == "fixed 4 is above its limit of 3"
        assert set(result.ranking(3).tolist()) == {1, 3, 4}
        assert result.top(3)["is_anomaly"].all()
        np.testing.assert_array_equal(result.p_values, judge.with_false_alarms("5%").score(fresh).p_values)


def test_without_limits_nothing_is_beyond():
    assert not amiss.detect(TABLE).beyond.any()


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"temprature": (None, 1)}, "did you mean 'temperature'"), ({"state": (None, 1)}, "holds no numbers")],
)
def test_limits_on_columns_that_cannot_have_them(limits, words):
    with pytest.raises(SchemaError, match=words):
        amiss.detect(TABLE, limits=limits)


def test_a_column_with_a_limit_has_to_be_there():
    model = amiss.fit(TABLE, limits={"fixed": (None, 3)})
    with pytest.raises(SchemaError, match="'fixed', which has a limit"):
        model.score(TABLE.drop("fixed"))


def test_a_limit_of_the_wrong_kind():
    with pytest.raises(ParameterError):
        amiss.detect(TABLE, limits={"temperature": 80})
