"""Tables on terminals of any width: no word of a reason, no value and no name is lost."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from rich.console import Console

import amiss
from amiss.datasets import make_plant
from amiss.report.columns import Column, print_columns
from amiss.report.drift_table import print_drift
from amiss.report.terminal import print_explanation, print_result

WIDTHS = (20, 50, 64, 80, 100, 109, 140, 200)
R = np.random.default_rng(0)


@pytest.fixture(scope="module")
def results():
    table = pl.DataFrame({
        "temperature_of_the_bearing": R.normal(1e5, 3.0, 300).round(3), "flow": R.normal(size=300).round(2),
        "kind": R.choice(["a rather long kind of thing", "b"], 300),
    })  # fmt: skip
    return [amiss.detect(table), amiss.detect(make_plant(n_pumps=2, n_days=7, seed=1).frame.table)]


def printed(width, what, *args):
    console = Console(file=io.StringIO(), width=width)
    what(console, *args)
    text = console.file.getvalue()
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    return text


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("width", WIDTHS)
def test_no_reason_is_lost(results, width):
    for result in results:
        text = printed(width, print_result, result, 5)
        rows = [event.peak_row for event in result.events[:5]] if result.timed else result.ranking(5)
        for row in rows:
            assert squeezed(result.explain(int(row)).reason) in squeezed(text)


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_no_number_of_an_explanation_is_cut(results, width):
    for result in results:
        found = result.explain_fully(int(result.ranking(1)[0]))
        text = printed(width, print_explanation, result, found)
        assert "…" not in text
        if width >= 100:
            lines = text.splitlines()
            for column in found.contributions:
                here = next(line for line in lines if line.startswith(column.column))
                assert result.shown(found.row)[column.column] in here
                assert column.usual in here


@pytest.mark.parametrize("width", WIDTHS)
def test_no_sentence_of_a_drift_is_lost(width):
    before = pl.DataFrame({"a": R.normal(size=500).round(2), "b": R.normal(size=500).round(2)})
    found = amiss.drift(before, before.with_columns(pl.col("a") + 3))
    assert squeezed(found.columns[0].sentence.removeprefix("a ")) in squeezed(printed(width, print_drift, found))


def test_the_least_important_columns_go_first():
    columns = [Column("name"), Column("first", True, 2), Column("second", True, 1), Column("value", True)]
    rows = [("x", "1", "2", "3" * 20, "why it is so")]
    heads = {}
    for width in (80, 38, 32, 28):
        console = Console(file=io.StringIO(), width=width)
        print_columns(console, columns, rows, sentence="reason")
        heads[width] = console.file.getvalue().splitlines()[0].split()
    assert heads == {
        80: ["name", "first", "second", "value"], 38: ["name", "first", "value"], 32: ["name", "value"],
        28: ["name", "value"],
    }  # fmt: skip
