"""The verbs on databases, as a scheduler runs them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from amiss.datasets import make_plant
from tests.databases import postgres

PAGE = Path(__file__).parents[2] / "docs" / "pipelines.md"


def fill(path, first, last):
    """Rows `first` to `last` of the plant in a table with a growing id."""
    table = make_plant(n_pumps=1, n_days=7, seed=1).frame.table.with_row_index("id")
    table = table.with_columns(pl.col("time").dt.to_string("iso"))[first:last]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = ", ".join(f'"{name}"' for name in table.columns)
        connection.execute(f"CREATE TABLE IF NOT EXISTS readings ({names})")
        connection.executemany(f"INSERT INTO readings VALUES ({', '.join('?' * table.width)})", table.rows())
        connection.commit()


def asked(path, query):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def models(run, tmp_path_factory):
    """A folder with a model of a table and one of a causal series."""
    folder = tmp_path_factory.mktemp("models")
    fill(folder / "all.db", 0, 1008)
    read = ["sqlite:///all.db", "--query", "SELECT * FROM readings ORDER BY id", "--ignore", "id"]
    run("fit", *read, "-o", "table.amiss", "--kind", "table", cwd=folder)
    run("fit", *read, "-o", "series.amiss", "--kind", "series", "--causal", cwd=folder)
    return folder


@pytest.mark.parametrize("kind", ["table", "series"])
def test_scored_in_steps_as_in_one(kind, run, models, tmp_path):
    model = models / f"{kind}.amiss"
    words = ["sqlite:///plant.db#readings", "--new-by", "id", "--format", "csv", "--top", "0"]
    for first, last in ((0, 500), (500, 900), (900, 1008)):
        fill(tmp_path / "plant.db", first, last)
        run("score", model, *words, "-o", "sqlite:///plant.db#scored", cwd=tmp_path)
    _, err = run("score", model, *words, "-o", "sqlite:///plant.db#scored", cwd=tmp_path)
    assert "nothing new: no id above 1007" in err
    run("score", model, *words, "-o", "sqlite:///plant.db#whole", cwd=tmp_path)
    both = [asked(tmp_path / "plant.db", f"SELECT id, anomaly_score FROM {t} ORDER BY id") for t in ("scored", "whole")]
    assert [row[0] for row in both[0]] == list(range(1008))
    assert [row[1] for row in both[0]] == pytest.approx([row[1] for row in both[1]])


def test_exit_codes_count_what_is_new(run, models, tmp_path):
    fill(tmp_path / "plant.db", 0, 1000)
    words = ["score", models / "table.amiss", "sqlite:///plant.db#readings", "-o", "sqlite:///plant.db#scored",
             "--new-by", "id", "--fail-on", "1"]  # fmt: skip
    run(*words, code=1, cwd=tmp_path)
    run(*words, code=0, cwd=tmp_path)
    assert asked(tmp_path / "plant.db", "SELECT count(*) FROM scored") == [(1000,)]


def test_results_in_a_file_with_a_state(run, models, tmp_path):
    words = ["score", models / "table.amiss", "sqlite:///plant.db#readings", "-o", "new.csv",
             "--new-by", "id", "--state", "state.json"]  # fmt: skip
    fill(tmp_path / "plant.db", 0, 600)
    run(*words, cwd=tmp_path)
    fill(tmp_path / "plant.db", 600, 700)
    run(*words, cwd=tmp_path)
    assert pl.read_csv(tmp_path / "new.csv")["id"].to_list() == list(range(600, 700))


def test_detect_into_postgresql(run, tmp_path):
    fill(tmp_path / "plant.db", 0, 600)
    try:
        with postgres() as url:
            words = ["detect", "sqlite:///plant.db#readings", "-o", f"{url}#scored"]
            _, err = run(*words, cwd=tmp_path)
            assert "600 scored rows: postgresql://amiss:***@" in err
            _, err = run(*words, code=3, cwd=tmp_path)
            assert "--if-exists append" in err
            run(*words, "--if-exists", "replace", cwd=tmp_path)
            out, _ = run("detect", url, "--query", "SELECT flow_m3h FROM scored", "--format", "json", cwd=tmp_path)
            assert "tests@" not in out
            assert "***" in out
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "words",
    [
        ["detect", "plant.csv", "--query", "SELECT 1"],
        ["detect", "sqlite:///plant.db"],
        ["detect", "sqlite:///plant.db#readings", "-o", "sqlite:///plant.db#readings"],
        ["detect", "sqlite:///plant.db#readings", "-o", "sqlite:///plant.db"],
        ["score", "table.amiss", "plant.csv", "--new-by", "id", "--state", "s"],
        ["score", "table.amiss", "sqlite:///plant.db#readings", "--new-by", "id"],
        ["score", "table.amiss", "sqlite:///plant.db#readings", "--state", "s"],
    ],
)
def test_options_that_do_not_go_together(words, run, models, tmp_path):
    fill(tmp_path / "plant.db", 0, 20)
    shutil.copy(models / "table.amiss", tmp_path)
    _, err = run(*words, code=2, cwd=tmp_path)
    assert "mend:" in err


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_runs(run, tmp_path, monkeypatch):
    fill(tmp_path / "plant.db", 0, 900)
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks("sh")).splitlines():
        run(*shlex.split(line)[1:], cwd=tmp_path)
    space = {}
    exec(compile(blocks("python")[0], "pipelines.md", "exec"), space)
    given = ("plant.amiss", "sqlite:///plant.db#readings", "sqlite:///plant.db#scored")
    assert space["score_new_rows"](*given) is False
    fill(tmp_path / "plant.db", 900, 1008)
    with contextlib.closing(sqlite3.connect("plant.db")) as connection:
        connection.execute("UPDATE readings SET pressure_bar = 900 WHERE id = 1000")
        connection.commit()
    assert space["score_new_rows"](*given) is True
    assert space["score_new_rows"](*given) is False
    with pytest.raises(RuntimeError, match="no such file"):
        space["score_new_rows"]("plant.amiss", "sqlite:///none.db#readings", given[2])


def test_the_line_for_cron_runs(run, models, tmp_path):
    """As cron does: by a plain shell, with few variables."""
    fill(tmp_path / "plant.db", 0, 1000)
    shutil.copy(models / "table.amiss", tmp_path / "plant.amiss")

    line = blocks("crontab")[0].split(None, 5)[5].replace("/srv/plant", str(tmp_path))
    line = line.replace("amiss score", f"{sys.executable} -m amiss score").replace("logger -t amiss", "echo")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    done = [subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=kept) for _ in range(2)]
    assert [each.stdout for each in done] == ["exit code 1\n", ""]
    assert "1,000 scored rows" in (tmp_path / "score.log").read_text()
