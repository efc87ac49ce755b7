"""The rows of a pushed stream as the store has kept them, in the columns that a model knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.pipeline.model import Model
from amiss.store.store import Store

__all__ = ["recent_rows"]


def recent_rows(store: Store, source: str, model: Model, most: int, *, since: float | None = None) -> dict[str, Any]:
    """Rows of a source in order of time, by column: at most the last so many; empty where there are none.

    Parameters
    ----------
    store, source
        Where they are, and whose.
    model
        Says what its columns of time and entity are called.
    most
        So many rows at most.
    since
        Only rows from this time on, in seconds.
    """
    columns: dict[str, list[Any]] = {}
    times: list[Any] = []
    entities: list[str | None] = []
    kept = store.series(source=source, limit=10_000)
    names = list(dict.fromkeys(name for series in kept for name in series.columns))
    for series in kept:
        rows = store.history_columns(series.id, since=since)
        if not len(rows.times):
            continue
        times.append(rows.times)
        entities += [series.entity] * len(rows.times)
        for name in names:
            at = series.columns.index(name) if name in series.columns else None
            columns.setdefault(name, []).append(np.full(len(rows.times), np.nan) if at is None else rows.values[:, at])
    if not entities:
        return {}
    moments = np.concatenate(times)
    order = np.argsort(moments, kind="stable")[-most:]
    found: dict[str, Any] = {name: np.concatenate(parts)[order] for name, parts in columns.items()}
    time, entity = model.schema.first("time"), model.schema.first("entity")
    if time is not None:
        found[time] = (moments[order] * 1e6).astype("datetime64[us]")
    if entity is not None:
        found[entity] = [entities[k] for k in order.tolist()]
    return found
