"""Rows of a set as they are listed: what they hold, what was found, and what people said of them."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np

from amiss.core.errors import ParameterError
from amiss.server.sets.files import SavedSet
from amiss.server.sets.live import LiveSet
from amiss.server.sets.verdicts import Verdicts

__all__ = ["entity_of", "page", "row_facts", "with_verdicts"]


def page(opened: SavedSet | LiveSet, *, order: str, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Some rows, by their score or in their order, and how many there are.

    Raises
    ------
    ParameterError
        There is no such order.
    """
    n_rows = len(opened.scores)
    if order not in ("score", "row"):
        raise ParameterError(f"there is no order {order[:40]!r}", where="order", mend='give "score" or "row"')
    if order == "row":
        rows = list(range(min(offset, n_rows), min(offset + limit, n_rows)))
    elif isinstance(opened, SavedSet):
        rows = [int(row) for row in opened.ranking[offset : offset + limit]]
    else:
        rows = _ranked(opened, offset, limit)
    reasons = opened.reasons(rows) if isinstance(opened, SavedSet) else [""] * len(rows)
    values = opened.values(rows)
    items = [
        row_facts(opened, row) | {"values": held, "reason": reason, "verdict": None}
        for row, held, reason in zip(rows, values, reasons, strict=True)
    ]
    return items, n_rows


def _ranked(live: LiveSet, offset: int, limit: int) -> list[int]:
    """Rows that raise an alarm first, and of these and the others the highest score first."""
    scores = np.nan_to_num(live.scores, nan=-np.inf)
    found: list[int] = []
    for some in (np.flatnonzero(live.flags), np.flatnonzero(~live.flags)):
        n = min(offset + limit - len(found), len(some))
        if n > 0:
            top = some[np.argpartition(-scores[some], n - 1)[:n]]
            found += top[np.argsort(-scores[top], kind="stable")].tolist()
    return found[offset:]


def row_facts(opened: SavedSet | LiveSet, row: int) -> dict[str, Any]:
    """What was found of a row.

    Raises
    ------
    ParameterError
        There is no such row.
    """
    n_rows = len(opened.scores)
    if not 0 <= row < n_rows:
        mend = f"give one from 0 to {n_rows - 1}" if n_rows else "the set has none"
        raise ParameterError(f"there is no row {row}", where="row", mend=mend)
    timed = isinstance(opened, LiveSet) or opened.facts.timed
    place = row if isinstance(opened, LiveSet) else opened.place_of(row)
    return {
        "row": row,
        "time": _plain(opened.times[place]) if timed else None,
        "entity": entity_of(opened, row),
        "score": _plain(opened.scores[row]),
        "p_value": _plain(opened.p_values[row]),
        "is_anomaly": bool(opened.flags[row]),
    }


def entity_of(opened: SavedSet | LiveSet, row: int) -> str | None:
    """Whose row it is; None where that is not known."""
    if isinstance(opened, LiveSet):
        return opened.record.entity
    place, groups = opened.place_of(row), opened.facts.groups
    if groups:
        return groups[bisect_right(groups, place, key=lambda group: group.first) - 1].entity
    entities = opened.facts.entities
    code = int(opened.codes[place]) if opened.codes is not None else -1
    return entities[code] if 0 <= code < len(entities) else None


def with_verdicts(items: list[dict[str, Any]], verdicts: Verdicts) -> list[dict[str, Any]]:
    """The same with what was said last of each row, by its number or of a time that it lies in."""
    for item in items:
        item["verdict"] = verdicts.of(item["entity"], item["time"], str(item["row"]))
    return items


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if number == number else None
