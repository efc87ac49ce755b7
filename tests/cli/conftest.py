"""The command as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from amiss.datasets import make_plant
from amiss.io.files.sink import write_table


@pytest.fixture(scope="session")
def pump_csv(tmp_path_factory):
    """A folder with pump.csv and new.csv."""
    folder = tmp_path_factory.mktemp("pump")
    for name, seed in (("pump.csv", 1), ("new.csv", 2)):
        write_table(folder / name, iter([make_plant(n_pumps=2, n_days=7, seed=seed).frame.table]))
    return folder


@pytest.fixture(scope="session")
def run(pump_csv):
    def run(*words, code=0, cwd=pump_csv, stdin=b"", env=None):
        done = subprocess.run(
            [sys.executable, "-m", "amiss", *map(str, words)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            timeout=300,
            env={**os.environ, "COLUMNS": "120", **(env or {})},
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return out, err

    return run
