"""Verdicts from a table: each of a row, by position or key, or of a span of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import Source, first_pass
from amiss.store.records import LabelRecord, Verdict

__all__ = ["read_verdicts"]

_WORDS: Mapping[str, Verdict] = {
    "anomaly": "anomaly", "anomalous": "anomaly", "1": "anomaly", "true": "anomaly", "yes": "anomaly",
    "normal": "normal", "0": "normal", "false": "normal", "no": "normal",
    "not_now": "not_now", "not now": "not_now", "unsure": "unsure",
}  # fmt: skip
_VERDICT, _ROW = "verdict", "row"
_STARTS, _ENDS = ("starts", "start", "time"), ("ends", "end")


def read_verdicts(source: Source, *, key: str | None = None) -> list[LabelRecord]:
    """Labels from the rows of a table with a column "verdict"; rows without one say nothing.

    Each says which row it is of: by the column `key`; or by "row", a position from 0; or by "starts" and "ends", both
    included ("time" alone for a moment), and "entity" where the span is of one.

    Raises
    ------
    DataError
        There is no verdict, one is no word for a verdict, or nothing says which rows they are of.

    Examples
    --------
    >>> from amiss.core.frame import Frame
    >>> from amiss.core.source import MemorySource
    >>> from amiss.feedback.verdict_file import read_verdicts
    >>> table = Frame.of({"row": [7, 8, 9], "verdict": ["anomaly", "", "normal"]})
    >>> [(label.row_key, label.verdict) for label in read_verdicts(MemorySource(table))]
    [('7', 'anomaly'), ('9', 'normal')]
    """
    frame = first_pass(source, lambda batches: Frame.stacked(list(batches)))
    if _VERDICT not in frame.names:
        raise DataError(
            f"there is no column {_VERDICT!r}", where=source.name, mend=f"its columns are: {', '.join(frame.names)}"
        )
    said = [(word or "").strip().casefold() for word in frame.words(_VERDICT)]
    rows = [row for row, word in enumerate(said) if word]
    for row in rows:
        if said[row] not in _WORDS:
            raise DataError(
                f"{said[row]!r} is no verdict", where=f"{source.name}, row {row}",
                mend="write anomaly, normal, not_now or unsure; leave empty what nobody has judged",
            )  # fmt: skip
    if not rows:
        raise DataError("there is no verdict", where=source.name, mend="write anomaly or normal in some rows")
    places = _places(frame, source.name, key)
    return [
        LabelRecord(verdict=_WORDS[said[row]], author="", at=0.0, source=source.name, **places[row]) for row in rows
    ]


def _places(frame: Frame, name: str, key: str | None) -> list[dict[str, Any]]:
    """What each row of the table is about, as fields of a label."""
    by = key if key is not None else _ROW
    if by in frame.names:
        return [{"row_key": _plain(word)} for word in frame.words(by)]
    if key is not None:
        raise DataError(f"there is no column {key!r}", where=name, mend=f"its columns are: {', '.join(frame.names)}")
    starts = next((column for column in _STARTS if column in frame.names), None)
    if starts is None:
        raise DataError(
            "nothing says which rows the verdicts are of", where=f"{name}: {', '.join(frame.names)}",
            mend="give a column row (position from 0), a key column with --key, or starts and ends",
        )  # fmt: skip
    ends = next((column for column in _ENDS if column in frame.names), starts)
    first, last = (frame.times(column, frame.reading(column)[0] or None) for column in (starts, ends))
    unread = np.isnan(first) | np.isnan(last)
    if unread.all():
        raise DataError(f"column {starts!r} holds no times", where=name, mend="write them as 2026-01-31T12:00:00Z")
    entities = frame.words("entity") if "entity" in frame.names else [None] * frame.n_rows
    return [
        {"starts": float(a), "ends": float(b), "entity": entity}
        for a, b, entity in zip(first, last, entities, strict=True)
    ]


def _plain(word: str | None) -> str:
    """A key as a word; whole numbers are not told apart from 7.0."""
    word = word or ""
    return word[:-2] if word.endswith(".0") and word[:-2].isdecimal() else word
