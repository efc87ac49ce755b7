"""The HTML report of a benchmark: which detectors are told apart over data sets, and all figures."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from amiss.report.compare_page import plain_table
from amiss.report.compare_table import split_words
from amiss.report.frame import filled, framed, versions
from amiss.report.rank_figure import rank_figure

if TYPE_CHECKING:
    from amiss.evaluate.benchmark import Benchmark

__all__ = ["benchmark_html"]

_SCRIPTS = ("common.js", "plot.js", "ranks.js", "benchmark.js")


def benchmark_html(told: Benchmark) -> str:
    """The report as one HTML page."""
    notes = () if told.ranked is None else told.ranked.notes
    failures = [[name, why] for name, why in told.failures.items()]
    body = filled(
        "benchmark.html",
        verdict=html.escape(str(told)),
        notes="".join(f'<p class="note">{html.escape(note)}</p>' for note in notes),
        sets=plain_table(["data set", "rows judged", "anomalies", "split", "findings"], _sets(told)),
        failures=f"<h3>Not judged</h3>{plain_table(['', 'why'], failures)}" if failures else "",
        measure=html.escape(told.measure),
        versions=html.escape(versions()),
    )
    n, k = len(told.sets), len(told.detectors)
    return framed(
        body, _data(told), _SCRIPTS, title="Benchmark", name="Benchmark", styles=("page.css", "compare.css"),
        lead=f"{k} detectors on {n} {'data set' if n == 1 else 'data sets'}",
    )  # fmt: skip


def _sets(told: Benchmark) -> list[list[str]]:
    return [
        [each.name, f"{each.n_rows:,}", f"{each.n_anomalies:,}", split_words(each),
         "; ".join(f"{found.severity}: {found}" for found in each.findings)]
        for each in told.comparisons
    ]  # fmt: skip


def _data(told: Benchmark) -> dict[str, Any]:
    ranks = {} if told.ranked is None else dict(zip(told.ranked.names, told.ranked.mean_ranks.tolist(), strict=True))
    written = [
        {c.name: str(c.judged.figures[told.measure]) for c in each.candidates if c.judged is not None}
        for each in told.comparisons
    ]
    detectors = [
        {
            "name": name,
            "mean": round(float(values.mean()), 6),
            "rank": ranks.get(name),
            "figures": [[round(float(v), 6), text[name]] for v, text in zip(values, written, strict=True)],
        }
        for name, values in zip(told.detectors, told.table.T, strict=True)
    ]
    figure = None if told.ranked is None else rank_figure(told.ranked)
    return {"sets": list(told.sets), "detectors": detectors, "ranks": figure}
