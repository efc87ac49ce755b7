"""`amiss drift` as a user runs it."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import polars as pl
import pytest

from amiss.evaluate.findings import drift_schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    random = np.random.default_rng(0)
    for name, shift in (("a.csv", 0), ("alike.csv", 0), ("b.csv", 0.8)):
        n = 600
        pl.DataFrame(
            {
                "pressure_bar": random.normal(4.1 + shift, 0.4, n).round(2),
                "mode": random.choice(["run", "idle"], n),
                "flow": random.normal(80, 5, n).round(1),
            }
        ).write_csv(folder / name)
    return folder


def test_table(run, folder):
    out, err = run("drift", "a.csv", "b.csv", cwd=folder)
    assert out.startswith("drift: strong  b.csv differs from a.csv: pressure_bar has risen by about 0.8")
    assert "1 of 3 columns drifted" in out
    assert "is alike" in out
    assert "all columns together: AUC" in out
    assert err == ""
    assert "drift: none" in run("drift", "a.csv", "alike.csv", cwd=folder)[0]


def test_json_follows_its_published_schema(run, folder):
    record = json.loads(run("drift", "a.csv", "b.csv", "--format", "json", cwd=folder)[0])
    jsonschema.validate(record, drift_schema())
    assert record["format"] == "amiss-drift/1"
    assert record["columns"][0]["column"] == "pressure_bar"
    assert record["a"] == {"name": "a.csv", "n_rows": 600, "n_sampled": 600, "start": None, "end": None}


def test_ndjson_and_csv_have_a_line_for_each_column(run, folder):
    lines = run("drift", "a.csv", "b.csv", "--format", "ndjson", cwd=folder)[0].splitlines()
    assert {json.loads(line)["column"] for line in lines} == {"pressure_bar", "mode", "flow"}
    grid = pl.read_csv(run("drift", "a.csv", "b.csv", "--format", "csv", cwd=folder)[0].encode())
    assert grid["severity"].to_list() == ["strong", "none", "none"]
    assert grid["sentence"][0].startswith("pressure_bar has risen")


def test_exit_codes(run, folder):
    run("drift", "a.csv", "b.csv", "--fail-on-drift", cwd=folder, code=1)
    run("drift", "a.csv", "alike.csv", "--fail-on-drift", cwd=folder)
    run("drift", "a.csv", "b.csv", "--ignore", "pressure_bar", "--fail-on-drift", cwd=folder)
    piped = (folder / "b.csv").read_bytes()
    out, _ = run("drift", "a.csv", "-", "--fail-on-drift", cwd=folder, stdin=piped, code=1)
    assert "standard input differs from a.csv" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["drift", "a.csv"], 2, "Missing argument"),
        (["drift", "-", "-"], 2, "cannot be both"),
        (["drift", "a.csv", "none.csv"], 3, "no such file"),
        (["drift", "a.csv", "b.csv", "--ignore", "flwo"], 3, "did you mean 'flow'"),
        (["drift", "a.csv", "b.csv", "--alpha", "2"], 2, "alpha=2.0"),
        (["drift", "a.csv", "b.csv", "--alpha", "five"], 2, "no share"),
        (["drift", "a.csv", "b.csv", "--seed", "-1"], 2, "seed=-1"),
    ],
)
def test_errors(run, folder, words, code, said):
    out, err = run(*words, cwd=folder, code=code)
    assert said in err
    assert out == ""


def test_a_seed_may_have_any_size(run, folder):
    assert "drift:" in run("drift", "a.csv", "b.csv", "--seed", 2**70, cwd=folder)[0]


def test_alpha_may_be_written_as_a_percentage(run, folder):
    assert (
        json.loads(run("drift", "a.csv", "b.csv", "--alpha", "1%", "--format", "json", cwd=folder)[0])["alpha"] == 0.01
    )
