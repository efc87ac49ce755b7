"""From a score to the probability of an anomaly, by labelled rows that the detector had not learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["Chances"]

_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Chances:
    """The probability that a row is an anomaly, as a rising curve over its score.

    It may take any rising shape (isotonic regression), with half a row of the other sort more at either end, so that
    how sure one may be at most is said by the number of rows: on the development tables that came closer to what
    happened than a straight line (Platt's), whether few or many rows were held out. It is straight between its knots on
    the scale of log-odds, level beyond the ends, and holds where anomalies are as frequent as among the rows that it
    was learnt from.

    Attributes
    ----------
    knots : (n_knots,)
        Scores, ascending.
    log_odds : (n_knots,)
        At each knot, of an anomaly; never falling.
    share
        Share of anomalies for which it holds, in (0, 1).
    n_rows, n_anomalies
        Rows that it was learnt from, and the anomalies among them.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.thresholds.chances import Chances
    >>> random = np.random.default_rng(0)
    >>> scores = random.normal(size=100_000)
    >>> odd = random.random(100_000) < 1 / (1 + np.exp(3 - 2 * scores))
    >>> Chances.learnt(scores, odd).probability(np.array([-2.0, 1.5])).round(1)
    array([0. , 0.5])

    References
    ----------
    Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass probability estimates.
    KDD.
    """

    knots: Vector
    log_odds: Vector
    share: float
    n_rows: int
    n_anomalies: int

    @classmethod
    def learnt(cls, scores: Vector, anomalous: npt.NDArray[np.bool_]) -> Chances | None:
        """Learn the curve from rows that the detector had not learnt; None with fewer than 5 of either sort.

        Parameters
        ----------
        scores : (n_rows,)
            Higher is more anomalous.
        anomalous : (n_rows,)
            Which rows are anomalies.
        """
        n, n_odd = len(scores), int(anomalous.sum())
        if min(n_odd, n - n_odd) < _FEWEST:
            return None
        knots, log_odds = _steps(scores, anomalous)
        return cls(knots, log_odds, n_odd / n, n, n_odd)

    def probability(self, scores: Vector) -> Vector:
        """Of an anomaly, for each score: (n_rows,), in (0, 1)."""
        return _chance(np.interp(scores, self.knots, self.log_odds))

    def at(self, share: float) -> Chances:
        """The same where another share of the rows is anomalous, in (0, 1), and each sort is what it was."""
        return replace(self, log_odds=self.log_odds + _odds(share) - _odds(self.share), share=share)

    def sentence(self) -> str:
        """What they come from, and for what they hold."""
        return (
            f"probabilities come from {self.n_rows:,} rows held out of learning, {self.n_anomalies:,} of them "
            f"anomalies, and hold where {self.share:.2%} of the rows are"
        )

    def state(self) -> dict[str, Any]:
        """The curve, as arrays and numbers."""
        names = ("knots", "log_odds", "share", "n_rows", "n_anomalies")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Chances | None:
        """The curve that had this `state`, None where there is none; ValueError if it is no such curve."""
        if not state:
            return None
        made = cls(**state)
        sound = (
            made.knots.ndim == made.log_odds.ndim == 1
            and 0 < len(made.knots) == len(made.log_odds)
            and bool(np.isfinite(made.knots).all() and np.isfinite(made.log_odds).all())
            and bool((np.diff(made.knots) > 0).all() and (np.diff(made.log_odds) >= 0).all())
            and 0 < made.share < 1
            and 0 < made.n_anomalies < made.n_rows
        )
        if not sound:
            raise ValueError("the probabilities' numbers do not fit together")
        return made


def _steps(scores: Vector, anomalous: npt.NDArray[np.bool_]) -> tuple[Vector, Vector]:
    """The rising steps that fit best, with half a row of the other sort more at either end: none is quite sure."""
    from sklearn.isotonic import IsotonicRegression

    weight = np.concatenate([np.ones(len(scores)), [0.5, 0.5]])
    placed = np.concatenate([scores, [scores.min(), scores.max()]])
    odd = np.concatenate([anomalous.astype(np.float64), [1.0, 0.0]])
    model = IsotonicRegression(out_of_bounds="clip").fit(placed, odd, sample_weight=weight)
    knots, chance = model.X_thresholds_, model.y_thresholds_
    return knots.astype(np.float64), np.maximum.accumulate(np.log(chance) - np.log1p(-chance))


def _odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))


def _chance(log_odds: Vector) -> Vector:
    chance: Vector = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return np.clip(chance, np.finfo(np.float64).tiny, 1.0 - np.finfo(np.float64).epsneg)
