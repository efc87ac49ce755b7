"""How unfamiliar rows are to rows known to be normal: distances in three spaces, each as a surprise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np

from amiss.core.detector import Matrix, Vector
from amiss.core.rarity import surprise_of, thinned
from amiss.kernels.neighbors import Indices, Neighbors
from amiss.prepare.scales import Space, robust_scale
from amiss.summaries.blame import neighbor_shares, share_out

__all__ = ["Familiar"]

_FAR, _ODD = "far", "odd"
_LOOKS: Mapping[str, Mapping[str, tuple[int, float]]] = {
    "range": {_FAR: (1, 1.0), _ODD: (5, 0.5)},
    "log": {_FAR: (1, 1.0), _ODD: (20, 0.5)},
    "ranks": {_FAR: (5, 1.0)},
}
"""Space → what is asked there → (neighbours, weight): how far they are, and how far for so dense a place.

Chosen together on the 22 tables and 5 sets of network traffic for development, see benchmarks/accuracy/.
"""
_WEIGHT = sum(weight for asked in _LOOKS.values() for _, weight in asked.values())
_FLOOR = 0.3
"""Of a usual distance: what is nearer is no denser place."""
_ALIKE = 1e-3
"""Likewise, where only how far counts."""
_FARTHEST = 1e100
_FARTHEST_HOLE = 10.0
_BEYOND, _BEYOND_SLOPE = 0.5, 0.2
"""Deviations between a value beyond all learnt ones and the outermost, and more by the logarithm of its gap."""
_TINY = 1e-12
_AT_ONCE = 32_768

Place = Callable[[Matrix], Matrix]


class Familiar:
    """What rows known to be normal let expect of a row: how far it is from the nearest ones.

    Features are compared by their range, on a logarithmic scale, and by their ranks: which of these tells best differs
    from table to table. A distance says more where the normal rows are close to one another: so it is also compared
    with the distances of the neighbours themselves. Each of these numbers becomes the surprise that a normal row would
    reach it, as counted on the rows learnt, each without itself; the mean of the surprises counts.

    Attributes
    ----------
    arrays : dict
        "rows" (n_rows, n_features): what is compared with; "holes" (3, n_features): the gap of a missing value by
        space; "usual.SPACE.far" and "usual.SPACE.odd": what the rows learnt reach, ascending; "reach.SPACE" and
        "density.SPACE" (n_rows,): the distance of their last neighbour, and the logarithm of the mean one;
        "level.SPACE" and "floor.SPACE": what is nearer is all alike.
    """

    def __init__(self, arrays: Mapping[str, Vector | Matrix]) -> None:
        self.arrays = dict(arrays)
        rows = self.arrays["rows"]
        self._places = _places(rows)
        self._near = {name: Neighbors(place(rows)) for name, place in self._places.items()}

    @classmethod
    def of(cls, X: Matrix, whole: Matrix, rare: Vector, n_jobs: int | None) -> Self:
        """Learn from rows `X`, which `whole` has completed; `rare` says how far out a missing value lies."""
        _, usual = robust_scale(whole)
        share = np.minimum(usual / Space.unit_range(whole).scale, 1.0)
        holes = np.stack([rare * share, np.log1p(rare), rare])
        made = cls({"rows": whole, "holes": np.minimum(holes, _FARTHEST_HOLE)})
        for name, asked in _LOOKS.items():
            distance, index = made._nearest(name, X, whole, n_jobs)
            if _ODD in asked:
                k = min(asked[_ODD][0], distance.shape[1])
                made.arrays[f"reach.{name}"] = np.ascontiguousarray(distance[:, k - 1])
                reached = made._reached(name, distance, index)
                floor = max(_FLOOR * float(np.median(reached)), _TINY)
                made.arrays[f"floor.{name}"] = np.array([floor])
                made.arrays[f"density.{name}"] = np.log(reached + floor)
            made.arrays[f"level.{name}"] = np.array([max(_ALIKE * float(np.median(made._far(name, distance))), _TINY)])
            for kind, scores in made._asked(name, distance, index).items():
                made.arrays[f"usual.{name}.{kind}"] = thinned(np.sort(scores))
        return made

    def score(self, X: Matrix, whole: Matrix, n_jobs: int | None) -> Vector:
        """Mean surprise of each row, in natural units of information."""
        total: Vector = np.sum(list(self._surprises(X, whole, n_jobs).values()), axis=0) / _WEIGHT
        return total

    def contributions(self, X: Matrix, whole: Matrix, n_jobs: int | None) -> Matrix:
        """What speaks against a row, by feature: each space that is surprised has its say in proportion."""
        total = np.zeros_like(whole)
        for name, surprise in self._surprises(X, whole, n_jobs).items():
            Z = self._places[name](whole)
            shares = neighbor_shares(Z, self._near[name].reference)
            if whole is not X:
                near, _ = self._near[name].nearest(Z, 1, skip_self=True, n_jobs=n_jobs)
                holes = np.where(np.isnan(X), self._holes(name), 0.0)
                shares = share_out(np.ones(len(X)), shares * np.minimum(near, _FARTHEST) ** 2 + holes, shares)
            # Roots, so that of several causes the largest does not hide the others.
            total += surprise[:, None] * np.sqrt(shares) / _WEIGHT
        return total

    def _surprises(self, X: Matrix, whole: Matrix, n_jobs: int | None) -> dict[str, Vector]:
        """By space, those of all that is asked there, by their weights."""
        found = {}
        for name, asked in _LOOKS.items():
            total = np.zeros(len(whole))
            for start in range(0, len(whole), _AT_ONCE):
                rows = slice(start, start + _AT_ONCE)
                scores = self._asked(name, *self._nearest(name, X[rows], whole[rows], n_jobs))
                for kind, (_, weight) in asked.items():
                    total[rows] += weight * surprise_of(scores[kind], self.arrays[f"usual.{name}.{kind}"])
            found[name] = total
        return found

    def _nearest(self, name: str, X: Matrix, whole: Matrix, n_jobs: int | None) -> tuple[Matrix, Indices]:
        """Distances to and positions of as many rows as are asked for in a space."""
        k = max(n for n, _ in _LOOKS[name].values())
        near = self._near[name]
        k = min(k, max(len(near.reference) - 1, 1))
        distance, index = near.nearest(self._places[name](whole), k, skip_self=True, n_jobs=n_jobs)
        np.minimum(distance, _FARTHEST, out=distance)
        if whole is not X:
            hole = np.where(np.isnan(X), self._holes(name), 0.0).sum(axis=1)
            distance = np.sqrt(distance**2 + hole[:, None])
        return distance, index

    def _asked(self, name: str, distance: Matrix, index: Indices) -> dict[str, Vector]:
        """What is asked in a space, of rows with such neighbours."""
        found = {_FAR: np.log(self._far(name, distance) + self.arrays[f"level.{name}"][0])}
        if _ODD in _LOOKS[name]:
            density = self.arrays[f"density.{name}"]
            own = np.log(self._reached(name, distance, index) + self.arrays[f"floor.{name}"][0])
            k = min(_LOOKS[name][_ODD][0], distance.shape[1])
            found[_ODD] = own - density[index[:, :k]].mean(axis=1)
        return found

    def _far(self, name: str, distance: Matrix) -> Vector:
        mean: Vector = distance[:, : _LOOKS[name][_FAR][0]].mean(axis=1)
        return mean

    def _reached(self, name: str, distance: Matrix, index: Indices) -> Vector:
        """Mean distance to the neighbours, none nearer than their own last neighbour."""
        k = min(_LOOKS[name][_ODD][0], distance.shape[1])
        mean: Vector = np.maximum(distance[:, :k], self.arrays[f"reach.{name}"][index[:, :k]]).mean(axis=1)
        return mean

    def _holes(self, name: str) -> Vector:
        square: Vector = self.arrays["holes"][list(_LOOKS).index(name)] ** 2
        return square

    def fits(self, n_features: int) -> bool:
        """Whether its arrays fit together, and rows of so many features."""
        n_rows = len(self.arrays["rows"])
        lengths = [len(self.arrays[f"{part}.{name}"]) for part in ("reach", "density") for name in ("range", "log")]
        return (
            self.arrays["rows"].shape == (n_rows, n_features)
            and self.arrays["holes"].shape == (len(_LOOKS), n_features)
            and lengths == [n_rows] * len(lengths)
        )


def _places(rows: Matrix) -> dict[str, Place]:
    """The spaces in which rows are compared, by name."""
    first = Space.signed_log(rows)
    deviation = first(rows).std(axis=0)
    unit = np.where(deviation > _TINY, deviation, 1.0)
    return {"range": Space.unit_range(rows), "log": _Logs(first, unit), "ranks": _Ranks.of(rows)}


@dataclass(frozen=True, slots=True)
class _Logs:
    """Robust deviations on a logarithmic scale, each feature in units of its own spread there."""

    first: Space
    unit: Vector

    def __call__(self, X: Matrix) -> Matrix:
        """The rows in this space, C-contiguous."""
        return self.first(X) / self.unit


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Each value by its rank among those learnt, as a normal value of that rank."""

    values: tuple[Vector, ...]
    deviations: tuple[Vector, ...]
    edge: float

    @classmethod
    def of(cls, rows: Matrix) -> Self:
        n = len(rows)
        # All that the mean rank of equal values can be: halves of whole numbers.
        normal = NormalDist()
        quantiles = np.array([normal.inv_cdf(min(max(h, 1), 2 * n - 1) / (2 * n)) for h in range(2 * n + 1)])
        values, deviations = [], []
        for column in np.ascontiguousarray(rows.T):
            known, count = np.unique(column, return_counts=True)
            values.append(known)
            deviations.append(quantiles[2 * np.cumsum(count) - count])
        return cls(tuple(values), tuple(deviations), float(quantiles[-1]))

    def __call__(self, X: Matrix) -> Matrix:
        """The rows in this space, C-contiguous; between two known values by a straight line."""
        Z = np.empty(X.shape)
        for j, (known, deviation) in enumerate(zip(self.values, self.deviations, strict=True)):
            low, high, x = known[0], known[-1], X[:, j]
            Z[:, j] = np.interp(x, known, deviation)
            width = high / 2 - low / 2 or 0.5
            for beyond, sign, end in ((x > high, 1.0, high), (x < low, -1.0, low)):
                with np.errstate(over="ignore"):
                    gap = np.minimum(np.abs(x[beyond] / 2 - end / 2) / width, _FARTHEST)
                Z[beyond, j] = sign * (self.edge + _BEYOND + _BEYOND_SLOPE * np.log1p(gap))
        return Z
