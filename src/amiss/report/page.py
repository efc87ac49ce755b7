"""The HTML report: one file, no network, light and dark."""

from __future__ import annotations

import html
import shlex

from amiss.pipeline.recipe import CAUSAL_DEFAULT, DEFAULT, SERIES_DEFAULT
from amiss.pipeline.result import Result
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import duration_words
from amiss.report.figures import report_data
from amiss.report.frame import filled, framed, notes_html, tiles, versions
from amiss.report.promise import promise_lines, series_promise_lines
from amiss.report.series_figures import series_data

__all__ = ["report_html"]

_MOST_COLUMNS = 400
_TABLE = ("table.html", ("common.js", "table.js"))
_SERIES = ("series.html", ("common.js", "chart.js", "series.js", "around.js"))
"""What stands in the frame, and the scripts that fill it."""


def report_html(result: Result) -> str:
    """The report as one HTML page."""
    series = isinstance(result, SeriesResult)
    data = series_data(result) if isinstance(result, SeriesResult) else report_data(result)
    view, scripts = _SERIES if series else _TABLE
    body = filled(
        "result.html",
        tiles=tiles(_tiles(result)),
        notes=notes_html(result.notes),
        promise=_promise(result),
        columns=_columns(result),
        learnt="" if result.model.threshold.same_rows else " (as learnt)",
        command=html.escape(_command(result)),
        versions=html.escape(versions()),
        views=filled(view).rstrip(),
    )
    return framed(
        body, data, scripts, title=f"{result.source.name}: anomalies", name=result.source.name, lead=_lead(result)
    )


def _lead(result: Result) -> str:
    n_ranked = len(result.model.preparation.features)
    text = f"{len(result):,} rows, {result.n_columns} columns, {n_ranked} of them ranked"
    span = result.schema.first("time")
    entity = result.schema.first("entity")
    text += f"; time in {span!r}{', told in UTC' if result.schema.zoned else ''}" if span else ""
    return text + (f"; one series for each {entity!r}" if entity else "")


def _series_tiles(result: SeriesResult) -> list[tuple[str, str]]:
    n, interval = len(result.series.members), result.series.interval_seconds
    n_channels = len(result.model.preparation.features)
    return [
        (f"{len(result.events):,}", "event" if len(result.events) == 1 else "events"),
        (result.promise.asked.replace(" (default)", ""), "false alarms asked for, at most"),
        (duration_words(interval) if interval else "rows", "between two rows" if interval else "are the clock"),
        (f"{n:,}", "series") if n > 1 else (f"{n_channels:,}", "channel" if n_channels == 1 else "channels"),
        (result.model.recipe.detector.replace("_", " "), "detector"),
    ]


def _tiles(result: Result) -> list[tuple[str, str]]:
    promise = result.promise
    if isinstance(result, SeriesResult):
        return _series_tiles(result)
    return [
        (f"{result.n_anomalies:,}", "row raises an alarm" if result.n_anomalies == 1 else "rows raise an alarm"),
        (f"{result.n_events:,}", "events" if result.schema.first("time") else "separate alarms"),
        (_percent(promise.rate), f"false alarms asked for, at most; share of the {promise.share_of}"),
        (_percent(promise.reached), "of the calibration rows reach it"),
        (result.model.recipe.detector.replace("_", " "), "detector"),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _promise(result: Result) -> str:
    promise = result.promise
    if isinstance(result, SeriesResult):
        return "".join(f"<p>{html.escape(line)}</p>" for line in series_promise_lines(promise, result.n_promised))
    lines = [
        f"Asked: at most {promise.asked} as false alarms"
        + (
            f", that is {_percent(promise.rate)} of the normal rows."
            if promise.share_of == "rows"
            else "; the decision on a row depends on all rows judged with it."
        ),
        f"Reached: {_percent(promise.reached)} of the {promise.n_calibration:,} rows that it was calibrated on; "
        f"{result.n_anomalies:,} of {len(result):,} rows here raise an alarm.",
        f"Ground: {promise.note}.",
        *(f"{line[0].upper()}{line[1:]}." for line in promise_lines(promise)),
    ]
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _columns(result: Result) -> str:
    features = result.model.preparation.features
    usual = {name: result.model.reasons.usual(-1, j) for j, name in enumerate(features)}
    lines = []
    for c in result.schema.columns[:_MOST_COLUMNS]:
        missing = f"{100 * c.missing:.2g}%" if c.missing else ""
        cells = (c.name, c.role, missing, usual.get(c.name, ""), c.note)
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    if len(result.schema.columns) > _MOST_COLUMNS:
        lines.append(f"<tr><td>and {len(result.schema.columns) - _MOST_COLUMNS:,} more</td></tr>")
    return "".join(lines)


def _command(result: Result) -> str:
    recipe = result.model.recipe
    words = ["amiss", "detect", result.source.name]
    if not result.model.threshold.same_rows:
        return f"amiss score MODEL.amiss {shlex.quote(result.source.name)} --report report.html"
    if recipe.params or recipe.roles or recipe.limits:
        return (
            "import amiss\n"
            f"amiss.detect({result.source.name!r}, detector={recipe.detector!r}, params={recipe.params!r}, "
            f"roles={recipe.roles!r}, limits={recipe.limits!r}, false_alarms={recipe.false_alarms!r}, "
            f"false_discoveries={recipe.false_discoveries!r}, clean={recipe.clean!r}, kind={recipe.kind!r}, "
            f"causal={recipe.causal!r}, time={recipe.time!r}, "
            f"entity={recipe.entity!r}, ignore={list(recipe.ignore)!r}, seed={recipe.seed}).report('report.html')"
        )
    series = CAUSAL_DEFAULT if recipe.causal else SERIES_DEFAULT
    default = series if recipe.kind == "series" else DEFAULT
    options = {
        "--detector": None if recipe.detector == default else recipe.detector,
        "--false-alarms": recipe.false_alarms,
        "--false-discoveries": recipe.false_discoveries,
        "--kind": None if recipe.causal else recipe.kind,
        "--time": recipe.time,
        "--entity": recipe.entity,
        "--seed": recipe.seed or None,
    }
    for option, value in options.items():
        words += [option, str(value)] if value is not None else []
    for name in recipe.ignore:
        words += ["--ignore", name]
    words += ["--causal"] * recipe.causal + ["--clean"] * recipe.clean
    return shlex.join([*words, "--report", "report.html"])
