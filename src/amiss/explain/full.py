"""All that can be told of one row, on request."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from amiss.core.finding import Change, Explanation, FullExplanation, NearRow
from amiss.core.frame import Frame
from amiss.core.summary import Vector
from amiss.explain.counterfactual import Judge, smallest_change
from amiss.explain.nearest import nearest_rows
from amiss.explain.permutation import permutation_terms
from amiss.explain.reasons import Reasons

__all__ = ["explain_fully"]

_N_NEAREST = 3
_MOST_LISTED = 8
_MOST_COLUMNS = 60
"""Columns among which a change is sought: those with the most blame."""


def explain_fully(
    reasons: Reasons, judge: Judge, frame: Frame, explanation: Explanation, broken: Mapping[str, tuple[float, float]]
) -> FullExplanation:
    """What nearest normal rows, the smallest change and replaced values tell of the one row of `frame`.

    Normal are those of the rows kept that raise no alarm themselves, of the row's own entity where enough of them are
    kept. Where there are none, as after learning from very few rows, there is nothing to compare with, and all three
    are empty. `broken` are the limits that the row is beyond, by column: its value, and the nearest one allowed.
    """
    kept, features = reasons.kept, reasons.preparation.features
    x = reasons.preparation.transform(frame)[0]
    # Rows beyond a limit are not kept; those of another entity must not be measured by this one's.
    normal = np.flatnonzero(~judge.is_anomaly(judge.score(kept.X))) if len(kept.X) else np.empty(0, np.int64)
    normal = kept.comparable(normal, int(reasons.preparation.entity_codes(frame)[0]), _N_NEAREST)
    blame = permutation_terms(judge.score, x[None, :], kept.X[normal])[0]
    order = np.argsort(-blame, kind="stable")
    # The row itself, where it was learnt, is no other row that it is like.
    itself = np.flatnonzero((kept.X[normal] == x).all(axis=1))[:1]
    normal = np.delete(normal, itself)
    distance, place = nearest_rows(x, kept.X[normal], _N_NEAREST)
    near = tuple(_near_row(reasons, float(d), int(normal[i])) for d, i in zip(distance, place, strict=True))
    changes: tuple[Change, ...] = ()
    if explanation.is_anomaly and len(normal):
        columns = list(dict.fromkeys([*(j for j in judge.limits if features[j] in broken), *order.tolist()]))
        changes = _changes(reasons, judge, frame, x, columns[:_MOST_COLUMNS], kept.X[normal[place[0]]], broken)
    return FullExplanation(
        **msgspec.structs.asdict(explanation),
        nearest=near,
        changes=changes,
        change=_sentence(reasons, changes, explanation.is_anomaly, len(normal)),
        permutation=tuple((features[j], float(blame[j])) for j in order[:_MOST_LISTED]) if len(normal) else (),
    )


def _near_row(reasons: Reasons, distance: float, row: int) -> NearRow:
    values = dict(zip(reasons.preparation.features, reasons.kept.values(row), strict=True))
    return NearRow(distance, values, {name: reasons.word(name, value) for name, value in values.items()})


def _changes(
    reasons: Reasons,
    judge: Judge,
    frame: Frame,
    x: Vector,
    columns: list[int],
    nearest: Vector,
    broken: Mapping[str, tuple[float, float]],
) -> tuple[Change, ...]:
    p = reasons.preparation
    line = int(p.entity_codes(frame)[0])
    occurring = {j: reasons.kept.occurring(j, line) for j in range(len(p.features))}
    allowed = {j: occurring[j][1][~judge.beyond(occurring[j][1], j)] for j in columns}
    found = smallest_change(x, judge, allowed, nearest)
    if not found and not judge.normal(x[None, :])[0]:
        return ()
    own = reasons.values_of(frame)
    # A column that is not ranked and beyond its limit goes back to the limit, whatever the others do.
    beside = [Change(name, value, end) for name, (value, end) in broken.items() if name not in p.features]
    return (
        *beside,
        *(Change(p.features[j], own[j], _raw(reasons, j, line, value, occurring[j])) for j, value in found.items()),
    )


def _raw(
    reasons: Reasons, j: int, line: int, prepared: float, occurring: tuple[list[float | str], Vector]
) -> float | str | None:
    """The value behind what a detector sees."""
    values, seen = occurring
    match = np.flatnonzero(seen == prepared)
    if len(match):
        return values[int(match[0])]
    p = reasons.preparation
    if j >= len(p.numbers) or np.isnan(prepared):
        return None
    return float(p.location[line, j] + prepared * p.scale[line, j])


def _sentence(reasons: Reasons, changes: tuple[Change, ...], is_anomaly: bool, n_normal: int) -> str:
    if not is_anomaly:
        return "the row raises no alarm as it is"
    if not changes:
        return "no change is known that makes the row normal" if n_normal else "no normal row is known to compare with"
    parts = [
        f"{c.column} were {_word(reasons, c.column, c.to)} instead of {_word(reasons, c.column, c.value)}"
        for c in changes
    ]
    joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"if {joined}, the row would be normal"


def _word(reasons: Reasons, column: str, value: float | str | None) -> str:
    """A value as it is written in the data; whole where the column is not ranked, as a limit may be finer than it."""
    ranked = column in reasons.preparation.features
    return reasons.word(column, value) if ranked or not isinstance(value, float) else f"{value:.15g}"
