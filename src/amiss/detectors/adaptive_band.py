"""A band that follows each entity, and how far a row lies outside it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Context, Matrix, SequentialDetector, Vector
from amiss.core.errors import DataError
from amiss.core.params import Whole
from amiss.kernels.band import COUNT, FIELDS, LEVEL, SLOW, Pace, advance_bands, half_widths

__all__ = ["AdaptiveBand"]

_SLOW_SHARE = 0.5
"""The slow band is so much wider: what is new for good is odd only if it is far."""
_USUAL = 3.0
_AWAY = 0.02
"""A level away from the usual one makes rows as odd as one in so many, and no odder: it raises no alarm by itself."""
_ROOM = 1000
_SLOWER = 4
"""Spreads follow so many times more slowly than levels: a shift must not pass for noise."""


class AdaptiveBand(SequentialDetector):
    """How far the worst feature of a row lies from its entity's level, in usual deviations; learns from the first row.

    Made for many entities, each with a few channels, of which nothing is known beforehand. Each channel has a level and
    a spread that follow it, each value pulling them by three spreads at most, and a slow level beside them. A row's
    score is the largest of its distance to the level and half of that to the slow one: a shift by a few deviations is
    usual after some `span` rows, one that is larger stays odd until it has lasted for `patience`. Until then a level
    that is not the usual one also makes its rows as odd as one in fifty is, and no odder. A channel that was constant
    has no known spread: whole numbers may then change by one, others by a tenth, before anything is odd. Knows neither
    seasons, which widen the band, nor relations between channels. Missing values are passed over.

    Costs 80 bytes a channel of each entity, and some 25 ns for each value.

    Parameters
    ----------
    span
        Rows that the level is about the mean of, at least 2.
    slow_span
        The same for the slow level.
    patience
        Rows after which a level that has left the slow band is the usual one, at least 1.
    least_rows
        Values of a channel before any of them is judged, at least 2; rows score 0 until then.

    Attributes
    ----------
    memory_ : (n_room, n_features, 10)
        What is known of each channel of each entity; see `kernels/band.h`. There is room for more than `n_entities_`.
    n_entities_
        Entities so far.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.core.detector import Context
    >>> from amiss.detectors import AdaptiveBand
    >>> X = np.random.default_rng(0).normal(size=(1000, 2)) + [20, 300]
    >>> X[900, 1] += 8
    >>> who = Context(entity=np.arange(1000) % 3)
    >>> detector = AdaptiveBand()
    >>> scores, apart = detector.explain_partial_fit(X, context=who)
    >>> int(scores.argmax()), int(apart[900].argmax()), detector.ready(0)
    (900, 1, True)
    >>> low, high = detector.bands([0])
    >>> bool((low < [20, 300]).all() and (high > [20, 300]).all())
    True

    References
    ----------
    Gelper, S., Fried, R. and Croux, C. (2010). Robust forecasting with exponential and Holt-Winters smoothing. Journal
    of Forecasting.
    """

    memory_: npt.NDArray[np.float64]

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, context=True)
    domains: ClassVar = {"span": Whole(2), "slow_span": Whole(2), "patience": Whole(1), "least_rows": Whole(2)}

    def __init__(self, span: int = 40, slow_span: int = 10_000, patience: int = 1000, least_rows: int = 30) -> None:
        self.span = span
        self.slow_span = slow_span
        self.patience = patience
        self.least_rows = least_rows

    def score_partial_fit(self, X: Any, *, context: Context | None = None) -> Vector:
        """Score each row before it is learnt, then learn it, in one pass; from the first row on."""
        return self.explain_partial_fit(X, context=context)[0]

    def explain_partial_fit(self, X: Any, *, context: Context | None = None) -> tuple[Vector, Matrix]:
        """As `score_partial_fit`, and the distances that the scores are the largest of, (n_rows, n_features)."""
        first = not self.__sklearn_is_fitted__()
        self._check_parameters()
        valid = self._door(X, learning=first)
        if first:
            self.n_entities_, self.offset_ = 0, -_USUAL
        entity = self._room_for(valid, context)
        return advance_bands(valid, entity, self.memory_, self._pace(), learning=True)

    def ready(self, entity: int) -> bool:
        """Whether some channel of an entity has been seen often enough for its rows to be judged."""
        self._check_fitted()
        return entity < self.n_entities_ and bool((self.memory_[entity, :, COUNT] >= self.least_rows).any())

    def forget(self, entity: npt.ArrayLike) -> Self:
        """Unlearn entities that have gone, so that others can have their numbers."""
        self._check_fitted()
        self.memory_[np.asarray(entity, np.int64)] = 0.0
        return self

    @property
    def usual_score(self) -> float:
        """Score that one in fifty rows of independent normal values exceeds: no reason for an alarm by itself."""
        self._check_fitted()
        return NormalDist().inv_cdf(1 - _AWAY / (2 * self.n_features_in_))

    def bands(self, entity: npt.ArrayLike, *, score: float = _USUAL) -> tuple[Matrix, Matrix]:
        """Least and largest values, (n, n_features) each, with which the next row of entities scores up to `score`.

        Where the level itself is odd for now, so much is odd at least. A channel that cannot be judged yet has a band
        from minus infinity to infinity.
        """
        self._check_fitted()
        known = self.memory_[np.asarray(entity, np.int64)]
        width, slow_width = half_widths(known)
        reach = score / _SLOW_SHARE
        low = np.maximum(known[..., LEVEL] - score * width, known[..., SLOW] - reach * slow_width)
        high = np.minimum(known[..., LEVEL] + score * width, known[..., SLOW] + reach * slow_width)
        cold = known[..., COUNT] < self.least_rows
        return np.where(cold, -np.inf, low), np.where(cold, np.inf, high)

    def state(self) -> dict[str, Any]:
        """What has been learnt; `memory_` is a view of it, without the room for further entities."""
        state = super().state()
        return state | {"memory_": self.memory_[: self.n_entities_]}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a copy of a `state`; ValueError if its parts do not fit together."""
        known = np.asarray(state["memory_"], np.float64)
        # One value that is not finite makes the sum so; to look at each of them would take longer than the copy.
        if known.shape != (state["n_entities_"], state["n_features_in_"], FIELDS) or not np.isfinite(known.sum()):
            raise ValueError("the bands do not fit together")
        super().restore({**state, "memory_": known})
        self._make_room(known, len(known))
        return self

    def _grow(self, n_entities: int) -> None:
        known = self.memory_[: self.n_entities_] if self.n_entities_ else np.zeros((0, self.n_features_in_, FIELDS))
        # So much more that entities that come one by one do not copy all each time, and little where there are many.
        more = min(len(known), _ROOM + len(known) // 16)
        self._make_room(known, max(n_entities, len(known) + more))

    def _make_room(self, known: npt.NDArray[np.float64], n_entities: int) -> None:
        room = np.empty((n_entities + 1, self.n_features_in_, FIELDS))  # the last is nobody's
        room[: len(known)] = known
        room[len(known) :] = 0.0
        self.memory_ = room

    def _update(self, X: Matrix, entity: npt.NDArray[np.int64], context: Context | None) -> None:
        advance_bands(X, np.ascontiguousarray(entity), self.memory_, self._pace(), learning=True)

    def _score_in(self, X: Matrix, context: Context | None) -> Vector:
        return self._apart(X, context)[0]

    def _contributions(self, X: Matrix) -> Matrix:
        return self._apart(X, None)[1]

    def _apart(self, X: Matrix, context: Context | None) -> tuple[Vector, Matrix]:
        entity = _checked(context, len(X))
        known = np.where(entity < self.n_entities_, entity, self.n_entities_)
        return advance_bands(X, known, self.memory_, self._pace(), learning=False)

    def _room_for(self, X: Matrix, context: Context | None) -> npt.NDArray[np.int64]:
        entity = _checked(context, len(X))
        needed = int(entity.max(initial=-1)) + 1
        if needed > self.n_entities_:
            if needed >= len(vars(self).get("memory_", ())):
                self._grow(needed)
            self.n_entities_ = needed
        return entity

    def _pace(self) -> Pace:
        level, slow = 2.0 / (self.span + 1), 2.0 / (self.slow_span + 1)
        rates = np.array([level, level / _SLOWER, slow])
        return Pace(rates, _SLOW_SHARE, self.usual_score, self.least_rows, self.patience)


def _checked(context: Context | None, n_rows: int) -> npt.NDArray[np.int64]:
    if context is None or context.entity is None:
        return np.zeros(n_rows, np.int64)
    entity = np.ascontiguousarray(context.entity, np.int64)
    if entity.shape != (n_rows,) or entity.min(initial=0) < 0:
        raise DataError(
            f"the entities of {n_rows:,} rows do not fit them", mend="number the entity of each row, from 0, in context"
        )
    return entity
