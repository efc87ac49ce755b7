"""drift: verdicts on planted changes, silence without any, and what cannot be compared."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import amiss
from amiss.core.errors import DataError, ParameterError, SchemaError
from amiss.datasets import make_plant
from amiss.evaluate import side

R = np.random.default_rng(0)


def table(random, n):
    return pl.DataFrame(
        {
            "flow": random.normal(80, 5, n).round(1),
            "load": random.exponential(2.0, n).round(2),
            "mode": random.choice(["run", "idle", "boost"], n, p=[0.6, 0.3, 0.1]),
            "faults": random.poisson(0.2, n),
            "temp": np.where(random.random(n) < 0.05, np.nan, random.normal(20, 1, n)),
        }
    )


def column(found, name):
    return next(c for c in found.columns if c.column == name)


@pytest.fixture(scope="module")
def learnt():
    return table(np.random.default_rng(1), 2000)


@pytest.fixture
def today():
    return table(np.random.default_rng(2), 1000)


def test_no_change_no_drift(learnt, today):
    found = amiss.drift(learnt, today)
    assert found.severity == "none"
    assert not found.found
    assert found.drifted == []
    assert "no difference that matters in 5 columns" in found.verdict
    assert "the joint test cannot tell" in str(found)
    assert all("is alike" in c.sentence for c in found.columns)


PLANTED = {
    "mean": ("flow", pl.col("flow") + 4, "has risen by about 4", "strong"),
    "small mean": ("flow", pl.col("flow") + 1.9, "has risen by about", "slight"),
    "scale": ("flow", 80 + (pl.col("flow") - 80) * 2, "varies more", "strong"),
    "shape": ("flow", 80 + 3.4 * (pl.col("flow") - 80).sign(), "spread otherwise", "strong"),
    "missing": ("flow", pl.when(pl.int_range(1000) % 3 == 0).then(None).otherwise("flow"), "is missing in 33%",
                "strong"),
    "all missing": ("temp", pl.lit(None, pl.Float64), "is missing in 100% of the rows (before: 5%)", "strong"),
    "new kind": ("mode", pl.when(pl.int_range(1000) % 8 == 0).then(pl.lit("test")).otherwise("mode"),
                 "never seen before: 'test' (12%", "strong"),
    "shares": ("mode", pl.when(pl.int_range(1000) % 2 == 0).then(pl.lit("boost")).otherwise("mode"),
               "'boost' 10% → ", "strong"),
    "rare counts": ("faults", pl.col("faults") + (pl.int_range(1000) % 5 == 0), "'0' 8", "slight"),
    "still": ("load", pl.lit(1.5), "is now always 1.5", "strong"),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_planted_changes_are_found_and_worded(what, learnt, today):
    name, changed, words, severity = PLANTED[what]
    found = amiss.drift(learnt, today.with_columns(changed.alias(name)))
    assert found.drifted == [name]
    assert column(found, name).severity == found.severity == severity
    assert words in column(found, name).sentence
    assert column(found, name).sentence in found.verdict
    assert column(found, name).p_corrected < 0.01


def test_a_relation_alone(learnt, today):
    a = learnt.with_columns(double=pl.col("flow") * 2)
    b = today.with_columns(double=pl.col("flow").shuffle(seed=0) * 2)
    found = amiss.drift(a, b)
    assert found.drifted == []
    assert found.severity == "strong"
    assert set(found.joint.telling) == {"flow", "double"}
    assert "no column has drifted by itself; the joint test tells the rows apart" in found.verdict


def test_a_constant_that_moves():
    a, b = pl.DataFrame({"k": [5] * 100, "x": range(100)}), pl.DataFrame({"k": [7] * 100, "x": range(100)})
    found = column(amiss.drift(a, b), "k")
    assert found.sentence == "k was always 5, is now always 7"
    assert found.severity == "strong"
    assert found.wasserstein == 2
    assert found.wasserstein_standardised is None
    words = amiss.drift(a.with_columns(w=pl.lit("on")), b.with_columns(w=pl.lit("off")))
    assert column(words, "w").severity == "strong"
    same = amiss.drift(a, a)
    assert column(same, "k").sentence == "k is always 5"


def test_a_trifle_in_many_rows_is_no_drift():
    a, b = R.normal(size=(100_000, 1)), R.normal(0.05, 1, size=(100_000, 1))
    found = amiss.drift(a, b)
    assert found.columns[0].p_corrected < 1e-6
    assert found.severity == "none"


def test_ten_rows_against_ten():
    random = np.random.default_rng(0)
    n_false = sum(amiss.drift(random.normal(size=(10, 3)), random.normal(size=(10, 3))).found for _ in range(100))
    assert n_false <= 11  # at 5 % more would be a one in a hundred event
    a, b = random.normal(size=(10, 3)), random.normal(size=(10, 3))
    b[:, 1] += 6
    found = amiss.drift(a, b)
    assert found.drifted == ["column_2"]
    assert found.joint is None


def test_one_row():
    found = amiss.drift({"x": [1.0]}, {"x": [2.0]})
    assert found.severity == "none"
    assert "cannot tell that from chance" in found.columns[0].sentence


def test_identical_tables(learnt):
    found = amiss.drift(learnt, learnt)
    assert found.severity == "none"
    assert all(c.p_corrected == 1 for c in found.columns)
    assert any("some are the same" in note for note in found.notes)


def test_changes_of_the_schema_come_first(learnt, today):
    b = today.rename({"flow": "flow_m3"}).with_columns(load=pl.lit("high"))
    found = amiss.drift(learnt, b)
    told = {change.column: change for change in found.changes}
    assert told["flow"].sentence == "flow is gone; perhaps it is now 'flow_m3'"
    assert told["load"].sentence == "load holds text where A has numbers, for example 'high'"
    assert told["flow_m3"].severity == "slight"
    assert [change.severity for change in found.changes] == ["strong", "strong", "slight"]
    assert found.severity == "strong"
    assert found.verdict.index("flow is gone") < found.verdict.index("drifted")


def test_decimal_commas_and_words_among_numbers():
    x = R.normal(50, 5, 400).round(1)
    a = pl.DataFrame({"x": x, "y": x})
    b = pl.DataFrame(
        {"x": [f"{v}".replace(".", ",") for v in x], "y": ["n/a" if i % 4 == 0 else str(v) for i, v in enumerate(x)]}
    )
    found = amiss.drift(a, b)
    assert "comma read as decimal point" in found.changes[0].sentence
    assert column(found, "x").psi == 0
    assert "is missing in 25%" in column(found, "y").sentence
    assert any("'n/a'" in note for note in found.notes)


def test_true_and_false_in_any_dress():
    flags = R.random(300) < 0.3
    for other in (flags.astype(int), [str(bool(v)) for v in flags]):
        found = amiss.drift({"on": flags, "x": np.arange(300.0)}, {"on": other, "x": np.arange(300.0)})
        assert found.severity == "none", found.verdict


def test_numbers_may_be_kinds():
    a, b = {"k": R.integers(0, 3, 300), "x": R.normal(size=300)}, {"k": R.integers(0, 4, 300), "x": R.normal(size=300)}
    found = column(amiss.drift(a, b, roles={"k": "category"}), "k")
    assert found.kind == "category"
    assert found.unseen == ["3"]
    as_floats = {"k": a["k"].astype(float), "x": b["x"]}
    assert column(amiss.drift(a, as_floats, roles={"k": "category"}), "k").psi == 0


def test_many_kinds_always_show_new_ones():
    draw = lambda n: [f"user{int(v)}" for v in R.pareto(1.0, n) * 20]  # noqa: E731
    found = amiss.drift({"user": draw(2000)}, {"user": draw(2000)})
    assert found.columns[0].unseen_share > 0.02
    assert found.severity == "none"


def test_what_is_left_out_is_said(learnt, today):
    hours = lambda t: pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 1) + pl.duration(  # noqa: E731
        minutes=t.height - 1), "1m", eager=True)  # fmt: skip
    a, b = (t.with_columns(time=hours(t), id=pl.int_range(t.height)) for t in (learnt, today))
    found = amiss.drift(a, b)
    assert found.severity == "none"
    assert found.a.start == "2026-01-01T00:00:00"
    note = next(note for note in found.notes if note.startswith("not compared"))
    assert "time" in note
    assert "id (counts the rows" in note
    assert {c.column for c in found.columns} == set(learnt.columns)
    fewer = amiss.drift(a, b, ignore=["mode", "id"])
    assert "mode" not in {c.column for c in fewer.columns}
    assert amiss.drift(a, b.with_columns(extra=1), ignore="extra").changes == []


def test_slow_columns_are_worth_few_rows():
    """A wandering level: rows as such would call every hour another world."""

    def wander(random, n, start):
        x = np.zeros(n)
        for i in range(1, n):
            x[i] = 0.99 * x[i - 1] + random.normal()
        return pl.DataFrame({"time": pl.Series(start + 60.0 * np.arange(n)), "x": x, "y": random.normal(size=n)})

    n_false = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        a, b = wander(random, 2000, 1.7e9), wander(random, 300, 1.75e9)
        found = amiss.drift(a, b, time="time")
        n_false += found.found
        assert column(found, "x").rows_worth_b < 30
        assert column(found, "y").rows_worth_b > 120
        assert amiss.drift(a.drop("time"), b.drop("time")).found
    assert n_false <= 2


def test_new_entities_are_told():
    times = np.tile(1.7e9 + 60.0 * np.arange(200), 3)
    a = pl.DataFrame({"time": times, "pump": np.repeat(["p1", "p2", "p3"], 200), "x": R.normal(size=600)})
    b = a.with_columns(pump=pl.col("pump").replace("p3", "p9"))
    found = amiss.drift(a, b)
    assert any("1 of 3 in pump are not in A, such as 'p9'" in note for note in found.notes)


def test_files_frames_and_arrays_agree(learnt, today, tmp_path):
    today = today.with_columns(flow=pl.col("flow") + 3)
    whole = amiss.drift(learnt, today)
    learnt.write_csv(tmp_path / "a.csv")
    today.write_parquet(tmp_path / "b.parquet")
    for a, b in (
        (tmp_path / "a.csv", tmp_path / "b.parquet"),
        (learnt.to_pandas(use_pyarrow_extension_array=False) if "pyarrow" in sys.modules else
         pd.DataFrame(learnt.to_dict(as_series=False)), today),
        (learnt.to_dict(as_series=False), today),
    ):  # fmt: skip
        found = amiss.drift(a, b)
        assert [(c.column, c.severity) for c in found.columns] == [(c.column, c.severity) for c in whole.columns]
        np.testing.assert_allclose([c.psi for c in found.columns], [c.psi for c in whole.columns], rtol=1e-6)
        assert found.joint.auc == pytest.approx(whole.joint.auc)
    X = R.normal(size=(300, 2))
    assert amiss.drift(X, X + np.array([0, 2])).drifted == ["column_2"]


def test_more_rows_than_the_sample_holds(learnt, monkeypatch):
    monkeypatch.setattr(side, "_SAMPLE_ROWS", 500)
    today = table(np.random.default_rng(3), 3000).with_columns(
        mode=pl.when(pl.int_range(3000) < 30).then(pl.lit("odd")).otherwise("mode")
    )
    found = amiss.drift(learnt, today)
    assert "B: from a uniform sample of 500 of 3,000 rows" in found.notes
    assert found.b.n_sampled == 500
    assert column(found, "mode").unseen_share == pytest.approx(0.01)
    assert column(found, "temp").missing_b == today["temp"].is_nan().mean()


def test_a_seed_makes_it_repeatable(learnt, today):
    assert amiss.drift(learnt, today, seed=3) == amiss.drift(learnt, today, seed=3)


@pytest.mark.parametrize("value", [1e300, 1e-300])
def test_immense_and_tiny_values(value):
    # A generator of its own: that nothing is found is a matter of chance, and of which tests ran before.
    random = np.random.default_rng(1)
    a, b = random.normal(size=(200, 2)) * value, random.normal(3, 1, size=(200, 2)) * value
    assert amiss.drift(a, b).severity == "strong"
    assert amiss.drift(a, random.normal(size=(200, 2)) * value).severity == "none"


@pytest.mark.parametrize(
    ("a", "b", "options", "error", "words"),
    [
        ({"x": [1, 2]}, {"y": [1, 2]}, {}, DataError, "no column in common"),
        ({"x": [1, 2]}, {"x": [1, 2]}, {"ignore": ["x"]}, DataError, "no column in common"),
        ({"x": [1, 2]}, {"x": [1, 2]}, {"ignore": ["z"]}, SchemaError, "no column 'z'"),
        ({"x": [1, 2]}, {"x": [1, 2]}, {"alpha": 0.0}, ParameterError, "alpha=0.0"),
        ({"x": [1, 2]}, {"x": [1, 2]}, {"seed": -1}, ParameterError, "seed=-1"),
        ("-", "-", {}, ParameterError, "cannot be both"),
        ({"x": []}, {"x": [1]}, {}, DataError, "empty"),
    ],
)
def test_what_cannot_be_compared(a, b, options, error, words):
    with pytest.raises(error, match=words):
        amiss.drift(a, b, **options)


@pytest.mark.slow
def test_false_verdicts_are_as_many_as_promised():
    """60 pairs without a change at 5 %: more than 8 would be a one in a hundred event."""
    random = np.random.default_rng(9)
    sizes = ((300, 300), (1000, 100), (60, 500), (40, 40))
    found = [amiss.drift(table(random, n_a), table(random, n_b)) for n_a, n_b in sizes * 15]
    corrected = [min([c.p_corrected for c in f.columns] + [f.joint.p_corrected if f.joint else 1.0]) for f in found]
    assert (np.array(corrected) <= 0.05).sum() <= 8
    assert sum(f.found for f in found) <= 8


def test_a_time_or_entity_that_is_lost_or_tells_nothing_is_strong_drift():
    a = make_plant(n_pumps=2, n_days=7, seed=1).frame.table.select("time", "pump", "flow_m3h", "note")
    n = a.height
    spoilt = {
        "time is gone": a.drop("time"),
        "pump is gone": a.drop("pump"),
        "time, the time, has no values in B": a.with_columns(time=pl.lit(None, pl.String)),
        "pump, the entity, has no values in B": a.with_columns(pump=pl.lit(None, pl.String)),
        "for example 'soon'": a.with_columns(time=pl.Series(["soon"] * n)),
    }
    for words, b in spoilt.items():
        found = amiss.drift(a, b)
        assert found.severity == "strong", words
        assert words in found.changes[0].sentence
        assert words in found.verdict
    assert amiss.drift(a, a.drop("note")).severity == "none"
    assert amiss.drift(a.drop("time"), a).changes[0].severity == "slight"
    assert amiss.drift(a, a.with_columns(new=pl.lit(None))).changes[0].severity == "none"


def test_infinite_values_are_told():
    a = pl.DataFrame({"x": R.normal(size=300)})
    b = a.with_columns(x=pl.when(pl.int_range(300) < 3).then(float("inf")).otherwise("x"))
    assert "x: 3 infinite values of B are read as missing" in amiss.drift(a, b).notes


def test_nothing_to_compare_is_said_as_it_is():
    text = {"t": [f"a note of some words, number {i * 7919 % 1000}" for i in range(60)]}
    with pytest.raises(DataError, match="no column that both tables have can be compared"):
        amiss.drift(text, text)
    with pytest.raises(DataError, match="no column in common") as caught:
        amiss.drift({"b": [1.0] * 9, "a": R.normal(size=9), "c": R.normal(size=9)}, {"q": R.normal(size=9)})
    assert "A: b, a, c; B: q" in caught.value.where


@pytest.mark.parametrize("n_rows", [1, 5])
def test_too_few_rows_are_not_called_alike(n_rows):
    a, b = {"x": R.normal(size=300)}, {"x": R.normal(size=n_rows)}
    assert amiss.drift(a, b).verdict.startswith("B has too few rows to tell whether B is like A")
    assert "B is like A: no difference" in amiss.drift(a, {"x": R.normal(size=6)}).verdict


def test_ranges_that_do_not_meet_have_risen_or_fallen():
    a = R.normal(0, 1, 400)
    b = np.r_[np.full(200, a.max() + 1), R.exponential(300, 200) + a.max() + 1]
    assert "x has risen by about" in amiss.drift({"x": a}, {"x": b}).columns[0].sentence
    assert "x has fallen by about" in amiss.drift({"x": b}, {"x": a}).columns[0].sentence
