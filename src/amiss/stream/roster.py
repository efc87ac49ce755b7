"""Who is on a stream: entities in the order in which they first came, when each was last heard, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Forgotten", "Placed", "Roster", "grown", "in_series"]

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows that go on with their entities, in an order in which none goes back.

    Attributes
    ----------
    rows
        Their positions among those that came.
    codes
        Number of each one's entity.
    late, repeated, crowded
        Positions of rows that are older than their entity's last, that say the same again, and whose entity is one too
        many among those that came together.
    """

    rows: Codes
    codes: Codes
    late: Codes
    repeated: Codes
    crowded: Codes


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Entities that had to go, and whose numbers others have now.

    Attributes
    ----------
    codes, names
        Their numbers, and what they were called.
    """

    codes: Codes
    names: list[str]


class Roster:
    """The entities of a stream; 24 bytes for each, and its name.

    Where there are too many, the longest silent are forgotten, by the time of their last row; none of which there are
    rows among those that come together.

    Parameters
    ----------
    most
        So many are known at once.

    Attributes
    ----------
    names
        By number.
    n_rows, last_time, last_mark
        By entity: number of the next row, time of the last (NaN before it), and a number made from its values. Rows are
        numbered from 0; those of one that has taken the number of another, from behind all rows forgotten, so that no
        row of an entity has the number of an earlier one.
    n_forgotten
        How many entities had to go.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.n_forgotten = self._first_row = 0
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._last_codes = np.zeros(0, np.int64)
        self.n_rows = np.zeros(0, np.int64)
        self.last_time = np.zeros(0)
        self.last_mark = np.zeros(0, np.uint64)

    def place(self, times: Vector, X: Matrix) -> Placed:
        """Sort the rows that were numbered last; what they say of their entities is taken up by `advance`."""
        codes = self._last_codes
        known = codes >= 0
        crowded = np.flatnonzero(~known)
        rows = np.flatnonzero(known)
        codes = codes[rows]
        if self._goes_back(codes, times[rows]):
            # Rows of one batch that came in disorder are put in order; those of an earlier one are judged already.
            order = np.argsort(times[rows], kind="stable")
            rows, codes = rows[order], codes[order]
        is_late = times[rows] < self.last_time[codes]
        late, rows, codes = rows[is_late], rows[~is_late], codes[~is_late]
        again = self._repeated(rows, codes, times, X)
        return Placed(rows[~again], codes[~again], late, rows[again], crowded)

    def advance(self, codes: Codes, times: Vector, X: Matrix) -> None:
        """Take up rows, in order: numbers of their entities, times, values."""
        self.n_rows += np.bincount(codes, minlength=len(self.n_rows))
        # The last of several assignments to one place holds.
        self.last_time[codes] = times
        self.last_mark[codes] = _marks(X)

    def number(self, entities: Sequence[str] | None, n: int) -> Forgotten | None:
        """Number the entities of `n` rows, new ones too; all one where there are none. Says who had to go for them.

        Only rows of more entities than may be known at once come together without a number.
        """
        if entities is None:
            entities = [""] * n
        get, gone = self._codes.get, None
        codes = np.array([get(name, -1) for name in entities], np.int64)
        unknown = np.flatnonzero(codes < 0).tolist()
        if unknown:
            gone = self._name(list(dict.fromkeys(entities[i] for i in unknown)), np.unique(codes[codes >= 0]))
            codes[unknown] = [get(entities[i], -1) for i in unknown]
        self._last_codes = codes
        return gone

    def _name(self, new: list[str], here: Codes) -> Forgotten | None:
        """Give new entities numbers: those that are free, then those of the longest silent that are not here."""
        room = max(self.most - len(self.names), 0)
        for name in new[:room]:
            self._codes[name] = len(self.names)
            self.names.append(name)
        if len(new) <= room:
            return None
        last = np.where(np.isnan(self.last_time), -np.inf, self.last_time)
        last[here] = np.inf
        n_gone = min(len(new) - room, int((last < np.inf).sum()))
        if n_gone <= 0:
            return None
        codes = np.argpartition(last, n_gone - 1)[:n_gone]
        codes = codes[np.lexsort((codes, last[codes]))]
        gone = Forgotten(codes, [self.names[code] for code in codes.tolist()])
        for name, code in zip(new[room:], codes.tolist(), strict=False):
            del self._codes[self.names[code]]
            self._codes[name], self.names[code] = code, name
        self._first_row = max(self._first_row, int(self.n_rows[codes].max()))
        self.n_rows[codes], self.last_time[codes], self.last_mark[codes] = self._first_row, np.nan, 0
        self.n_forgotten += n_gone
        return gone

    def grow(self) -> None:
        """Make room for all that are named."""
        n = len(self.names)
        if n > len(self.n_rows):
            self.n_rows = grown(self.n_rows, n, 0)
            self.last_time = grown(self.last_time, n, np.nan)
            self.last_mark = grown(self.last_mark, n, 0)

    def _goes_back(self, codes: Codes, times: Vector) -> bool:
        if len(times) < 2 or bool((times[1:] >= times[:-1]).all()):
            return False
        order = np.argsort(codes, kind="stable")
        same = codes[order][1:] == codes[order][:-1]
        return bool((times[order][1:] < times[order][:-1])[same].any())

    def _repeated(self, rows: Codes, codes: Codes, times: Vector, X: Matrix) -> Mask:
        """Rows with the time and the values of the one before of the same entity."""
        found = np.zeros(len(rows), np.bool_)
        order, first = in_series(codes)
        when, who = times[rows][order], codes[order]
        before = np.empty_like(when)
        before[1:] = when[:-1]
        before[first] = self.last_time[who[first]]
        at_once = when == before
        if at_once.any():
            marks = _marks(X[rows][order])
            mark_before = np.empty_like(marks)
            mark_before[1:] = marks[:-1]
            mark_before[first] = self.last_mark[who[first]]
            found[order] = at_once & (marks == mark_before)
        return found

    def state(self) -> dict[str, Any]:
        """All of it, as arrays and names."""
        return {
            "names": list(self.names), "n_rows": self.n_rows, "last_time": self.last_time,
            "last_mark": self.last_mark, "gone": [self.n_forgotten, self._first_row],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self.names = list(state["names"])
        self._codes = dict(zip(self.names, range(len(self.names)), strict=True))
        self.n_rows, self.last_time, self.last_mark = state["n_rows"], state["last_time"], state["last_mark"]
        self.n_forgotten, self._first_row = state.get("gone", (0, 0))


def _marks(X: Matrix) -> npt.NDArray[np.uint64]:
    """A number for each row that is the same for the same values, and for hardly any others."""
    bits = np.where(np.isnan(X), np.nan, X + 0.0).view(np.uint64)
    mark = np.full(len(X), _ODD, np.uint64)
    for column in bits.T:
        mark = (mark ^ column) * _ODD
        mark ^= mark >> np.uint64(29)
    return mark


def grown(array: npt.NDArray[Any], n: int, fill: float) -> npt.NDArray[Any]:
    """The same array with `n` lines, the new ones filled."""
    made = np.full((n, *array.shape[1:]), fill, array.dtype)
    made[: len(array)] = array
    return made


def in_series(codes: Codes) -> tuple[Codes, Codes]:
    """An order in which the rows of an entity stand together, as they came; and where in it each entity begins."""
    order = np.argsort(codes, kind="stable")
    there = codes[order]
    first = np.flatnonzero(np.concatenate([[True], there[1:] != there[:-1]])) if len(there) else np.zeros(0, np.int64)
    return order, first
