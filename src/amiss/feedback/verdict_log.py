"""Labels in the order in which they were given, and which of them stand."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from amiss.store.records import LabelRecord

__all__ = ["TAKEN_BACK", "VerdictLog", "data_of"]

TAKEN_BACK = "taken back"
"""Reason of a record that takes back what its author has said last about the same data."""

Data = tuple[str, str | None, float | None, float | None, str | None]


def data_of(label: LabelRecord) -> Data:
    """What a label is about: two of the same data are about the same."""
    return label.source, label.entity, label.starts, label.ends, label.row_key


class VerdictLog:
    """Labels are only ever added; taking one back adds a record that says so.

    Examples
    --------
    >>> from amiss.feedback.verdict_log import VerdictLog
    >>> from amiss.store.records import LabelRecord
    >>> log = VerdictLog([LabelRecord(verdict="normal", author="kim", at=1.0, source="plant", starts=0.0, ends=9.0)])
    >>> taken_back = log.undo("kim", at=2.0)
    >>> taken_back.verdict, taken_back.reason, len(log), len(log.standing())
    ('unsure', 'taken back', 2, 0)
    """

    def __init__(self, labels: Iterable[LabelRecord] = ()) -> None:
        self._all: list[LabelRecord] = []
        self._stands: dict[int, None] = {}
        self._by_data: dict[Data, list[int]] = {}
        for label in labels:
            self.add(label)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, label: LabelRecord) -> LabelRecord | None:
        """Add a label; gives the one that it takes back, if it does."""
        places = self._by_data.setdefault(data_of(label), [])
        self._all.append(label)
        if label.reason != TAKEN_BACK:
            places.append(len(self._all) - 1)
            self._stands[places[-1]] = None
            return None
        for place in reversed(places):
            if self._all[place].author == label.author:
                places.remove(place)
                del self._stands[place]
                return self._all[place]
        return None

    def undo(self, author: str, *, at: float) -> LabelRecord | None:
        """Take back what an author has said last and still stands: the record that was added; None if there is none."""
        place = next((place for place in reversed(self._stands) if self._all[place].author == author), None)
        if place is None:
            return None
        record = msgspec.structs.replace(self._all[place], verdict="unsure", at=at, reason=TAKEN_BACK)
        self.add(record)
        return record

    def all(self) -> list[LabelRecord]:
        """All that was added, in its order."""
        return list(self._all)

    def standing(self) -> list[LabelRecord]:
        """What was said and not taken back, in the order in which it was said."""
        return [self._all[place] for place in self._stands]
