"""Who is on a stream: entities in the order in which they first came, when each was last heard, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Placed", "Roster", "grown", "in_series"]

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


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
        many.
    """

    rows: Codes
    codes: Codes
    late: Codes
    repeated: Codes
    crowded: Codes


class Roster:
    """The entities of a stream; 40 bytes for each, 8 more for each column, and its name.

    Parameters
    ----------
    most
        So many are known at once; the rows of any further one are counted, and not judged.

    Attributes
    ----------
    names
        By number.
    n_rows, last_time, last_row
        By entity: rows so far, time of the last (NaN before it), and its values.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._last_codes = np.zeros(0, np.int64)
        self.n_rows = np.zeros(0, np.int64)
        self.last_time = np.zeros(0)
        self.last_row: Matrix = np.zeros((0, 0))

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
        late = times[rows] < self.last_time[codes]
        repeated = self._repeated(rows, codes, times, X) & ~late
        kept = ~(late | repeated)
        return Placed(rows[kept], codes[kept], rows[late], rows[repeated], crowded)

    def advance(self, codes: Codes, times: Vector, X: Matrix) -> None:
        """Take up rows, in order: numbers of their entities, times, values."""
        self.n_rows += np.bincount(codes, minlength=len(self.n_rows))
        # The last of several assignments to one place holds.
        self.last_time[codes] = times
        self.last_row[codes] = X

    def number(self, entities: Sequence[str] | None, n: int) -> None:
        """Number the entities of `n` rows, new ones too while there is room; all one where there are none."""
        if entities is None:
            entities = [""] * n
        get = self._codes.get
        codes = np.array([get(name, -1) for name in entities], np.int64)
        if len(self.names) < self.most:
            for i in np.flatnonzero(codes < 0).tolist():
                name = entities[i]
                code = get(name, -1)
                if code < 0 and len(self.names) < self.most:
                    code = self._codes[name] = len(self.names)
                    self.names.append(name)
                codes[i] = code
        self._last_codes = codes

    def grow(self, n_columns: int) -> None:
        """Make room for all that are named."""
        n = len(self.names)
        if n > len(self.n_rows) or self.last_row.shape[1] != n_columns:
            self.n_rows = grown(self.n_rows, n, 0)
            self.last_time = grown(self.last_time, n, np.nan)
            before = self.last_row if self.last_row.shape[1] == n_columns else np.zeros((0, n_columns))
            self.last_row = grown(before, n, np.nan)

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
        when, values = times[rows][order], X[rows][order]
        before_time, before = np.empty_like(when), np.empty_like(values)
        before_time[1:], before[1:] = when[:-1], values[:-1]
        before_time[first], before[first] = self.last_time[codes[order][first]], self.last_row[codes[order][first]]
        at_once = when == before_time
        if at_once.any():
            same = ((values == before) | (np.isnan(values) & np.isnan(before))).all(axis=1)
            found[order] = at_once & same
        return found

    def state(self) -> dict[str, Any]:
        """All of it, as arrays and names."""
        return {
            "names": list(self.names), "n_rows": self.n_rows, "last_time": self.last_time, "last_row": self.last_row,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self.names = list(state["names"])
        self._codes = {name: code for code, name in enumerate(self.names)}
        self.n_rows, self.last_time, self.last_row = state["n_rows"], state["last_time"], state["last_row"]


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
