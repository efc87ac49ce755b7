"""A result inside a notebook."""

from __future__ import annotations

import html

from amiss.pipeline.result import Result

__all__ = ["notebook_html"]


def notebook_html(result: Result) -> str:
    """The ten most anomalous rows and the promise, as a small table."""
    lines = "".join(
        f"<tr><td>{'●' if e.is_anomaly else ''}</td><td>{e.row}</td><td>{e.score:.2f}</td><td>{e.p_value:.2g}</td>"
        f"<td style='text-align:left'>{html.escape(e.reason)}</td></tr>"
        for e in result.explain_top(10)
    )
    return (
        f"<p><b>{html.escape(result.source.name)}</b>: {result.n_anomalies:,} anomalies in {len(result):,} rows; "
        f"false alarms at most {html.escape(result.promise.asked)}</p>"
        "<table><thead><tr><th></th><th>row</th><th>score</th><th>p</th><th style='text-align:left'>reason</th></tr>"
        f"</thead><tbody>{lines}</tbody></table>"
    )
