"""Which rows of a table labels are about, and the table with them as a column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import Source, first_pass
from amiss.feedback.verdict_log import VerdictLog
from amiss.pipeline.model import Model
from amiss.store.records import LabelRecord, Verdict

__all__ = ["LabelledSource", "verdicts_on_rows"]


def verdicts_on_rows(
    labels: Iterable[LabelRecord], model: Model, source: Source, *, key: str | None = None
) -> dict[int, Verdict]:
    """What was said of each row, by its position; of two verdicts on a row the later stands.

    Parameters
    ----------
    labels
        In the order in which they were given: of a row by `row_key`, or of a span of time, of one entity or of all.
        Those taken back count as if they had never been given.
    model
        Whose schema says which columns hold time and entity.
    source
        The rows.
    key
        Column that `row_key` names a row by; None for its position, from 0.

    Raises
    ------
    DataError
        There is no such column, or labels are of spans and the rows have no time.
    """
    standing = VerdictLog(labels).standing()

    def read(batches: Iterator[Frame]) -> dict[int, Verdict]:
        found: list[dict[int, Verdict]] = [{} for _ in standing]
        for frame in batches:
            for k, rows in enumerate(_meant(standing, model, frame, key)):
                found[k] |= dict.fromkeys((frame.first_row + rows).tolist(), standing[k].verdict)
        return {row: verdict for each in found for row, verdict in each.items()}

    return first_pass(source, read)


def _meant(labels: list[LabelRecord], model: Model, frame: Frame, key: str | None) -> Iterator[np.ndarray]:
    """The rows of a frame that each label is about."""
    by_key: dict[str, list[int]] = {}
    if key is not None and any(label.row_key is not None for label in labels):
        if key not in frame.names:
            raise DataError(f"there is no column {key!r}", mend=f"name one of: {', '.join(frame.names)}")
        for row, word in enumerate(frame.words(key)):
            by_key.setdefault(str(word), []).append(row)
    spans = any(label.row_key is None for label in labels)
    times, entities = (model.times(frame), model.entities(frame)) if spans else (None, None)
    who = np.array([str(entity) for entity in entities]) if entities is not None else None
    for label in labels:
        if label.row_key is not None:
            yield np.array(by_key.get(label.row_key, []) if key is not None else _position(label.row_key, frame), int)
            continue
        if times is None:
            mend = "give rows by their position or a key, or a table with a time"
            raise DataError("a label is of a span of time, and the rows have none", mend=mend)
        starts = -np.inf if label.starts is None else label.starts
        ends = np.inf if label.ends is None else label.ends
        inside = (times >= starts) & (times <= ends)
        if label.entity is not None:
            inside &= np.zeros(len(times), np.bool_) if who is None else who == label.entity
        yield np.flatnonzero(inside)


def _position(row_key: str, frame: Frame) -> list[int]:
    if not row_key.isdecimal():
        raise DataError(f"{row_key!r} is no position of a row", mend="give whole numbers from 0, or name a key column")
    row = int(row_key) - frame.first_row
    return [row] if 0 <= row < frame.n_rows else []


class LabelledSource:
    """Rows with one more column: what was said of them.

    Parameters
    ----------
    source
        The rows.
    column
        Name of the new column.
    words
        What it says, by the position of the row; nothing for all others.
    """

    def __init__(self, source: Source, column: str, words: Mapping[int, str]) -> None:
        self.name, self.notes = source.name, source.notes
        self._source, self._column, self._words = source, column, words

    def batches(self) -> Iterator[Frame]:
        """The rows in order."""
        for frame in self._source.batches():
            rows = range(frame.first_row, frame.first_row + frame.n_rows)
            yield frame.beside(Frame.of({self._column: [self._words.get(row, "") for row in rows]}))

    def share_read(self) -> float:
        """As the source says."""
        return self._source.share_read()
