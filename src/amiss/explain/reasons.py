"""Reasons of rows: the columns to blame, what is usual for them, and one sentence."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class
from amiss.core.finding import Contribution
from amiss.core.frame import Frame
from amiss.core.summary import Matrix, Vector
from amiss.explain.kept import KeptRows
from amiss.explain.words import number_word, range_words
from amiss.prepare.preparation import Preparation
from amiss.summaries.moments import complete

__all__ = ["Reasons"]

_USUAL = (0.01, 0.99)
_MOST_COLUMNS = 3
_WIDEST = 300
_SAMPLE_ROWS = 5000
_SHOWN = 8
_RARE = 1.6
"""Deviation from which on a kind is called rare: one row in twenty."""
_STRANGE_GAP = 3.0
"""Deviations between a value and what the others let expect, from which on the relation is named."""


class Reasons:
    """Knows what is usual, and words what is not.

    Attributes
    ----------
    low, high : (n_features,)
        Range of the middle 98 % of the prepared values.
    missing : (n_features,)
        Share of rows in which the column is missing.
    location, precision
        Of the clean part of the prepared rows: they tell which value the other columns let expect.
    kept
        Some of the rows learnt from, to compare others with.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self._role = {column.name: column for column in preparation.schema.columns}
        self.kept = KeptRows(preparation)

    def learn(self, sample: Frame, normal: npt.NDArray[np.bool_] | None = None) -> Reasons:
        """Learn from a sample of rows; of those that are `normal`, as far as is known, some are kept."""
        X = self.preparation.transform(sample)
        self.kept.learn(sample if normal is None else sample.rows(np.flatnonzero(normal)))
        filled = np.where(np.isnan(X).all(axis=0), 0.0, X)
        self.low, self.high = np.nanquantile(filled, _USUAL, axis=0)
        self.missing = np.isnan(X).mean(axis=0)
        self.location = np.nanmedian(filled, axis=0)
        d = X.shape[1]
        self.precision: Matrix = np.empty((0, 0))
        if 1 < d <= _WIDEST and len(X) > 2 * d:
            rows = np.where(np.isnan(X), self.location, X)
            cloud = detector_class("robust_covariance")(sample_size=_SAMPLE_ROWS)
            cloud.fit_summary(cloud.summarize_rows(rows))
            self.location, self.precision = cloud.location_, cloud.precision_
        return self

    def _expected(self, X: Matrix) -> tuple[Matrix, Matrix]:
        """What the other columns let expect for each value, and by how many deviations the value misses it."""
        rows = complete(X, self.location, self.precision)
        pull = (rows - self.location) @ self.precision
        variance = 1.0 / np.diag(self.precision)
        return rows - pull * variance, np.abs(pull) * np.sqrt(variance)

    def of(self, frame: Frame, X: Matrix, contributions: Matrix) -> list[tuple[str, tuple[Contribution, ...]]]:
        """Sentence and ranked columns for each row of a frame, its prepared values and their contributions."""
        positive = np.maximum(contributions, 0.0)
        total = positive.sum(axis=1, keepdims=True)
        share = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
        expected, gap = self._expected(X) if len(self.precision) else (X, np.zeros_like(X))
        line = self.preparation.entity_codes(frame)
        values = _Values(self.preparation, frame)
        return [self._one(values, i, int(line[i]), X[i], share[i], expected[i], gap[i]) for i in range(len(X))]

    def _one(
        self, values: _Values, row: int, line: int, x: Vector, share: Vector, expected: Vector, gap: Vector
    ) -> tuple[str, tuple[Contribution, ...]]:
        order = [int(j) for j in np.argsort(-share, kind="stable")[:_SHOWN]]
        names = self.preparation.features
        listed = tuple(
            Contribution(names[j], round(float(share[j]), 4), values.value(row, j), self.usual(line, j)) for j in order
        )
        if not share.any():
            return "nothing speaks against it", listed
        most = 0.3 * share[order[0]]
        to_blame = [
            j for j in order[:_MOST_COLUMNS] if share[j] >= 0.12 and (share[j] >= most or self._outside(x[j], j))
        ] or order[:2]
        outside = [j for j in to_blame if self._outside(x[j], j)]
        if outside:
            return "; ".join(self._phrase(values, row, line, j, x[j]) for j in outside), listed
        strange = [j for j in to_blame if gap[j] >= _STRANGE_GAP and self._credible(expected[j], j)]
        if strange:
            return "; ".join(self._relation(values, row, line, j, expected[j]) for j in strange[:2]), listed
        shown = [f"{names[j]} {self._word(values, row, line, j)}" for j in to_blame]
        if len(shown) == 1 and values.missing(row, to_blame[0]):
            return self._phrase(values, row, line, to_blame[0], x[to_blame[0]]), listed
        if len(shown) == 1:
            return f"{shown[0]} is seldom seen, though inside its usual {self.usual(line, to_blame[0])}", listed
        return f"unusual together, though each is usual by itself: {', '.join(shown)}", listed

    def _outside(self, x: float, j: int) -> bool:
        if np.isnan(x):
            return bool(self.missing[j] < 0.2)
        if j >= len(self.preparation.numbers):
            return bool(x > self.high[j] or x > _RARE)
        return bool(x < self.low[j] or x > self.high[j])

    def _credible(self, expected: float, j: int) -> bool:
        """Whether what the others let expect is a number that occurs: the relation is a straight line's."""
        return bool(j < len(self.preparation.numbers) and self.low[j] <= expected <= self.high[j])

    def _bounds(self, line: int, j: int) -> tuple[float, float]:
        location, scale = float(self.preparation.location[line, j]), float(self.preparation.scale[line, j])
        ends = (location + float(end) * scale for end in (self.low[j], self.high[j]))
        low, high = self._role[self.preparation.numbers[j]].within(*ends)
        return max(low, -sys.float_info.max), min(high, sys.float_info.max)

    def _word(self, values: _Values, row: int, line: int, j: int) -> str:
        """A value, written one digit finer than its usual range."""
        if j >= len(self.preparation.numbers):
            return values.word(row, j)
        low, high = self._bounds(line, j)
        return values.word(row, j, (high - low) / 10)

    def usual(self, line: int, j: int) -> str:
        """The usual range or kinds of a feature, in words, for a line of `Preparation.location`."""
        p = self.preparation
        if j < len(p.numbers):
            return range_words(*self._bounds(line, j), self._role[p.numbers[j]].decimals)
        k = j - len(p.numbers)
        common = [kind for kind, s in zip(p.kinds[k], p.share[k], strict=False) if s >= 0.05][:3]
        return ", ".join(map(repr, common or p.kinds[k][:1]))

    def _phrase(self, values: _Values, row: int, line: int, j: int, x: float) -> str:
        p = self.preparation
        name = p.features[j]
        odd = values.odd(row, j)
        if odd is not None:
            return f"{name} {odd!r} is no finite number"
        if values.missing(row, j):
            share = values.missing_share(j, self.missing)
            return f"{name} is missing, " + (f"as in {share:.2g}% of rows" if share else "which it never was before")
        word = self._word(values, row, line, j)
        if j >= len(p.numbers):
            k = j - len(p.numbers)
            code = values.kind(row, k)
            if code == len(p.kinds[k]):
                return f"{name} {word} was never seen before"
            return f"{name} {word} is rare: {100 * p.share[k][code]:.2g}% of rows"
        width = max(self.high[j] - self.low[j], 1e-9)
        beyond = max(self.low[j] - x, x - self.high[j]) / width
        side = "above" if x > self.high[j] else "below"
        far = "far " if beyond > 2 else "just " if beyond < 0.05 else ""
        who = f" for {values.entity(row)}" if line < len(p.location) - 1 and p.entity else ""
        return f"{name} {word} is {far}{side} its usual {self.usual(line, j)}{who}"

    def _relation(self, values: _Values, row: int, line: int, j: int, expected: float) -> str:
        p = self.preparation
        raw = float(p.location[line, j] + expected * p.scale[line, j])
        low, high = self._bounds(line, j)
        decimals = self._role[p.numbers[j]].decimals
        return (
            f"{p.numbers[j]} {self._word(values, row, line, j)} is usual by itself, but about "
            f"{number_word(raw, decimals, high - low)} would fit the other values"
        )

    def values_of(self, frame: Frame) -> list[float | str | None]:
        """What the one row of a frame holds, in the order of the features."""
        values = _Values(self.preparation, frame)
        return [values.value(0, j) for j in range(len(self.preparation.features))]

    def shown(self, frame: Frame) -> dict[str, str]:
        """The values of the one row of a frame by column, as written in the data."""
        features = self.preparation.features
        return {name: self.word(name, value) for name, value in zip(features, self.values_of(frame), strict=True)}

    def word(self, column: str, value: float | str | None) -> str:
        """A value of a column, as it is written in the data."""
        if value is None:
            return "missing"
        return number_word(value, self._role[column].decimals) if isinstance(value, float) else value

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays."""
        names = ("low", "high", "missing", "location", "precision")
        return {name: getattr(self, name) for name in names} | self.kept.state()

    def restore(self, state: dict[str, Any]) -> Reasons:
        """Take up what another instance has learnt."""
        for name in ("low", "high", "missing", "location", "precision"):
            setattr(self, name, state[name])
        self.kept.restore(state)
        return self


class _Values:
    """The raw values of some rows, read once."""

    def __init__(self, preparation: Preparation, frame: Frame) -> None:
        self._p, self._frame = preparation, frame
        self._numbers = [preparation.values(frame, name) for name in preparation.numbers]
        self._odd = {
            (int(row), j): str(word)
            for j, name in enumerate(preparation.numbers)
            for row in np.flatnonzero(np.isnan(self._numbers[j]) & ~frame.missing(name))
            for word in frame.rows(np.array([row])).words(name)
        }
        self._words = [frame.words(name) for name in preparation.categories]
        self._kinds: list[npt.NDArray[np.int64]] = [
            frame.codes(name, kinds) for name, kinds in zip(preparation.categories, preparation.kinds, strict=True)
        ]
        self._entities = frame.words(preparation.entity) if preparation.entity else []
        self._decimals = {column.name: column.decimals for column in preparation.schema.columns}

    def value(self, row: int, j: int) -> float | str | None:
        if j < len(self._numbers):
            number = float(self._numbers[j][row])
            return None if np.isnan(number) else number
        return self._words[j - len(self._numbers)][row]

    def odd(self, row: int, j: int) -> str | None:
        """What stands where a number should be."""
        return self._odd.get((row, j))

    def missing(self, row: int, j: int) -> bool:
        return self.value(row, j) is None

    def word(self, row: int, j: int, width: float | None = None) -> str:
        value = self.value(row, j)
        if isinstance(value, float):
            return number_word(value, self._decimals[self._p.numbers[j]], width)
        return "missing" if value is None else repr(value)

    def kind(self, row: int, k: int) -> int:
        return int(self._kinds[k][row])

    def entity(self, row: int) -> str:
        return str(self._entities[row])

    def missing_share(self, j: int, share: Vector) -> float:
        if j < len(self._numbers):
            return 100 * float(share[j])
        column = next(c for c in self._p.schema.columns if c.name == self._p.features[j])
        return 100 * column.missing
