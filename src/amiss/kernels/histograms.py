"""Rareness by histograms of equal bins, of features and of sums of them: the compiled loops and their twins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops
from amiss.kernels.blocks import over_blocks

__all__ = ["Bins", "projected_bins", "projected_score", "projections"]

_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Bins:
    """Histograms, one a line; see `histograms.h`.

    Attributes
    ----------
    low, width : (n_lines,)
        Left end of the first bin and width of a bin.
    surprise : (n_lines, n_bins + 2)
        Negative log of the share of values in each bin (nats); then outside all bins, and missing.
    """

    low: Vector
    width: Vector
    surprise: Matrix

    @classmethod
    def of(cls, lines: Matrix, n_bins: int) -> Bins:
        """Learn from values, (n_lines, n_values); NaN is a missing value."""
        low, high = np.fmin.reduce(lines, axis=1), np.fmax.reduce(lines, axis=1)
        empty = np.isnan(low)
        low = np.where(empty, 0.0, low)
        width = _widths(low, np.where(empty, 0.0, high), n_bins)
        counts = np.empty((len(lines), n_bins + 2))
        for j, line in enumerate(lines):
            counts[j] = np.bincount(_places(line, low[j], width[j], n_bins), minlength=n_bins + 2)
        return cls(low, width, _surprise(counts, lines.shape[1]))

    def check(self, n_lines: int) -> None:
        """Raise ValueError if the arrays do not fit together: the compiled loops do not look."""
        fit = self.low.shape == self.width.shape == (n_lines,) and self.surprise.ndim == 2
        fit = fit and len(self.surprise) == n_lines and self.surprise.shape[1] > 2
        if not fit or any(a.dtype != np.float64 for a in (self.low, self.width, self.surprise)):
            raise ValueError("the arrays of the histograms do not fit together")

    @property
    def n_bins(self) -> int:
        """Bins of a line."""
        return int(self.surprise.shape[1]) - 2

    def score(self, X: Matrix, terms: Matrix | None = None, n_jobs: int | None = None) -> Vector:
        """Sum over the features for each row; `terms`, (n_rows, n_features), takes what each counts."""
        score = np.empty(len(X))
        if not loops.compiled():
            score[:] = 0.0
            for j in range(X.shape[1]):
                term = self.surprise[j, _places(X[:, j], self.low[j], self.width[j], self.n_bins)]
                score += term
                if terms is not None:
                    terms[:, j] = term
            return score
        tables = (self.n_bins, *map(loops.address, (self.low, self.width, self.surprise)))

        def work(start: int, stop: int) -> None:
            loops.lib.amiss_histogram_score(
                loops.address(X[start:stop]), stop - start, X.shape[1], *tables, loops.address(score[start:stop]),
                loops.nothing() if terms is None else loops.address(terms[start:stop]),
            )  # fmt: skip

        over_blocks(work, len(X), n_jobs)
        return score

    def terms(self, lines: Matrix) -> Matrix:
        """What each value counts, (n_lines, n_values)."""
        return np.stack(
            [
                surprise[_places(line, low, width, self.n_bins)]
                for line, low, width, surprise in zip(lines, self.low, self.width, self.surprise, strict=True)
            ]
        )


def _places(line: Vector, low: float, width: float, n_bins: int) -> npt.NDArray[np.intp]:
    place = (line / 2 - low / 2) / width * 2
    # The largest value seen closes the last bin, a rounding's width included.
    place = np.where((place >= n_bins) & (place <= n_bins * (1 + 1e-9)), n_bins - 1, place)
    outside = (place < 0) | (place >= n_bins)
    place = np.where(outside, n_bins, place)
    return np.where(np.isnan(line), n_bins + 1, place).astype(np.intp)


def projections(X: Matrix, feature: npt.NDArray[np.int32], weight: Matrix) -> Matrix:
    """Sums of weighted features, (n_cuts, n_rows); feature and weight are (n_cuts, n_cut)."""
    out = np.zeros((len(feature), len(X)))
    columns = np.ascontiguousarray(X.T)
    for c, (features, weights) in enumerate(zip(feature, weight, strict=True)):
        for j, w in zip(features, weights, strict=True):
            out[c] += w * columns[j]
    return out


def projected_bins(X: Matrix, feature: npt.NDArray[np.int32], weight: Matrix, n_bins: int) -> Bins:
    """Histograms of projections, as `Bins.of(projections(X, feature, weight), n_bins)`, without laying these down."""
    if not loops.compiled():
        return Bins.of(projections(X, feature, weight), n_bins)
    blocks, n_cuts = _blocks(X), len(feature)
    tables = (*X.shape, *feature.shape, loops.address(feature), loops.address(weight))
    low, high = np.full(n_cuts, np.inf), np.full(n_cuts, -np.inf)
    loops.lib.amiss_projected_range(loops.address(blocks), *tables, loops.address(low), loops.address(high))
    width = _widths(low, high, n_bins)
    counts = np.zeros((n_cuts, n_bins + 2))
    loops.lib.amiss_projected_count(
        loops.address(blocks), *tables, n_bins, loops.address(low), loops.address(width), loops.address(counts)
    )
    return Bins(low, width, _surprise(counts, len(X)))


def projected_score(
    X: Matrix, feature: npt.NDArray[np.int32], weight: Matrix, bins: Bins, n_jobs: int | None = None
) -> Vector:
    """Mean surprise of each row's projections."""
    n, d = X.shape
    score = np.empty(n)
    if not loops.compiled():
        score[:] = 0.0
        for line in bins.terms(projections(X, feature, weight)):
            score += line
        return score / len(feature)
    tables = [loops.address(a) for a in (feature, weight)]
    histograms = [loops.address(a) for a in (bins.low, bins.width, bins.surprise)]

    def work(start: int, stop: int) -> None:
        blocks = _blocks(X[start:stop])
        loops.lib.amiss_projected_score(
            loops.address(blocks), stop - start, d, *feature.shape, *tables, bins.n_bins, *histograms,
            loops.address(score[start:stop]),
        )  # fmt: skip

    over_blocks(work, n, n_jobs)
    return score


def _blocks(X: Matrix) -> npt.NDArray[np.float64]:
    """Blocks of 64 rows, turned so that a feature's values lie side by side, and filled up with zeros."""
    n, d = X.shape
    whole = n // _BLOCK
    blocks = np.zeros((-(-n // _BLOCK), d, _BLOCK))
    blocks[:whole] = X[: whole * _BLOCK].reshape(whole, _BLOCK, d).transpose(0, 2, 1)
    if n % _BLOCK:
        blocks[whole, :, : n % _BLOCK] = X[whole * _BLOCK :].T
    return blocks


def _widths(low: Vector, high: Vector, n_bins: int) -> Vector:
    # Halves first: the range of huge values must not overflow.
    half = high / 2 - low / 2
    return np.where(half > 0, half * (2.0 / n_bins), 1.0)


def _surprise(counts: Matrix, n_values: int) -> Matrix:
    surprise: Matrix = -np.log((counts + 0.5) / (n_values + 0.5 * counts.shape[1]))
    return surprise
