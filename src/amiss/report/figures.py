"""The numbers behind the report's pictures, small enough to travel inside the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.core.frame import Frame
from amiss.core.summary import Matrix, Vector
from amiss.pipeline.events import iso_time
from amiss.pipeline.result import Result
from amiss.report.moments import seconds_of

__all__ = ["report_data"]

_TABLE_ROWS = 150
_POINTS = 900
_ALARM_POINTS, _RANKED_POINTS = 250, 20
_BLAMED = 8
_BINS = 40
_TIME_BINS = 400
_SHOWN_VALUES = 12
_LONGEST_WORD = 60
_LARGEST = 1e300
"""Larger values are drawn at the edge: a range of twice as much must still be a number."""


def report_data(result: Result) -> dict[str, Any]:
    """Everything that the page shows, as plain lists and numbers."""
    n = max(min(result.n_anomalies, _TABLE_ROWS), min(20, len(result)))
    explanations = result.explain_top(n)
    blamed = _most_blamed(result)
    # Without an alarm the rows ranked highest take their place, and the page says so.
    n_marked = result.n_anomalies or min(_RANKED_POINTS, len(result) // 5)
    alarms = result.ranking(min(n_marked, _ALARM_POINTS))
    others = result.sample(_POINTS)
    others = others[~np.isin(others, alarms)]
    rows = np.concatenate([others, alarms])
    frame = result.rows_at(rows)
    X = result.model.preparation.transform(frame)
    top = result.rows_at(np.array([e.row for e in explanations]))
    return {
        "rows": [
            {
                "row": e.row,
                "score": round(e.score, 4),
                "p": _brief(e.p_value, 3),
                "alarm": e.is_anomaly,
                "reason": e.reason,
                "blame": [[c.column, round(c.share, 3), _short(c.value), c.usual] for c in e.contributions[:5]],
                "values": values,
            }
            for e, values in zip(explanations, _values(result, top), strict=True)
        ],
        "n_alarms": result.n_anomalies,
        "shown": _shown_columns(result),
        "n_context": len(result.schema.named("time", "entity", "identifier")),
        "scatter": _scatter(result, frame, X, len(others), rows, blamed),
        "columns": [_distribution(result, name, len(others), frame) for name in blamed],
        "timeline": _timeline(result),
        "scores": _score_histogram(result),
    }


def _brief(value: float, digits: int) -> float:
    """A number with few digits; the largest ones keep theirs, or rounding up would make them infinite."""
    rounded = float(f"{value:.{digits}g}")
    return rounded if abs(rounded) != float("inf") else float(value)


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_WORD else value[: _LONGEST_WORD - 1] + "…"
    if isinstance(value, float):
        return _brief(value, 6)
    return value


def _shown_columns(result: Result) -> list[str]:
    schema = result.schema
    first = schema.named("time", "entity", "identifier")
    return [*first, *schema.named("label", "text"), *schema.named("number", "category")][:_SHOWN_VALUES]


def _values(result: Result, frame: Frame) -> list[list[Any]]:
    names = _shown_columns(result)
    columns: list[list[Any]] = []
    for name in names:
        if name == result.schema.first("time"):
            times = result.model.times(frame)
            seconds = times.tolist() if times is not None else [float("nan")] * frame.n_rows
            columns.append([(iso_time(t, zoned=False) or "").replace("T", " ") for t in seconds])
        elif name in frame.names and frame.kind(name) == "number":
            columns.append([None if v != v else _short(v) for v in frame.numbers(name).tolist()])
        elif name in frame.names:
            columns.append([_short(word) for word in frame.words(name)])
        else:
            columns.append([None] * frame.n_rows)
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(frame.n_rows)]


def _most_blamed(result: Result) -> list[str]:
    """Columns by the sum of their shares over the highest alarms."""
    total: dict[str, float] = {}
    for e in result.explain_top(min(max(result.n_anomalies, 20), 300)):
        for c in e.contributions:
            total[c.column] = total.get(c.column, 0.0) + c.share
    return sorted(total, key=lambda name: -total[name])[:_BLAMED]


def _scatter(result: Result, frame: Frame, X: Matrix, n_others: int, rows: Any, blamed: list[str]) -> dict[str, Any]:
    features = result.model.preparation.features
    Z = np.arcsinh(np.where(np.isnan(X), 0.0, X))
    directions, names = _directions(Z, n_others, features)
    axes = {name: directions[:, k] for k, name in enumerate(names)}
    axes |= {name: Z[:, features.index(name)] for name in blamed}
    raw = {name: _axis_values(frame, name) for name in blamed}
    return {
        "n_others": n_others,
        "row": rows.tolist(),
        "score": np.round(result.scores[rows], 3).tolist(),
        "axes": {name: np.round(values, 3).tolist() for name, values in axes.items()},
        "raw": raw,
    }


def _axis_values(frame: Frame, name: str) -> list[Any]:
    if frame.kind(name) == "text":
        words = [_short(w) for w in frame.words(name)]
        if any(w is not None and not isinstance(w, (int, float)) for w in words):
            return words
    return [None if v != v else _brief(v, 5) for v in frame.numbers(name).tolist()]


def _directions(Z: Matrix, n_others: int, features: list[str]) -> tuple[Matrix, list[str]]:
    """The direction that sets alarms apart from the rest, and the widest one across it."""
    center = np.median(Z[:n_others], axis=0) if n_others else Z.mean(axis=0)
    gap = Z - center
    spread = np.maximum(gap[:n_others].std(axis=0) if n_others else gap.std(axis=0), 0.05)
    unit = np.clip(gap / spread, -12, 12)
    if Z.shape[1] < 2:
        return np.column_stack([unit[:, 0], np.linspace(-1, 1, len(unit))]), [features[0] + " ", "order"]
    alarms = unit[n_others:] if len(unit) > n_others else unit
    _, _, vectors = np.linalg.svd(alarms, full_matrices=False)
    first = vectors[0] * (1 if vectors[0].sum() >= 0 else -1)
    across = unit - np.outer(unit @ first, first)
    _, _, vectors = np.linalg.svd(across, full_matrices=False)
    second = vectors[0] * (1 if vectors[0].sum() >= 0 else -1)
    names = [_direction_name(k, v, features) for k, v in ((1, first), (2, second))]
    return np.column_stack([unit @ first, unit @ second]), names


def _direction_name(k: int, vector: Vector, features: list[str]) -> str:
    main = np.argsort(-np.abs(vector))[:2]
    parts = [f"{'+' if vector[j] > 0 else '−'}{features[j]}" for j in main]
    return f"direction {k}: {' '.join(parts)} …"


def _distribution(result: Result, name: str, n_others: int, frame: Frame) -> dict[str, Any]:
    preparation = result.model.preparation
    if name in preparation.categories:
        words = [w if w is not None else "(missing)" for w in frame.words(name)]
        kinds = sorted(set(words), key=lambda w: -words[:n_others].count(w))[:12]
        counts = [[part.count(kind) for kind in kinds] for part in (words[:n_others], words[n_others:])]
        return {"name": name, "kinds": [_short(k) for k in kinds], "rest": counts[0], "alarms": counts[1]}
    values = np.clip(preparation.values(frame, name), -_LARGEST, _LARGEST)
    rest, odd = values[:n_others], values[n_others:]
    rest, odd = rest[~np.isnan(rest)], odd[~np.isnan(odd)]
    both = np.concatenate([rest, odd])
    if not len(both):
        return {"name": name, "kinds": [], "rest": [], "alarms": []}
    base = rest if len(rest) else both
    low, high = np.quantile(base, [0.01, 0.99])
    room = max(high - low, 1e-12 * max(abs(high), 1.0))
    edges = np.linspace(low - 0.6 * room, high + 0.6 * room, _BINS + 1)
    inside = np.clip(both, edges[0], edges[-1])
    quartiles = np.quantile(base, [0.05, 0.25, 0.5, 0.75, 0.95])
    return {
        "name": name,
        "edges": [_brief(e, 5) for e in (edges[0], edges[-1])],
        "clipped": bool((both < edges[0]).any() or (both > edges[-1]).any()),
        "rest": np.histogram(inside[: len(rest)], edges)[0].tolist(),
        "alarms": np.histogram(inside[len(rest) :], edges)[0].tolist(),
        "box": [_brief(q, 5) for q in quartiles],
        "points": [_brief(v, 5) for v in odd[:120].tolist()],
    }


def _timeline(result: Result) -> dict[str, Any] | None:
    """Highest score in each of some hundred stretches of time, and the events."""
    name = result.schema.first("time")
    if name is None:
        return None
    bounds = [(np.nanmin(t), np.nanmax(t)) for t in _times(result) if not np.isnan(t).all()]
    if not bounds:
        return None
    low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
    width = max(high - low, 1e-9)
    peak = np.full(_TIME_BINS, np.nan)
    usual = np.full(_TIME_BINS, np.nan)
    start = 0
    for t in _times(result):
        scores = result.scores[start : start + len(t)]
        start += len(t)
        known = ~np.isnan(t)
        place = np.minimum(((t[known] - low) / width * _TIME_BINS).astype(int), _TIME_BINS - 1)
        np.fmax.at(peak, place, scores[known])
        np.fmin.at(usual, place, scores[known])
    events = [
        [seconds_of(e.start), seconds_of(e.end), round(e.score, 3), e.entity, e.n_alarms, e.peak_row]
        for e in result.top_events(300)
        if e.start is not None
    ]
    return {
        "start": low,
        "end": high,
        "peak": [None if v != v else round(v, 3) for v in peak.tolist()],
        "low": [None if v != v else round(v, 3) for v in usual.tolist()],
        "events": events,
        "zone": " UTC" if result.schema.zoned else "",
        "threshold": _threshold(result),
    }


def _times(result: Result) -> Any:
    for frame in result.source.batches():
        times = result.model.times(frame)
        yield times if times is not None else np.full(frame.n_rows, np.nan)


def _threshold(result: Result) -> float | None:
    alarms = result.scores[result.is_anomaly]
    return round(float(alarms.min()), 4) if len(alarms) else None


def _score_histogram(result: Result) -> dict[str, Any]:
    low, high = float(result.scores.min()), float(result.scores.max())
    counts, _ = np.histogram(result.scores, bins=60, range=(low, high if high > low else low + 1))
    return {"low": low, "high": high, "counts": counts.tolist(), "threshold": _threshold(result)}
