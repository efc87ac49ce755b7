"""All that can be told of one row, on request."""

from __future__ import annotations

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


def explain_fully(reasons: Reasons, judge: Judge, frame: Frame, explanation: Explanation) -> FullExplanation:
    """What nearest normal rows, the smallest change and replaced values tell of the one row of `frame`.

    Normal are those of the rows kept that raise no alarm themselves, of the row's own entity where enough of them are
    kept. Where there are none, as after learning from
    very few rows, there is nothing to compare with, and all three are empty.
    """
    kept, features = reasons.kept, reasons.preparation.features
    x = reasons.preparation.transform(frame)[0]
    normal = np.flatnonzero(judge.normal(kept.X)) if len(kept.X) else np.empty(0, np.int64)
    normal = kept.comparable(normal, int(reasons.preparation.entity_codes(frame)[0]), _N_NEAREST)
    blame = permutation_terms(judge.score, x[None, :], kept.X[normal])[0]
    order = np.argsort(-blame, kind="stable")
    distance, place = nearest_rows(x, kept.X[normal], _N_NEAREST)
    near = tuple(_near_row(reasons, float(d), int(normal[i])) for d, i in zip(distance, place, strict=True))
    changes: tuple[Change, ...] = ()
    if explanation.is_anomaly and len(normal):
        changes = _changes(reasons, judge, frame, x, order[:_MOST_COLUMNS].tolist(), kept.X[normal[place[0]]])
    return FullExplanation(
        **msgspec.structs.asdict(explanation),
        nearest=near,
        changes=changes,
        change=_sentence(reasons, changes, explanation.is_anomaly),
        permutation=tuple((features[j], float(blame[j])) for j in order[:_MOST_LISTED]) if len(normal) else (),
    )


def _near_row(reasons: Reasons, distance: float, row: int) -> NearRow:
    values = dict(zip(reasons.preparation.features, reasons.kept.values(row), strict=True))
    return NearRow(distance, values, {name: reasons.word(name, value) for name, value in values.items()})


def _changes(
    reasons: Reasons, judge: Judge, frame: Frame, x: Vector, columns: list[int], nearest: Vector
) -> tuple[Change, ...]:
    p = reasons.preparation
    line = int(p.entity_codes(frame)[0])
    occurring = {j: reasons.kept.occurring(j, line) for j in range(len(p.features))}
    found = smallest_change(x, judge, {j: occurring[j][1] for j in columns}, nearest)
    own = reasons.values_of(frame)
    return tuple(
        Change(p.features[j], own[j], _raw(reasons, j, line, value, occurring[j])) for j, value in found.items()
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


def _sentence(reasons: Reasons, changes: tuple[Change, ...], is_anomaly: bool) -> str:
    if not is_anomaly:
        return "the row raises no alarm as it is"
    if not changes:
        return "no normal row is known to compare with"
    parts = [
        f"{c.column} were {reasons.word(c.column, c.to)} instead of {reasons.word(c.column, c.value)}" for c in changes
    ]
    joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"if {joined}, the row would be normal"
