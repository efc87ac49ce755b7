"""Rows that a model keeps, to compare others with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.random import priorities
from amiss.core.summary import Matrix
from amiss.prepare.preparation import Preparation

__all__ = ["KeptRows"]

_MOST_ROWS = 500
_FARTHEST = 1e9


class KeptRows:
    """A small uniform sample of the rows learnt from: what they hold, and what a detector sees of them.

    Attributes
    ----------
    numbers : (n_kept, n_numbers)
        Values of the number columns, in their units; NaN where missing.
    codes : (n_kept, n_categories)
        Place of each category's kind in `Preparation.kinds`; −1 where missing, n_kinds where it has no place.
    X : (n_kept, n_features)
        The rows prepared.
    line : (n_kept,)
        Line of each row's entity in `Preparation.location`.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self.numbers: Matrix = np.empty((0, len(preparation.numbers)))
        self.codes: npt.NDArray[np.int64] = np.empty((0, len(preparation.categories)), np.int64)
        self.X: Matrix = np.empty((0, len(preparation.features)))
        self.line: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def learn(self, sample: Frame) -> KeptRows:
        """Keep some rows of a uniform sample."""
        p = self.preparation
        order = np.argsort(priorities(np.arange(sample.n_rows), 0), kind="stable")[:_MOST_ROWS]
        frame = sample.rows(np.sort(order))
        self.X, self.line = p.transform(frame), p.entity_codes(frame).astype(np.int64)
        self.numbers = self._columns([p.values(frame, name) for name in p.numbers], np.float64)
        pairs = zip(p.categories, p.kinds, strict=True)
        self.codes = self._columns([frame.codes(name, kinds) for name, kinds in pairs], np.int64)
        return self

    def _columns(self, columns: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
        return np.stack(columns, axis=1).astype(dtype) if columns else np.empty((len(self.X), 0), dtype)

    def comparable(self, chosen: npt.NDArray[np.int64], line: int, n: int) -> npt.NDArray[np.int64]:
        """Of the kept rows at the places `chosen`, those of the entity of `line` if they are at least `n`, else all."""
        own = chosen[self.line[chosen] == line]
        return own if len(own) >= n else chosen

    def values(self, row: int) -> list[float | str | None]:
        """What a kept row holds, in the order of the features."""
        p = self.preparation
        numbers = [None if np.isnan(v) else float(v) for v in self.numbers[row]]
        return [*numbers, *(_kind(p.kinds[k], int(code)) for k, code in enumerate(self.codes[row]))]

    def occurring(self, j: int, line: int) -> tuple[list[float | str], Matrix]:
        """Values that feature `j` has in kept rows, and what a detector sees of each in a row of entity `line`."""
        p = self.preparation
        if j >= len(p.numbers):
            k = j - len(p.numbers)
            codes = [int(c) for c in np.unique(self.codes[:, k]) if 0 <= c < len(p.kinds[k])]
            return [p.kinds[k][c] for c in codes], p.rarity[k][codes]
        location, scale = p.location[line, j], p.scale[line, j]
        raw = self.numbers[:, j]
        if len(p.location) > 1:
            # What is usual for one entity need not be so for another: each is measured by its own.
            decimals = next(c.decimals for c in p.schema.columns if c.name == p.numbers[j])
            raw = np.round(location + self.X[:, j] * scale, min(decimals, 12))
        raw = np.unique(raw[np.isfinite(raw)])
        prepared: Matrix = np.clip((raw - location) / scale, -_FARTHEST, _FARTHEST)
        return raw.tolist(), prepared

    def state(self) -> dict[str, Any]:
        """What is kept, as arrays."""
        return {"kept_numbers": self.numbers, "kept_codes": self.codes, "kept_X": self.X, "kept_line": self.line}

    def restore(self, state: dict[str, Any]) -> KeptRows:
        """Take up what another instance has kept; ValueError if its arrays do not fit together."""
        if "kept_X" not in state:  # files of the first format hold no rows
            return self
        self.numbers, self.codes, self.X = state["kept_numbers"], state["kept_codes"], state["kept_X"]
        self.line = state["kept_line"]
        p, n = self.preparation, len(self.X)
        shapes = (self.numbers.shape, self.codes.shape, self.X.shape, self.line.shape)
        if shapes != ((n, len(p.numbers)), (n, len(p.categories)), (n, len(p.features)), (n,)):
            raise ValueError("the rows that the model keeps do not fit its columns")
        return self


def _kind(kinds: list[str], code: int) -> str | None:
    return kinds[code] if 0 <= code < len(kinds) else None
