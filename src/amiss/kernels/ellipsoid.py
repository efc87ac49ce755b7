"""Distances to a running mean in the metric of a running covariance: the compiled loops and their twins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels import loops

__all__ = ["STATE", "Ellipsoids", "begun"]

Ints = npt.NDArray[np.int64]
STATE = ("seen", "last", "changes", "mean", "unit", "covariance", "factor")
_SMALLEST, _LARGEST, _SMALLEST_PIVOT = 1e-300, 1e140, 1e-12
_FIRST_ROWS, _BEYOND = 32, 3.0


def begun(n_entities: int, n_features: int) -> dict[str, Any]:
    """The arrays of `STATE` before the first row; see `ellipsoid.h`."""
    square = np.zeros((n_entities, n_features, n_features))
    lines = {name: np.zeros((n_entities, n_features)) for name in ("last", "changes", "mean", "unit")}
    lines["last"][:] = np.nan
    factor = square + np.eye(n_features)
    return {"seen": np.zeros(n_entities, np.int64), **lines, "covariance": square, "factor": factor}


@dataclass(frozen=True)
class Ellipsoids:
    """Means and covariances of all entities, in arrays that `advance` writes to; `ellipsoid.h` says what each is."""

    seen: Ints
    last: Matrix
    changes: Matrix
    mean: Matrix
    unit: Matrix
    covariance: Matrix
    factor: Matrix
    rate: float
    shrinkage: float
    sure: float

    def advance(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> bool:
        """Learn rows in their order, each after it has been scored and told apart into `scores` and `terms`.

        False, and nothing is done, where a value is infinite.
        """
        if loops.lib is not None:
            done = loops.lib.amiss_ellipsoid_advance(self._record[0], *_pointers(X, entity, scores, terms))
            return bool(done)
        if np.isinf(X).any():
            return False
        for i in range(len(X)):
            self._score_row(i, X, entity, scores, terms)
            self._learn_row(0 if entity is None else int(entity[i]), X[i])
        return True

    def score(self, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> None:
        """The same, and nothing is learnt."""
        if loops.lib is not None:
            loops.lib.amiss_ellipsoid_score(self._record[0], *_pointers(X, entity, scores, terms))
            return
        for i in range(len(X)):
            self._score_row(i, X, entity, scores, terms)

    def check(self) -> None:
        """Raise ValueError if the arrays do not fit together: the compiled loops do not look."""
        if self.last.ndim != 2 or 0 in self.last.shape:
            raise ValueError("the arrays of the ellipsoids do not fit together")
        for name, like in begun(*self.last.shape).items():
            held = getattr(self, name)
            if held.shape != like.shape or held.dtype != like.dtype:
                raise ValueError("the arrays of the ellipsoids do not fit together")
        if (self.seen < 0).any():
            raise ValueError("the arrays of the ellipsoids do not fit together")

    @property
    def _stride(self) -> int:
        return max(1, len(self.last[0]) // 4)

    @cached_property
    def _record(self) -> tuple[Any, ...]:
        """What the compiled loops ask for, and the scratch that it points to."""
        d = self.last.shape[1]
        scratch = np.empty(d * d + 3 * d)
        arrays = (getattr(self, name) for name in STATE)
        made = loops.record("amiss_ellipsoid", d, self._stride, self.rate, self.shrinkage, self.sure, *arrays, scratch)
        return made, scratch

    def __getstate__(self) -> dict[str, Any]:
        # Addresses hold in one process only.
        return {name: value for name, value in vars(self).items() if name != "_record"}

    # NumPy twins --------------------------------------------------------------------------------------

    def _factored(self, who: int, unit: list[float]) -> list[list[float]]:
        rows, covariance, d = float(self.seen[who]), self.covariance[who].tolist(), len(unit)
        away = min(1.0, self.shrinkage + d / min(rows, 1.0 / self.rate))
        factor = [[0.0] * d for _ in range(d)]
        for i in range(d):
            for j in range(i + 1):
                total = 1.0 if i == j else (1.0 - away) * (covariance[i][j] * unit[i] * unit[j])
                for k in range(j):
                    total -= factor[i][k] * factor[j][k]
                factor[i][j] = math.sqrt(max(total, _SMALLEST_PIVOT)) if i == j else total / factor[j][j]
        return factor

    def _distance(self, who: int, x: Vector) -> tuple[float, list[float], list[float], int]:
        """Distance of x, its gap to the mean, the shares of the features in the squared distance, how many count."""
        missing, unit = np.isnan(x), self.unit[who]
        own = np.where(missing, 0.0, unit).tolist()
        gap = np.where(missing | (self.seen[who] == 0), 0.0, np.clip(x, -_LARGEST, _LARGEST) - self.mean[who]).tolist()
        holed = bool((missing & (unit > 0)).any())
        factor = self._factored(who, own) if holed else self.factor[who].tolist()
        apart = np.clip(np.array(gap) * own, -_LARGEST, _LARGEST).tolist()
        share, square, d = [0.0] * len(gap), 0.0, len(gap)
        for i in range(d):
            total = apart[i]
            for k in range(i):
                total -= factor[i][k] * share[k]
            share[i] = total / factor[i][i]
            square += share[i] * share[i]
        for i in range(d - 1, -1, -1):
            total = share[i]
            for k in range(i + 1, d):
                total -= factor[k][i] * share[k]
            share[i] = total / factor[i][i]
        shares = [share[i] * apart[i] for i in range(d)]
        return math.sqrt(square), gap, shares, sum(each > 0 for each in own)

    def _score_row(self, i: int, X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> None:
        distance, _, shares, _ = self._distance(0 if entity is None else int(entity[i]), X[i])
        if scores is not None:
            scores[i] = distance
        if terms is not None:
            terms[i] = np.array(shares) / distance if distance > 0 else 0.0

    def _learn_row(self, who: int, x: Vector) -> None:
        seen = int(self.seen[who])
        a = max(self.rate, 1.0 / (seen + 1.0))
        distance, gap, _, n = self._distance(who, x)
        usual = math.sqrt(n) + _BEYOND
        less = usual / distance if seen >= _FIRST_ROWS and distance > usual else 1.0
        last, mean, changes = self.last[who], self.mean[who], self.changes[who]
        changes *= 1.0 - self.rate
        for j, value in enumerate(np.clip(x, -_LARGEST, _LARGEST).tolist()):
            if math.isnan(value):
                continue
            if math.isnan(last[j]):
                last[j], mean[j], gap[j] = value, value, 0.0
            changes[j] += value != last[j]
            last[j] = value
            gap[j] *= less
            mean[j] += a * gap[j]
        lower = np.tril(np.ones((len(gap), len(gap)), bool))
        covariance = self.covariance[who]
        covariance[lower] = ((1.0 - a) * (covariance + a * np.outer(gap, gap)))[lower]
        self.seen[who] = seen + 1
        if (seen + 1) % self._stride == 0 or seen < _FIRST_ROWS:
            variance = np.diag(covariance)
            counts = (variance > _SMALLEST) & (changes >= self.sure)
            self.unit[who] = np.divide(1.0, np.sqrt(variance), out=np.zeros(len(gap)), where=counts)
            self.factor[who] = self._factored(who, self.unit[who].tolist())


def _pointers(X: Matrix, entity: Ints | None, scores: Vector | None, terms: Matrix | None) -> tuple[Any, ...]:
    who = loops.nothing() if entity is None else loops.address(entity)
    return loops.doubles(X), len(X), who, loops.doubles(scores), loops.doubles(terms)
