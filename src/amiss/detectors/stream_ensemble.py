"""A band and random cut forests over a stream, and how odd it has been of late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class
from amiss.core.detector import Capabilities, Context, Matrix, SequentialDetector, Vector
from amiss.core.params import Between, Whole

__all__ = ["StreamEnsemble"]

Entities = npt.NDArray[np.int64]
_MOST = 6.0
"""A member's score counts up to so many times its mean: none outvotes the others by what no bound holds."""
_WEIGHT_NOW = 0.3
"""Of the row itself, beside how odd the rows up to it were."""
_MEMBERS = ("band", "rows", "courses")


class StreamEnsemble(SequentialDetector):
    """How odd a row is to a band, to a forest of rows and to one of courses, and how odd the rows before it were.

    Each member's score counts in units of its mean so far. A span in which much is a little odd ranks above a single
    odd row in a calm one, which is what makes it rank well where what is wrong lasts; the first row of it ranks by
    itself. For one stream or some hundreds, where ranking counts more than time and memory; `AdaptiveBand` is made for
    many. After a shift it stays high for some `span` rows, and longer where the forests forget slowly.

    Costs what two random cut forests do: about .1 ms a row, and some megabytes an entity.

    Parameters
    ----------
    span
        Rows over which oddness is remembered, at least 1.
    shingle
        Rows seen as one course, at least 2.
    half_life
        Rows after which a row counts half as much in the forests, at least 1.
    random_state
        Seed, from 0.

    Attributes
    ----------
    levels_ : (n_entities, 7)
        Sum and number of the scores of each member above 0, and the remembered oddness.
    n_entities_
        Entities so far.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import StreamEnsemble
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> X[900:920] += 4
    >>> scores = StreamEnsemble().score_partial_fit(X)
    >>> bool(900 <= scores[500:].argmax() + 500 < 920)
    True

    References
    ----------
    Aggarwal, C. C. and Sathe, S. (2015). Theoretical foundations and algorithms for outlier ensembles. SIGKDD
    Explorations.
    """

    levels_: npt.NDArray[np.float64]

    capabilities: ClassVar = Capabilities(missing=True, context=True)
    domains: ClassVar = {"span": Whole(1), "shingle": Whole(2), "half_life": Between(1), "random_state": Whole(0)}

    def __init__(self, span: int = 150, shingle: int = 8, half_life: float = 2000.0, random_state: int = 0) -> None:
        self.span = span
        self.shingle = shingle
        self.half_life = half_life
        self.random_state = random_state

    def score_partial_fit(self, X: Any, *, context: Context | None = None) -> Vector:
        """Score each row before it is learnt, then learn it, in one pass; from the first row on."""
        first = not self.__sklearn_is_fitted__()
        self._check_parameters()
        valid = self._door(X, learning=first)
        if first:
            self.n_entities_, self.offset_ = 0, -1.0
        entity = _entities(context, len(valid))
        needed = int(entity.max(initial=0)) + 1
        if needed > self.n_entities_:
            self._grow(needed)
            self.n_entities_ = needed
        return self._learn(valid, entity)

    def state(self) -> dict[str, Any]:
        """What has been learnt; what a member has stands under its name."""
        found = super().state()
        for name in _MEMBERS:
            found |= {f"{name}.{part}": value for part, value in getattr(self, f"_{name}").state().items()}
        return found

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its parts do not fit together."""
        levels = np.array(state["levels_"], np.float64)
        if levels.shape != (state["n_entities_"], 2 * len(_MEMBERS) + 1) or not np.isfinite(levels).all():
            raise ValueError("the levels do not fit together")
        super().restore({name: value for name, value in state.items() if "." not in name} | {"levels_": levels})
        for name, member in self._begun().items():
            parts = {part.partition(".")[2]: value for part, value in state.items() if part.startswith(f"{name}.")}
            setattr(self, f"_{name}", member.restore(parts))
        return self

    def _begun(self) -> dict[str, SequentialDetector]:
        forest: Any = detector_class("random_cut_forest")
        shared = {"half_life": self.half_life, "random_state": self.random_state}
        return {
            "band": detector_class("adaptive_band")(),
            "rows": forest(**shared),
            "courses": forest(shingle=self.shingle, **shared),
        }

    def _grow(self, n_entities: int) -> None:
        levels = np.zeros((n_entities, 2 * len(_MEMBERS) + 1))
        if self.n_entities_:
            levels[: self.n_entities_] = self.levels_
        else:
            for name, member in self._begun().items():
                setattr(self, f"_{name}", member)
        self.levels_ = levels

    def _update(self, X: Matrix, entity: Entities, context: Context | None) -> None:
        self._learn(X, entity)

    def _learn(self, X: Matrix, entity: Entities) -> Vector:
        here, scores = Context(entity=entity), np.zeros(len(X))
        if not len(X):
            return scores
        told = np.stack([getattr(self, f"_{name}").score_partial_fit(X, context=here) for name in _MEMBERS], axis=1)
        for who in np.unique(entity).tolist():
            rows = np.flatnonzero(entity == who)
            scores[rows] = self._course(told[rows], self.levels_[who])
        return scores

    def _course(self, told: Matrix, levels: Vector) -> Vector:
        """Scores of one entity's rows by what its members said, (n_rows, 3); its levels are taken on."""
        from scipy.signal import lfilter

        n = len(_MEMBERS)
        sums = np.cumsum(np.vstack([levels[:n], told]), axis=0)
        counts = np.cumsum(np.vstack([levels[n : 2 * n], told > 0]), axis=0)
        now = _together(told, sums[:-1], counts[:-1])
        pull = 2.0 / (self.span + 1.0)
        lasting, _ = lfilter([pull], [1.0, pull - 1.0], now, zi=[(1.0 - pull) * levels[2 * n]])
        levels[:n], levels[n : 2 * n], levels[2 * n] = sums[-1], counts[-1], lasting[-1]
        scores: Vector = lasting + _WEIGHT_NOW * now
        return scores

    def _score_in(self, X: Matrix, context: Context | None) -> Vector:
        entity, n = _entities(context, len(X)), len(_MEMBERS)
        here = Context(entity=entity)
        told = np.stack([getattr(self, f"_{name}").score_rows(X, here) for name in _MEMBERS], axis=1)
        levels = self.levels_[entity]
        now = _together(told, levels[:, :n], levels[:, n : 2 * n])
        pull = 2.0 / (self.span + 1.0)
        scores: Vector = pull * now + (1.0 - pull) * levels[:, 2 * n] + _WEIGHT_NOW * now
        return scores


def _together(told: Matrix, sums: Matrix, counts: Matrix) -> Vector:
    """Mean of the members' scores, each in units of its mean before."""
    usual = np.where(counts > 0, sums / np.maximum(counts, 1.0), np.inf)
    found: Vector = np.minimum(told / np.maximum(usual, 1e-300), _MOST).mean(axis=1)
    return found


def _entities(context: Context | None, n_rows: int) -> Entities:
    if context is None or context.entity is None:
        return np.zeros(n_rows, np.int64)
    return np.ascontiguousarray(context.entity, np.int64)
