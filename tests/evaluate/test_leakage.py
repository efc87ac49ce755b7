"""Planted leaks are found and told; clean data are not accused."""

from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest

from amiss.core.errors import DataError
from amiss.evaluate.leakage import find_leaks
from amiss.evaluate.splits import stratified_folds
from amiss.evaluate.telling import rows_to_look_at, telling
from amiss.evaluate.two_files import unit_of

ACCUSING = ("names_the_answer", "copy_of_the_label", "answers_alone")


def clean(n=4000, share=0.1, seed=0):
    random = np.random.default_rng(seed)
    labels = random.random(n) < share
    return labels, {
        "load": random.normal(size=n) + labels,
        "duration": random.exponential(size=n).round(2),
        "service": random.choice(["dns", "http", "ssh"], n),
    }


def found(table, labels, **options):
    return {leak.name: leak for leak in find_leaks(table, labels, **options)}


def test_clean_data_have_no_findings():
    labels, table = clean()
    assert find_leaks(table, labels) == ()


def test_an_address_that_names_the_answer():
    labels, table = clean()
    random = np.random.default_rng(1)
    table["origin"] = np.where(labels, "10.0.0.", "192.168.1.") + random.integers(0, 40, 4000).astype(str).astype(
        object
    )
    leak = found(table, labels)["names_the_answer"]
    assert (leak.severity, leak.where) == ("slight", "origin")
    assert leak.size > 0.99
    assert leak.mend == "it is left out; keep it so"
    assert "is an address" in leak.sentence


def test_an_address_that_would_be_learnt_from():
    labels, table = clean()
    table["src_ip"] = np.where(labels, 0, 400) + np.random.default_rng(1).integers(0, 40, 4000)
    leak = found(table, labels)["names_the_answer"]
    assert (leak.severity, leak.where) == ("strong", "src_ip")
    assert "leave it out" in leak.mend


def test_an_address_without_a_say_is_not_accused():
    labels, table = clean()
    table["src_ip"] = np.random.default_rng(1).integers(0, 40, 4000)
    assert find_leaks(table, labels) == ()


def test_the_order_that_names_the_answer():
    labels, table = clean()
    labels = np.sort(labels)
    leaks = found({"counter": np.arange(4000) * 0.5, **table}, labels)
    assert leaks["names_the_answer"].where == "counter"
    assert "counts the rows" in leaks["names_the_answer"].sentence
    assert leaks["order"].severity == "slight"


@pytest.mark.parametrize("copy", ["kind", "number", "noisy"])
def test_copies_of_the_label(copy):
    labels, table = clean()
    random = np.random.default_rng(1)
    table["remark"] = {
        "kind": np.where(labels, random.choice(["scan", "flood"], 4000), "none"),
        "number": np.where(labels, 7.0, 3.0),
        "noisy": random.normal(size=4000) * 0.1 + labels,
    }[copy]
    leaks = found(table, labels)
    name = "answers_alone" if copy == "noisy" else "copy_of_the_label"
    assert leaks[name].where == "remark"
    assert leaks[name].severity == ("slight" if copy == "noisy" else "strong")


def test_another_label_is_named_and_left_out():
    labels, table = clean()
    table["attack_cat"] = np.where(labels, "scan", "normal")
    leak = found(table, labels)["copy_of_the_label"]
    assert (leak.where, leak.severity) == ("attack_cat", "slight")


def test_any_shape_of_dependence_is_seen():
    labels, _ = clean()
    halves = stratified_folds(labels, n_folds=2)
    random = np.random.default_rng(0)
    inside = np.where(
        labels, random.uniform(-0.1, 0.1, 4000), random.choice([-1, 1], 4000) * random.uniform(0.2, 1, 4000)
    )
    assert telling(inside, False, labels, halves).auc > 0.99
    missing = np.where(labels, np.nan, random.normal(size=4000))
    assert telling(missing, False, labels, halves).auc > 0.999


def test_copies_and_contradictions():
    labels, table = clean(400)
    table = {name: np.concatenate([values, values[:100]]) for name, values in table.items()}
    again = np.concatenate([labels, labels[:100]])
    leak = found(table, again)["repeated_rows"]
    assert leak.size == pytest.approx(200 / 500)
    again[np.flatnonzero(labels[:100])[:3] + 400] = False
    assert found(table, again)["contradictions"].size == pytest.approx(3 / again.sum())


def test_a_label_that_follows_time():
    labels, table = clean()
    labels = (np.arange(4000) // 200) % 10 == 3
    time = np.datetime64("2026-01-01") + np.arange(4000).astype("m8[m]")
    order = np.random.default_rng(0).permutation(4000)
    shuffled = {name: np.asarray(values)[order] for name, values in {**table, "time": time}.items()}
    leak = found(shuffled, labels[order])["time"]
    assert leak.severity == "strong"
    assert "forward in time" in leak.mend


@pytest.mark.parametrize(("n", "severity"), [(0, "strong"), (3, "strong"), (20, "slight"), (60, None)])
def test_too_few_anomalies(n, severity):
    labels = np.random.default_rng(0).permutation(1000) < n
    leak = found({"a": np.random.default_rng(1).normal(size=1000)}, labels).get("few_anomalies")
    assert (leak.severity if leak else None) == severity


def test_a_majority_of_anomalies():
    random = np.random.default_rng(0)
    leak = found({"a": random.normal(size=1000)}, random.random(1000) < 0.9)["majority"]
    assert leak.severity == "strong"
    assert "every row has accuracy 0." in leak.sentence


def test_two_files_that_differ():
    labels, table = clean()
    other_labels, other = clean(seed=5)
    assert not {leak.name for leak in find_leaks(table, labels, test=other, test_labels=other_labels)}
    other["duration"] = 1000 * other["duration"]
    other["service"] = np.where(np.arange(4000) % 5 == 0, "quic", other["service"])
    del other["load"]
    other["note"] = np.zeros(4000)
    leaks = find_leaks(table, labels, test=other, test_labels=other_labels)
    said = {(leak.name, leak.where, leak.severity) for leak in leaks}
    assert ("unit", "duration", "strong") in said
    assert ("unseen_kinds", "service", "strong") in said
    assert ("columns", "load", "strong") in said
    assert ("columns", "note", "slight") in said
    copied = {name: np.concatenate([np.asarray(values)[:2000]] * 2) for name, values in table.items()}
    assert found(table, labels, test=copied)["test_rows_in_training"].size == 1.0


@pytest.mark.parametrize(("factor", "shift"), [(1e3, 0), (1e-6, 0), (2.54, 0), (1.8, 32), (1, -273.15), (1 / 3.6, 0)])
def test_units_are_found_both_ways(factor, shift):
    random = np.random.default_rng(0)
    a, b = random.gamma(9, 2, (2, 2000)) + 5
    told = unit_of(a, b * factor + shift)
    assert told is not None
    assert told[1:] == pytest.approx((factor, shift))


def test_what_merely_moves_is_no_other_unit():
    random = np.random.default_rng(0)
    for _ in range(200):
        a, b = random.lognormal(size=(2, 300))
        factor = np.exp(random.uniform(-0.6, 0.6))
        assert unit_of(a, b * factor) is None
    assert unit_of(np.zeros(100), np.ones(100)) is None
    assert unit_of(np.full(100, np.nan), np.ones(100)) is None


def test_odd_tables():
    with pytest.raises(DataError, match="differ in length"):
        find_leaks({"a": [1, 2]}, [0, 1, 0])
    assert found({"a": ["x"] * 30}, [0, 1] * 15)["few_anomalies"].severity == "slight"
    assert "few_anomalies" in found({"a": [1.0, 2, 3]}, [0, 0, 1])


def test_a_large_table_is_looked_at_in_part():
    labels = np.random.default_rng(0).random(200_000) < 0.01
    rows = rows_to_look_at(labels, 0)
    assert len(rows) == 20_000
    assert labels[rows].sum() == labels.sum()
    assert (np.diff(rows) > 0).all()


def test_unsw_nb15_and_its_id(shared_data):
    with gzip.open(shared_data / "network/unsw-nb15/unsw_nb15_82332.csv.gz") as file:
        table = pl.read_csv(file.read())
    leaks = find_leaks(table.drop("label"), table["label"].to_numpy())
    told = {leak.where: leak for leak in leaks if leak.name in ACCUSING}
    assert set(told) == {"id", "attack_cat"}
    assert min(leak.size for leak in told.values()) > 0.999


def test_nsl_kdd_is_not_accused(shared_data):
    tables = []
    for name in ("KDDTrain+", "KDDTest+"):
        with gzip.open(shared_data / f"network/nsl-kdd/{name}.txt.gz") as file:
            tables.append(pl.read_csv(file.read(), has_header=False))
    train, test = tables
    label = train.columns[41]
    leaks = find_leaks(
        train.drop(label), (train[label] != "normal").to_numpy(),
        test=test.drop(label), test_labels=(test[label] != "normal").to_numpy(),
    )  # fmt: skip
    assert not [leak for leak in leaks if leak.severity == "strong" or leak.name in ACCUSING]
    assert "test_rows_in_training" in {leak.name for leak in leaks}


@pytest.mark.slow
def test_no_measured_table_is_accused_strongly(shared_data):
    """22 tables of measurements: no column is called the label or the name of a row."""
    paths = sorted((shared_data / "tabular").glob("*.npz"))
    assert len(paths) == 22
    for path in paths:
        held = np.load(path)
        leaks = find_leaks(held["X"], held["y"])
        assert not [leak for leak in leaks if leak.name in ACCUSING[:2]], path.name
        assert not [leak for leak in leaks if leak.severity == "strong"], path.name


@pytest.mark.slow
def test_chance_does_not_accuse():
    """200 tables of noise with addresses and times, few anomalies, many columns: hardly one is accused."""
    random, n_accused = np.random.default_rng(0), 0
    for _ in range(200):
        n, n_anomalies = int(random.integers(100, 600)), int(random.integers(4, 30))
        labels = random.permutation(n) < n_anomalies
        table = {f"ip_{k}": random.integers(0, 300, n) for k in range(15)}
        table |= {f"load_{k}": random.normal(size=n) for k in range(15)}
        n_accused += any(leak.name in ACCUSING for leak in find_leaks(table, labels))
    assert n_accused <= 6  # 1 % is meant: 2 in 200
