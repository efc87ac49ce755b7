"""Models that learn from labels: the cut comes from held-out normal rows, and the file holds no objects."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.catalog import detector_names
from amiss.core.errors import DataError, ParameterError


def _table(n=1500, share=0.1, seed=0):
    random = np.random.default_rng(seed)
    kind = np.where(random.random(n) < share, random.choice(["scan", "flood"], n), "normal")
    rate = random.gamma(2.0, size=n) + 9.0 * (kind == "flood")
    ports = random.poisson(3, size=n) + 12.0 * (kind == "scan")
    service = np.where(random.random(n) < 0.7, "http", "dns")
    return pl.DataFrame({"rate": rate, "ports": ports, "service": service, "attack": kind})


@pytest.mark.parametrize("detector", ["gradient_boosting", "random_forest", "logistic_regression", "knn"])
def test_a_model_from_labels_keeps_its_promise_and_survives_a_file(tmp_path, detector):
    model = amiss.fit(_table(), label="attack", detector=detector, false_alarms="5%")
    test = _table(4000, seed=1)
    result = model.score(test.drop("attack"))
    odd = (test["attack"] != "normal").to_numpy()
    false = result.is_anomaly[~odd].mean()
    assert false < 0.08  # far fewer where kinds are told apart so well that scores tie
    assert result.is_anomaly[odd].mean() > (0.5 if detector == "knn" else 0.7)
    assert set(model.kinds) == {"flood", "scan"}
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    np.testing.assert_array_equal(again.score(test).scores, model.score(test).scores)
    assert again.kinds == model.kinds


def test_the_label_is_no_column_to_rank_by():
    table = _table()
    model = amiss.fit(table, label="attack", detector="logistic_regression")
    roles = {column.name: column.role for column in model.schema.columns}
    assert roles["attack"] == "label"
    assert not any("attack" in name for name in model.preparation.features)
    result = model.score(table)
    assert len(result.explain(int(result.ranking(1)[0])).reason) > 5


def test_the_default_finds_labelled_kinds():
    model = amiss.fit(_table(), label="attack")
    test = _table(2000, seed=2)
    result = model.score(test)
    assert model.recipe.detector in detector_names("labels")
    assert result.is_anomaly[(test["attack"] != "normal").to_numpy()].mean() > 0.75


def test_a_copy_of_a_row_is_held_out_with_it():
    # Every row twice: a calibration that knew the copies would promise far too much.
    table = _table(700)
    twice = pl.concat([table, table])
    model = amiss.fit(twice, label="attack", detector="decision_tree", params={}, false_alarms="5%")
    test = _table(4000, seed=3)
    result = model.score(test)
    assert result.is_anomaly[(test["attack"] == "normal").to_numpy()].mean() < 0.12


def test_what_cannot_be_learnt_is_refused():
    table = _table(300)
    with pytest.raises(DataError, match="all labels are the same"):
        amiss.fit(table.with_columns(attack=pl.lit("normal")), label="attack")
    few = table.with_columns(attack=pl.Series([*["scan"] * 3, *["normal"] * 297]))
    with pytest.raises(DataError, match="3 anomalous rows are too few"):
        amiss.fit(few, label="attack")
    with pytest.raises(ParameterError, match="learns from labels"):
        amiss.fit(table, detector="random_forest")
    with pytest.raises(ParameterError, match="learns from labels"):
        amiss.detect(table, detector="random_forest")
    with pytest.raises(ParameterError, match="learnt row by row"):
        amiss.fit(table, label="attack", kind="series")


def test_rare_anomalies_of_a_large_table_need_not_be_in_the_sample_that_is_looked_at():
    random = np.random.default_rng(0)
    odd = np.zeros(30_000, bool)
    odd[random.choice(30_000, 6, replace=False)] = True
    table = pl.DataFrame({"x": random.normal(size=30_000) + 9 * odd, "label": odd})
    model = amiss.fit(table, label="label", detector="naive_bayes")
    assert model.score(table).is_anomaly[odd].all()


def test_anomalies_that_are_all_alike_can_be_learnt():
    table = _table(600).with_columns(attack=pl.lit("normal"))
    alike = pl.concat([table[:1].with_columns(rate=pl.lit(30.0), attack=pl.lit("scan"))] * 20)
    model = amiss.fit(pl.concat([table, alike]), label="attack", detector="random_forest")
    assert model.score(alike).is_anomaly.all()


def test_rows_without_a_label_are_told():
    table = _table(600).with_columns(attack=pl.when(pl.int_range(pl.len()) < 50).then(None).otherwise("attack"))
    model = amiss.fit(table, label="attack", detector="naive_bayes")
    assert model.notes == ("50 rows without a label are not learnt from",)


def test_anomalies_alone_are_learnt_from_too(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(2000, 4))
    odd = random.random(2000) < 0.03
    X[odd, 0] += 5
    known = odd & (np.cumsum(odd) <= 15)
    table = pl.DataFrame(X).with_columns(fault=pl.Series(np.where(known, "leak", None)))
    model = amiss.fit(table, label="fault", false_alarms="2%")
    assert "no row is labelled normal: the 1,985 rows" in " ".join(model.notes)
    assert model.recipe.detector == "partly_labelled"
    assert model.chances is None
    model.save(tmp_path / "m.amiss")
    T = random.normal(size=(4000, 4))
    new = np.arange(4000) < 200
    T[new, 0] += 5
    result = amiss.load(tmp_path / "m.amiss").score(pl.DataFrame(T))
    assert result.is_anomaly[new].mean() > 0.6
    # Anomalies among the rows that the cut comes from make it stricter, never laxer.
    assert result.is_anomaly[~new].mean() < 0.03


def test_an_alarm_says_which_kind_it_is_like():
    table = _table()
    model = amiss.fit(table, label="attack", false_alarms="2%")
    new = pl.DataFrame({
        "rate": [11.0, 2.0, 2.0], "ports": [3.0, 15.0, 3.0], "service": ["http", "dns", "http"],
    })  # fmt: skip
    result = model.score(new)
    assert result.is_anomaly.tolist() == [True, True, False]
    assert result.explain(0).reason.startswith("like flood: ")
    assert result.explain(1).reason.startswith("like scan: ")
    odd = model.score(new.with_columns(rate=pl.Series([-500.0, 2.0, 2.0]))).explain(0)
    assert odd.reason.startswith("like no kind learnt: ")
    one = amiss.fit(table.with_columns(attack=pl.col("attack") != "normal"), label="attack", detector="random_forest")
    assert not one.score(new).explain(0).reason.startswith("like")


def test_rows_that_are_all_alike_are_refused():
    table = pl.DataFrame({"a": [1.0, 2.0] + [1.0] * 398, "f": [0, 1] * 200})
    with pytest.raises(DataError, match="alike in all"):
        amiss.fit(
            table.with_columns(a=pl.lit("one word") + pl.lit("")).with_columns(b=pl.lit("x")),
            label="f",
            roles={"a": "category"},
        )


def _partly(n_odd=10, n_normal=20, n=6000, seed=0):
    """Rows of which few have a label, and the truth: half of the anomalies are hardly odd without labels, and of the
    others, which are, none has one."""
    random = np.random.default_rng(seed)
    X, odd = random.normal(size=(n, 5)), random.random(n) < 0.04
    shown = odd & (random.random(n) < 0.5)
    X[shown, 0] += 3
    X[odd & ~shown, 1] += 7
    label = np.full(n, None, object)
    label[random.permutation(np.flatnonzero(shown))[:n_odd]] = "fault"
    label[random.permutation(np.flatnonzero(~odd))[:n_normal]] = "ok"
    return pl.DataFrame(X).with_columns(fault=pl.Series(label.tolist())), odd


def _auc(odd, scores):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(odd, scores)


def test_a_few_labels_beside_many_rows_that_have_none(tmp_path):
    table, _ = _partly()
    new, odd = _partly(seed=1)
    new = new.drop("fault")
    model = amiss.fit(table, label="fault", false_alarms="5%")
    assert model.recipe.detector == "partly_labelled"
    assert model.notes == ("the 5,970 rows without a label are taken for mostly normal",)
    # The labelled rows are no fair sample of what is to come.
    assert model.chances is None
    result = model.score(new)
    without = amiss.fit(table.drop("fault")).score(new)
    alone = amiss.fit(table, label="fault", detector="random_forest", false_alarms="10%").score(new)
    assert _auc(odd, result.scores) > _auc(odd, without.scores) + 0.005
    assert _auc(odd, result.scores) > _auc(odd, alone.scores) + 0.1
    assert result.is_anomaly[~odd].mean() < 0.07
    model.save(tmp_path / "m.amiss")
    np.testing.assert_array_equal(amiss.load(tmp_path / "m.amiss").score(new).scores, result.scores)


def test_a_single_anomaly_does_no_harm():
    table, _ = _partly(n_odd=1, n_normal=0)
    new, odd = _partly(seed=1)
    model = amiss.fit(table, label="fault")
    without = amiss.fit(table.drop("fault"))
    new = new.drop("fault")
    assert _auc(odd, model.score(new).scores) > _auc(odd, without.score(new).scores) - 0.01
    assert model.score(new).is_anomaly[~odd].mean() < 0.02


def test_a_detector_that_is_named_keeps_to_what_it_learns_from():
    table, _ = _partly()
    named = amiss.fit(table, label="fault", detector="naive_bayes", false_alarms="10%")
    assert named.notes == ("5,970 rows without a label are not learnt from",)
    assert amiss.fit(table, label="fault", detector="hybrid", false_alarms="10%").recipe.detector == "hybrid"
    taken = amiss.fit(table, label="fault", detector="positive_unlabelled")
    assert taken.notes == ("the 5,970 rows without a label are taken for mostly normal",)
    # Where most rows have a label, the default learns from these alone.
    mostly = table.with_columns(fault=pl.when(pl.int_range(pl.len()) < 5000).then(pl.lit("ok")).otherwise("fault"))
    whole = pl.concat([mostly, _partly(seed=2)[0].filter(pl.col("fault") == "fault")])
    assert amiss.fit(whole, label="fault").recipe.detector == "hybrid"


def test_probabilities_of_a_model_from_labels_come_about(tmp_path):
    model = amiss.fit(_table(3000), label="attack", detector="random_forest")
    test = _table(6000, seed=1)
    odd = (test["attack"] != "normal").to_numpy()
    result = model.score(test)
    said = result.probabilities
    assert said.shape == (6000,)
    assert abs(said.mean() - odd.mean()) < 0.015
    assert np.mean((said - odd) ** 2) < 0.5 * odd.mean() * (1 - odd.mean())
    assert model.chances.share == pytest.approx((_table(3000)["attack"] != "normal").mean())
    assert any(note.startswith("probabilities come from 3,000 rows") for note in result.notes)
    assert result.top(3).columns[:4] == ["row", "anomaly_score", "p_value", "probability"]
    (scored,) = result.scored()
    assert scored["probability"].to_list() == said.tolist()
    # What was said of the rows before is not ranked by.
    again = amiss.fit(scored, label="attack", detector="naive_bayes")
    assert not any("probability" in name for name in again.preparation.features)
    model.save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss")
    np.testing.assert_array_equal(loaded.score(test).probabilities, said)
    assert np.array_equal(loaded.with_false_alarms("2%").score(test).probabilities, said)
    rarer = loaded.with_anomaly_share(0.001).score(test)
    assert (rarer.probabilities < said).all()
    assert np.array_equal(rarer.is_anomaly, result.is_anomaly)


def test_probabilities_are_there_only_where_labels_tell_them():
    model = amiss.fit(_table().drop("attack"))
    result = model.score(_table())
    assert result.probabilities is None
    assert "probability" not in result.top(1).columns
    with pytest.raises(ParameterError, match="no probabilities"):
        model.with_anomaly_share(0.1)
    with pytest.raises(ParameterError, match="between none and all"):
        amiss.fit(_table(), label="attack", detector="naive_bayes").with_anomaly_share(1.0)


def test_a_column_of_the_same_name_is_kept_apart():
    table = _table().with_columns(probability=pl.col("rate") * 2)
    result = amiss.fit(table, label="attack", detector="naive_bayes").score(table)
    (scored,) = result.scored()
    assert scored["probability_original"].to_list() == table["probability"].to_list()
    plain = amiss.fit(table.drop("attack")).score(table)
    assert "probability_original" not in next(plain.scored()).columns
