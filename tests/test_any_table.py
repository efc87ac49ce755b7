"""Tables by the thousand: a sound answer or an error of ours, never anything else."""

from __future__ import annotations

import contextlib

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import amiss
from amiss.core.errors import AmissError
from amiss.pipeline.recipe import Recipe
from amiss.report.page import report_html

NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(2**60), 2**60)
WORDS = (
    st.none()
    | st.sampled_from(["", "a", "b", "n/a", "1", "2.5", "1,5", "10%", "2026-01-01", "x" * 300, "é\u0000\n"])
    | st.text(max_size=8)
)
COLUMN = st.one_of(
    st.tuples(st.just("numbers"), st.lists(NUMBERS, min_size=1, max_size=8)),
    st.tuples(st.just("words"), st.lists(WORDS, min_size=1, max_size=8)),
    st.tuples(st.just("bools"), st.lists(st.none() | st.booleans(), min_size=1, max_size=8)),
    st.tuples(st.just("times"), st.lists(st.none() | st.datetimes(), min_size=1, max_size=8)),
    st.tuples(st.just("mixed"), st.lists(NUMBERS | WORDS, min_size=1, max_size=8)),
    st.tuples(st.just("spread"), st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3)),
)
NAMES = st.sampled_from(["a", "b", "time", "label", "id", "row", "reason", "is_anomaly", "pump", "", "ü", "a.b", "<i>"])


@st.composite
def tables(draw):
    n_rows = draw(st.sampled_from([1, 9, 10, 11, 40, 130]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    columns = {}
    for name, (kind, values) in draw(st.dictionaries(NAMES, COLUMN, min_size=1, max_size=5)).items():
        if kind == "spread":
            columns[name] = (random.normal(size=n_rows) * values[0]).tolist()
        else:
            columns[name] = [values[int(k)] for k in random.integers(0, len(values), n_rows)]
    return columns


def sound(result, n_rows):
    assert result.scores.shape == result.p_values.shape == result.is_anomaly.shape == (n_rows,)
    assert np.isfinite(result.scores).all()
    assert ((result.p_values > 0) & (result.p_values <= 1)).all()
    assert result.is_anomaly.sum() <= max(1, 0.011 * n_rows)
    for e in result.explain_top(3):
        assert e.reason
        assert "nan" not in e.reason.replace("'nan'", "")
    assert len(result.events) <= result.n_anomalies


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns=tables())
def test_detect(columns):
    n_rows = len(next(iter(columns.values())))
    with contextlib.suppress(AmissError):
        result = amiss.detect(columns)
        sound(result, n_rows)
        pl.concat(list(result.scored()))
        report_html(result)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns=tables(), other=tables())
def test_fit_and_score(columns, other, tmp_path_factory):
    with contextlib.suppress(AmissError):
        model = amiss.fit(columns)
        path = tmp_path_factory.mktemp("any") / "m.amiss"
        model.save(path)
        again = amiss.load(path)
        np.testing.assert_array_equal(again.score(columns).scores, model.score(columns).scores)
        assert np.isfinite(model.score(other).scores).all()


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.binary(max_size=300)
    | st.text(alphabet='a1,;"\n\r\t .-{}[]:é%', max_size=300).map(str.encode)
    | st.lists(st.text(alphabet="ab12.,\"'", max_size=12), min_size=11, max_size=40).map(
        lambda x: "\n".join(x).encode()
    )
)
def test_any_bytes(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(data)
    with contextlib.suppress(AmissError):
        result = amiss.detect(path)
        sound(result, len(result))


def test_recipes_are_immutable():
    with contextlib.suppress(AttributeError):
        Recipe().seed = 3
        raise AssertionError
