"""What people said of rows, looked up by the row or by a time that it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amiss.store.records import LabelRecord

__all__ = ["TAKEN_BACK", "Verdicts"]

TAKEN_BACK = "taken back"
"""Reason of a label that says only that the one before it does not hold."""


class Verdicts:
    """Labels of one source.

    Parameters
    ----------
    labels
        In the order in which they were given: the last that is of a row counts.

    Examples
    --------
    >>> from amiss.server.sets.verdicts import Verdicts
    >>> from amiss.store.records import LabelRecord
    >>> said = LabelRecord(verdict="normal", author="kim", at=0, source="s", entity="pump", starts=10, ends=20)
    >>> Verdicts([said]).of("pump", 15.0), Verdicts([said]).of("fan", 15.0)
    ('normal', None)
    """

    def __init__(self, labels: Sequence[LabelRecord]) -> None:
        self._said = [None if label.reason == TAKEN_BACK else label.verdict for label in labels]
        self._rows: dict[str, int] = {}
        spans: dict[str | None, list[tuple[float, float, int]]] = {}
        for k, label in enumerate(labels):
            if label.row_key is not None:
                self._rows[label.row_key] = k
            elif label.starts is not None and label.ends is not None:
                spans.setdefault(label.entity, []).append((label.starts, label.ends, k))
        self._spans = {entity: np.array(found) for entity, found in spans.items()}

    def of(self, entity: str | None, time: float | None, row_key: str | None = None) -> str | None:
        """What was said last of a row; None where nothing was, or it was taken back.

        Parameters
        ----------
        entity, time
            Whose row it is, and when it was, in seconds; None where it has none.
        row_key
            What names the row in its table; None where nothing does.
        """
        last = self._rows.get(row_key, -1) if row_key is not None else -1
        spans = self._spans.get(entity)
        if spans is not None and time is not None:
            here = (spans[:, 0] <= time) & (time <= spans[:, 1])
            last = max(last, int(spans[here, 2].max(initial=-1)))
        return self._said[last] if last >= 0 else None
