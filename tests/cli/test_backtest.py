"""`amiss backtest` on the terminal."""

from __future__ import annotations

import json

import numpy as np
import polars as pl


def test_a_backtest_is_printed_and_written_as_records(tmp_path, run):
    x = 20 + 0.5 * np.random.default_rng(0).normal(size=3000)
    fault = np.zeros(3000, int)
    x[2000:2030] += 9
    fault[2000:2030] = 1
    time = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(3000) * np.timedelta64(10, "m")
    pl.DataFrame({"time": time, "x": x, "fault": fault}).write_csv(tmp_path / "pump.csv")
    out, _ = run("backtest", "pump.csv", "--label", "fault", "--false-alarms", "1/week", cwd=tmp_path)
    assert "1 of 1" in out
    assert "1 per week" in out
    assert "2026-03-15 21:20" in out
    out, _ = run("backtest", "pump.csv", "--format", "json", "--ignore", "fault", cwd=tmp_path)
    told = json.loads(out)
    assert told["n_rows"] == 3000
    assert told["events"][0]["first_row"] in range(1990, 2001)
    out, _ = run("backtest", "pump.csv", "--format", "csv", "--label", "fault", cwd=tmp_path)
    assert out.splitlines()[0].startswith("asked,n_alarms,n_false")
    assert len(out.splitlines()) > 1
    _, err = run("backtest", "pump.csv", "--label", "fault", "--report", "told.html", cwd=tmp_path)
    assert "report: told.html" in err
    assert (tmp_path / "told.html").stat().st_size > 5000
    run("backtest", "pump.csv", "--report", "told.pdf", code=2, cwd=tmp_path)
    run("backtest", "pump.csv", "--report", "pump.csv", code=2, cwd=tmp_path)
    _, err = run("backtest", "pump.csv", "--ignore", "falt", code=3, cwd=tmp_path)
    assert "asked to be left out" in err
    assert "did you mean 'fault'?" in err
    _, err = run("backtest", "pump.csv", "--label", "odd", code=3, cwd=tmp_path)
    assert "there is no column 'odd'" in err
