"""The HTML report of a comparison: the verdict first, what weakens it next, then all figures."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from amiss.report.compare_data import comparison_data
from amiss.report.compare_table import SHOWN, split_words
from amiss.report.frame import filled, framed, versions

if TYPE_CHECKING:
    from amiss.evaluate.comparison import Comparison

__all__ = ["comparison_html", "comparison_snippet", "plain_table"]

_SCRIPTS = ("common.js", "plot.js", "ranks.js", "board.js", "compare.js")
_CAUTION = (
    "The best of many is partly the luckiest: expect a little less of it on other rows. That two cannot be told apart "
    "is no proof that they are equal."
)
_MOST_IN_SNIPPET = 10


def comparison_html(told: Comparison) -> str:
    """The report as one HTML page."""
    body = filled(
        "compare.html",
        verdict=html.escape(str(told)),
        weak="".join(f"<p>{html.escape(sentence)}</p>" for sentence in told.weak_points),
        caution=_CAUTION if told.verdict else "",
        facts="".join(f"<p>{html.escape(line)}</p>" for line in _facts(told)),
        findings="".join(
            f'<p class="note {found.severity}"><b>{found.severity}:</b> {html.escape(str(found))}. '
            f"<i>{html.escape(found.mend)}</i></p>"
            for found in told.findings
        ),
        notes="".join(f'<p class="note">{html.escape(note)}</p>' for note in _notes(told)),
        failures=_failures(told),
        versions=html.escape(versions()),
    )
    return framed(
        body, comparison_data(told), _SCRIPTS, title=f"{told.name}: which detector?", name=told.name,
        lead=f"Which detector finds what {told.label!r} calls an anomaly?", styles=("page.css", "compare.css"),
    )  # fmt: skip


def comparison_snippet(told: Comparison) -> str:
    """The verdict and a line for each of the best, inside a notebook."""
    judged = [(c, c.judged.figures) for c in told.candidates if c.judged is not None]
    lines = [[c.name, c.learns_from, *(str(figures[name]) for name, _ in SHOWN)] for c, figures in judged]
    more = len(judged) - _MOST_IN_SNIPPET
    return (
        f"<p><b>{html.escape(str(told))}</b></p>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in (*told.weak_points, _facts(told)[0]))
        + "".join(f"<p>{found.severity}: {html.escape(str(found))}</p>" for found in told.findings)
        + plain_table(["detector", "learns from", *(title for _, title in SHOWN)], lines[:_MOST_IN_SNIPPET])
        + (f"<p>and {more:,} more</p>" if more > 0 else "")
    )


def _facts(told: Comparison) -> list[str]:
    """What was compared, one sentence each."""
    n = len(told.candidates)
    return [
        f"{n:,} {'detector' if n == 1 else 'detectors'} on {told.n_rows:,} rows judged, {told.n_anomalies:,} of them "
        f"anomalies by {told.label!r}; {split_words(told)}.",
        f"Each cut was chosen for a false-alarm rate of {told.rate:.3g}, from normal rows that were held out of the "
        "training rows of each split: never from a row that is judged.",
    ]


def _notes(told: Comparison) -> list[str]:
    of_figures = dict.fromkeys(note for c in told.candidates if c.judged is not None for note in c.judged.notes)
    return [*told.notes, *of_figures]


def _failures(told: Comparison) -> str:
    lines = [[c.name, c.failure] for c in told.candidates if c.judged is None]
    if not lines:
        return ""
    return f'<h3>Not judged</h3><div class="scroll">{plain_table(["detector", "why"], lines)}</div>'


def plain_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
