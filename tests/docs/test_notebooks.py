"""The notebooks run from the first cell to the last, and results draw themselves."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "docs" / "notebooks"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_a_notebook_runs(name, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / name, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Jupyter has to say of itself
        client.NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute()
    drawn = [out["data"]["text/html"] for cell in notebook.cells for out in cell.get("outputs", ())
             if "text/html" in out.get("data", {})]  # fmt: skip
    assert any("false alarms at most" in html for html in drawn)
    if name == "iot.ipynb":
        assert any("<svg" in html for html in drawn)


def test_there_are_notebooks():
    assert len(list(FOLDER.glob("*.ipynb"))) == 2
