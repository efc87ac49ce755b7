"""A promise on events: p-values of the separate peaks of scores that follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.core.threshold import Promise, Threshold
from amiss.thresholds.discoveries import discoveries
from amiss.thresholds.promise import Wish
from amiss.thresholds.tail import survival

__all__ = ["PeakThreshold", "peak_scale"]

_MIDDLE, _HIGH = 0.5, 0.8
"""Quantiles of the peaks that the tail is laid through: what is above the second does not bend it."""
_UNIT = float(np.log((1 - _MIDDLE) / (1 - _HIGH)))
_SHAPES, _SCALES = np.linspace(-0.601, 0.099, 29), np.exp(np.linspace(-1.5, 1.5, 41))
"""Shapes and scales tried of how the upper half falls off: 0 is exponential, below it there is an end."""
_USUAL_SHAPE, _PRIOR_SHAPE = -0.3, 0.3
"""Peaks of smoothed scores fall off faster than exponentially: so much, give or take."""
_NARROWER, _WIDER = 0.4, 0.15
"""What their scale may be off the one of the quantiles: anomalies among them make it wider, never narrower."""
_OPEN = 0.1
_MOST = 2000
_MOST_FAR = 3
"""Peaks, of which chance makes one, up to which the fit is believed."""
_LEAST_SCALE = 0.05
"""Of a logarithm: peaks that are more alike than so are alike."""


def peak_scale(logs: Vector) -> tuple[float, float]:
    """Location and scale by which peaks, as logarithms, have an exponential upper half: p = ½ exp(−score).

    From two quantiles alone: anomalies among the peaks, up to a fifth, make it wider, a tenth of them by 1.7 at most,
    but never so wide that it holds them.

    Parameters
    ----------
    logs : (n_peaks,)
        Logarithms of the scores at the peaks, in any order.
    """
    if not len(logs):
        return 0.0, 1.0
    middle, high = np.quantile(logs, [_MIDDLE, _HIGH])
    return float(middle), max(float(high - middle) / _UNIT, _LEAST_SCALE)


@dataclass(frozen=True, slots=True)
class _Fall:
    """How the upper half of the peaks falls off: generalised Pareto laws, weighed by how well they fit.

    Of the highest tenth, which may be anomalies, only their number counts. Shapes are held to be near those of series
    without any until many peaks speak against it; the mean over the laws has no end, so no peak is impossible. None is
    much slower than the exponential one: anomalies look so.
    """

    start: float
    shape: Vector
    scale: Vector
    weight: Vector

    @classmethod
    def of(cls, peaks: Vector) -> _Fall:
        """From peaks in any order, on the scale of `peak_scale`."""
        start = float(np.median(peaks)) if len(peaks) else 0.0
        shape, scale = (part.ravel() for part in np.meshgrid(_SHAPES, _SCALES))
        off = np.log(scale) / np.where(scale > 1, _WIDER, _NARROWER)
        fit = -0.5 * ((shape - _USUAL_SHAPE) / _PRIOR_SHAPE) ** 2 - 0.5 * off**2
        excess = np.sort(peaks[peaks > start] - start)
        if len(excess):
            n_open = int(np.ceil(_OPEN * len(peaks)))
            end = excess[max(len(excess) - n_open - 1, 0)]
            # Evenly thinned: so many tell no more.
            step = max(1, len(excess) // _MOST)
            known, hidden = excess[excess <= end][::step], float((excess > end).sum()) / step
            inside = 1 + shape[:, None] * known / scale[:, None]
            possible = (inside > 0).all(axis=1)
            logs = np.log(np.where(inside > 0, inside, 1.0)).sum(axis=1)
            beyond = np.maximum(survival(np.array([end]), shape, scale)[:, 0], 1e-300)
            fit += -(1 + 1 / shape) * logs - len(known) * np.log(scale) + hidden * np.log(beyond)
            fit = np.where(possible, fit, -np.inf)
        weight = np.exp(fit - fit.max())
        kept = weight > 1e-9
        made = cls(start, shape[kept], scale[kept], weight[kept] / weight[kept].sum())
        # Where so many peaks would be beyond chance, they are anomalies or the fit is wrong: the slower law is kept.
        far = int((0.5 * made.share_above(peaks) * len(peaks) <= 1).sum())
        return made if far <= _MOST_FAR else cls(0.0, np.array([1e-9]), np.ones(1), np.ones(1))

    def share_above(self, scores: Vector) -> Vector:
        """Share of the upper half that is above each score, (n_rows,); 1 below its start."""
        excess = np.maximum(scores - self.start, 0.0)
        out = np.empty(len(excess))
        for first in range(0, len(excess), 4096):
            part = slice(first, first + 4096)
            out[part] = self.weight @ survival(excess[part], self.shape, self.scale)
        return out


class PeakThreshold(Threshold):
    """Calls a peak of the score an event if chance makes at most a share `rate` of all peaks as high.

    Rows that follow one another have like scores: what counts is how many separate times a score was high. So what is
    judged are peaks that are further apart than one anomaly shows, and a rate for rows, days or the whole history
    becomes a rate for each of them. How their upper half falls off on the logarithmic scale of `peak_scale` is fitted,
    hardly slower than exponentially: a model, so any rate is possible, and one that anomalies among the peaks do not
    bend.

    Parameters
    ----------
    rate
        Largest share of normal peaks that may raise an alarm, or of the alarms that may be false, in (0, 1).
    asked
        The promise in the user's words.
    same_rows
        The peaks are those of the very history to be judged.
    of_alarms
        `rate` is a share of the alarms: the decision on a peak then depends on the others.
    version
        Number of the promise, from 1.

    Attributes
    ----------
    scores_ : (n_peaks,)
        Scores of the peaks that it was calibrated on.

    References
    ----------
    Leadbetter, M. R. (1991). On a basis for "peaks over threshold" modeling. Statistics & Probability Letters.
    """

    def __init__(
        self, rate: float, *, asked: str, same_rows: bool = False, of_alarms: bool = False, version: int = 1
    ) -> None:
        self.rate, self.asked, self.same_rows = rate, asked, same_rows
        self.of_alarms, self.version = of_alarms, version

    def calibrate(self, scores: Vector) -> Self:
        """Take up the scores of the peaks of a history, (n_peaks,), in any order."""
        self.scores_ = np.sort(scores)
        self._fall = _Fall.of(self.scores_)
        return self

    @property
    def n_calibration_(self) -> int:
        """Number of peaks."""
        return len(self.scores_)

    def p_value(self, scores: Vector) -> Vector:
        """p-value of a peak with each score, (n_rows,), in (0, 1]."""
        start = self._fall.start
        above = 0.5 * np.maximum(self._fall.share_above(scores), 1e-290)
        p: Vector = np.where(scores > start, above, 1 - 0.5 * np.exp(-np.minimum(start - scores, 600.0)))
        return p

    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether a peak's p-value is at or below the rate; for a share of the alarms, by all peaks together."""
        p = self.p_value(scores)
        if self.of_alarms:
            return discoveries(p, self.rate)
        # Where all peaks are alike none is an event, however many were asked for.
        found: npt.NDArray[np.bool_] = (p <= self.rate * (1 + 1e-9)) & (scores > 0)
        return found

    def at(self, rate: float, wish: Wish) -> PeakThreshold:
        """The same calibration under another promise, with the next version."""
        made = PeakThreshold(
            rate, asked=wish.asked, same_rows=self.same_rows, of_alarms=wish.of_alarms, version=self.version + 1
        )
        return made.calibrate(self.scores_)

    def promise(self) -> Promise:
        """What was asked, and the share of the calibration peaks that reach it: anomalies among them included."""
        n = max(len(self.scores_), 1)
        reached = float(self.is_anomaly(self.scores_).sum()) / n
        return Promise(
            self.asked, self.rate, reached, len(self.scores_),
            "separate peaks of the score, the fall of their tail fitted on a logarithmic scale",
            "alarms" if self.of_alarms else "peaks", len(self.scores_), 0.0, reached, True, self.version,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """The calibration, as arrays and numbers."""
        names = ("rate", "asked", "same_rows", "of_alarms", "version")
        return {name: getattr(self, name) for name in names} | {"scores": self.scores_}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> PeakThreshold:
        """The threshold that had this `state`."""
        made = cls(**{name: value for name, value in state.items() if name != "scores"})
        return made.calibrate(state["scores"])

    def check(self) -> None:
        """Raise `ValueError` if what was restored is no calibration."""
        if not (0 < self.rate < 1 and self.scores_.ndim == 1 and np.isfinite(self.scores_).all() and self.version >= 1):
            raise ValueError("the threshold's numbers do not fit together")
