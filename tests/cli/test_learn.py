"""`amiss learn` as a user runs it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import amiss


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learn")
    random = np.random.default_rng(0)
    X = random.normal(size=(600, 3))
    X[:40, 0] += 4
    X[40:80, 1] += 4
    table = pl.DataFrame({"order": [f"o{i}" for i in range(600)], "a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    table.write_csv(folder / "orders.csv")
    amiss.fit(folder / "orders.csv", ignore=["order"], false_alarms="2%").save(folder / "orders.amiss")
    said = [*range(15), *range(40, 60)]
    words = ["anomaly" if row < 40 else "normal" for row in said]
    pl.DataFrame({"row": said, "verdict": words}).write_csv(folder / "rows.csv")
    pl.DataFrame({"order": [f"o{i}" for i in said], "verdict": words}).write_csv(folder / "keys.csv")
    return folder


@pytest.mark.parametrize("words", [["rows.csv"], ["keys.csv", "--key", "order"]], ids=["position", "key"])
def test_a_better_model_comes_out(run, folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    _, said = run("learn", "orders.amiss", "orders.csv", "--labels", *words, "-o", "better.amiss", cwd=folder)
    assert "600 rows and 35 verdicts (15 anomalies, 20 normal)" in said
    scores = amiss.load("better.amiss").score("orders.csv").scores
    unseen, usual = scores[15:40], scores[60:80]
    assert (unseen[:, None] > usual).mean() > 0.9


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"row": [1], "verdict": ["odd"]}, "'odd' is no verdict"),
        ({"row": [1], "verdict": [""]}, "there is no verdict"),
        ({"row": [1]}, "no column 'verdict'"),
        ({"x": [1], "verdict": ["normal"]}, "nothing says which rows"),
        ({"row": [9999], "verdict": ["normal"]}, "no verdict is of a row"),
        ({"starts": ["soon"], "verdict": ["normal"]}, "holds no times"),
        ({"starts": ["2026-01-01"], "verdict": ["normal"]}, "the rows have none"),
        ({"row": [1], "verdict": ["unsure"]}, "no verdict says of a row"),
    ],
)
def test_wrong_files_of_verdicts_are_worded(run, folder, monkeypatch, table, said):
    monkeypatch.chdir(folder)
    pl.DataFrame(table).write_csv("wrong.csv")
    _, errors = run(
        "learn", "orders.amiss", "orders.csv", "--labels", "wrong.csv", "-o", "no.amiss", code=3, cwd=folder
    )
    assert said in errors
    assert not (folder / "no.amiss").exists()


def test_one_that_ranks_worse_is_not_written_unless_forced(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    # Verdicts that follow the old model's scores exactly, one by one: none tells anything of another.
    scores = amiss.load("orders.amiss").score("orders.csv").scores
    middle = np.argsort(scores)[50:550]
    random = np.random.default_rng(3)
    rows = np.sort(random.choice(middle, 250, replace=False))
    cut = np.median(scores[rows])
    words = ["anomaly" if scores[row] > cut else "normal" for row in rows]
    pl.DataFrame({"row": rows, "verdict": words}).write_csv("hard.csv")
    verb = ("learn", "orders.amiss", "orders.csv", "--labels", "hard.csv", "-o", "hard.amiss")
    _, errors = run(*verb, code=3, cwd=folder)
    assert "ranks the verdicts worse" in errors
    run(*verb, "--force", cwd=folder)
    assert (folder / "hard.amiss").exists()
