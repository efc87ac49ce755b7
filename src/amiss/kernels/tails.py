"""How far out in the tails of what was learnt: the compiled loop and its NumPy twin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Tails"]


@dataclass(frozen=True)
class Tails:
    """The learnt values of each feature, and how a value counts among them; see `tails.h`.

    Attributes
    ----------
    values : (n_features, n_kept)
        Ascending, missing ones last.
    n_present : (n_features,)
        How many of them are not missing.
    skewness : (n_features,)
        Its sign says which tail counts, where `skewed`.
    skewed
        Whether it does.
    """

    values: Matrix
    n_present: npt.NDArray[np.int64]
    skewness: Vector
    skewed: bool

    @classmethod
    def of(cls, X: Matrix, *, skewed: bool) -> Tails:
        """Learn from rows; NaN is a missing value."""
        values = np.ascontiguousarray(X.T)
        n_present = (~np.isnan(values)).sum(axis=1)
        skewness = _third_moment(values, n_present) if skewed else np.zeros(len(values))
        values.sort(axis=1)
        return cls(values, n_present, skewness, skewed)

    @classmethod
    def restored(cls, values: Matrix, n_present: npt.NDArray[np.int64], skewness: Vector, *, skewed: bool) -> Tails:
        """From arrays of a file; ValueError if they do not fit together: the compiled loop does not look."""
        shape = (len(values),)
        fit = values.ndim == 2 and n_present.shape == shape == skewness.shape and n_present.dtype == np.int64
        inside = fit and ((n_present >= 0) & (n_present <= values.shape[1])).all()
        if not inside or values.dtype != np.float64 or skewness.dtype != np.float64:
            raise ValueError("the arrays of the tails do not fit together")
        return cls(values, n_present, skewness, skewed)

    @cached_property
    def logs(self) -> tuple[Vector, Vector, Vector]:
        """Logarithms of the counts 0 … n_kept, of n_present, and what a missing value counts by feature."""
        n_kept = self.values.shape[1]
        # A value beyond all that were seen counts as the next one; one never missing is rare when it is.
        of_count = np.log(np.maximum(np.arange(n_kept + 1), 0.5))
        missing = np.log(n_kept) - np.log(np.maximum(n_kept - self.n_present, 0.5))
        return of_count, np.log(np.maximum(self.n_present, 1)), missing

    @cached_property
    def _addresses(self) -> tuple[Any, ...]:
        arrays = (self.n_present, *self.logs, self.skewness)
        return (loops.address(self.values), self.values.shape[1], *map(loops.address, arrays), self.skewed)

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "_addresses"}

    def score(self, X: Matrix, terms: Matrix | None = None, n_jobs: int | None = None) -> Vector:
        """Sum over the features for each row; `terms`, (n_rows, n_features), takes what each counts."""
        score = np.empty(len(X))
        if not loops.compiled():
            self._score(X, *self.logs, score, terms)
            return score

        def work(start: int, stop: int) -> None:
            loops.lib.amiss_tails(
                loops.address(X[start:stop]), stop - start, X.shape[1], *self._addresses,
                loops.address(score[start:stop]),
                loops.nothing() if terms is None else loops.address(terms[start:stop]),
            )  # fmt: skip

        over_blocks(work, len(X), n_jobs)
        return score

    def _score(
        self, X: Matrix, logs: Vector, log_n: Vector, missing: Vector, score: Vector, terms: Matrix | None
    ) -> None:
        score[:] = 0.0
        for j, (values, n) in enumerate(zip(self.values, self.n_present, strict=True)):
            left = log_n[j] - logs[np.searchsorted(values[:n], X[:, j], side="right")]
            right = log_n[j] - logs[n - np.searchsorted(values[:n], X[:, j], side="left")]
            term = np.maximum(left, right)
            if self.skewed:
                skewness = self.skewness[j]
                by_skew = left if skewness < 0 else right if skewness > 0 else left + right
                term = np.maximum(by_skew, (left + right) / 2)
            term[np.isnan(X[:, j])] = missing[j]
            score += term
            if terms is not None:
                terms[:, j] = term


def _third_moment(values: Matrix, n_present: npt.NDArray[np.int64]) -> Vector:
    """Sum of the cubes of the centred values of each line, up to a positive factor; its sign counts."""
    filled = np.where(np.isnan(values), 0.0, values)
    scale = np.abs(filled).max(axis=1, keepdims=True, initial=0.0)  # so that cubes cannot overflow
    filled /= np.where(scale > 0, scale, 1.0)
    filled -= (filled.sum(axis=1) / np.maximum(n_present, 1))[:, None]
    filled[np.isnan(values)] = 0.0
    third: Vector = np.einsum("ij,ij,ij->i", filled, filled, filled)
    return third
