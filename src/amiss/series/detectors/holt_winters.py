"""Distance from what level, trend and season of the rows before let expect."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Matrix, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.series.decompose import decompose
from amiss.series.forecast import ForecastDetector, filled_forward
from amiss.series.seasons import Season, find_seasons
from amiss.series.smoothing import Constants, Start, fitted, foretold

__all__ = ["HoltWinters"]

_FEWEST_CYCLES = 3
_LEARNT_ROWS, _LEARNT_CYCLES = 10_000, 4
_CLIP = 4.0
"""Usual misses beyond which a miss moves level, trend and season no further."""
_DEVIATION = 1.4826


class HoltWinters(ForecastDetector):
    """How far a row is from level, trend and season as the rows before let them expect, each exponentially smoothed.

    Good at spikes, dips and values that are wrong for their hour, in series whose one season is steady and whose trend
    is slow; it follows both as they change. Weak where several seasons overlap or cycles vary in length, and at
    whatever lasts: a new level becomes the expected one. Misses beyond four usual ones move it no further than four
    would, so that a spike leaves little trace in the next cycle. The first cycle of a series only tells where in the
    season it begins, and scores 0.

    Learning costs a fraction of a second a feature, scoring O(n_rows) a feature, some tenths of a microsecond a row.

    Parameters
    ----------
    period
        Rows in a season, 1 for none; None for the strongest season found.
    damping
        What a trend keeps of itself from row to row, in (0, 1]; 1 lets it go on for ever.

    Attributes
    ----------
    period_ : (n_features,)
        Rows in the season of each feature, 1 for none.
    season_ : (n_features, longest period)
        What each place of the season adds, in the feature's unit.
    constants_ : (n_features, 3)
        How fast level, trend and season are learnt, in [0, 1]: those with the least squared miss.
    limit_ : (n_features,)
        Miss beyond which nothing more is learnt from it, in the feature's unit.
    scale_ : (n_features,)
        Usual miss of each feature, as a standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import HoltWinters
    >>> t = np.arange(1000)
    >>> X = (3 * np.sin(t / 12 * np.pi) + 0.2 * np.random.default_rng(0).normal(size=1000))[:, None]
    >>> X[606] = 3  # at noon; here it is midnight
    >>> X[618] = 3
    >>> detector = HoltWinters().fit(X)
    >>> detector.period_, int(np.argmax(detector.anomaly_score(X)))
    (array([24]), 618)

    References
    ----------
    Winters, P. R. (1960). Forecasting sales by exponentially weighted moving averages. Management Science.
    Gelper, S., Fried, R. and Croux, C. (2010). Robust forecasting with exponential and Holt–Winters smoothing. Journal
    of Forecasting.
    """

    finds: ClassVar = ("spike", "dip", "contextual")
    domains: ClassVar = {"period": Optional(Whole(1)), "damping": Between(0, 1, open_low=True)}

    def __init__(self, period: int | None = None, damping: float = 0.98) -> None:
        self.period = period
        self.damping = damping

    def _prepare(self, X: Matrix) -> None:
        known = filled_forward(X)
        self.period_ = np.array([self._period(x) for x in known.T])
        self.season_ = np.zeros((X.shape[1], int(self.period_.max())))
        self.constants_ = np.empty((X.shape[1], 3))
        self.limit_ = np.empty(X.shape[1])
        for j, x in enumerate(known.T):
            period = int(self.period_[j])
            if period > 1:
                self.season_[j, :period] = _usual_season(x, period)
            some = x[: max(int(_LEARNT_ROWS / np.sqrt(X.shape[1])), _LEARNT_CYCLES * period)]
            constants, usual = fitted(some[self._first(j) :], self._start(j, some), self.damping)
            self.constants_[j] = constants
            self.limit_[j] = _CLIP * _DEVIATION * usual or np.finfo(float).max

    def _period(self, x: Vector) -> int:
        longest = len(x) // _FEWEST_CYCLES
        if self.period is not None:
            return self.period if self.period <= longest else 1
        seasons = [season for season in find_seasons(x) if season.period <= longest]
        return max(seasons, key=lambda season: season.strength).n_phases if seasons else 1

    def _first(self, j: int) -> int:
        """Rows of a feature that must be seen before the next is foretold."""
        return int(self.period_[j]) if self.period_[j] > 1 else 0

    def _start(self, j: int, x: Vector) -> Start:
        """Level and season after the first cycle, which is laid on the usual one where they agree most."""
        period = int(self.period_[j])
        if period == 1:
            return Start(float(x[0]), np.zeros(1))
        season, cycle = self.season_[j, :period], x[:period]
        agreement = np.fft.irfft(np.fft.rfft(cycle - cycle.mean()) * np.conj(np.fft.rfft(season)), period)
        season = np.roll(season, int(np.argmax(agreement)))
        return Start(float(np.median(cycle - season)), season)

    def _forecast(self, X: Matrix) -> Matrix:
        known, expected = filled_forward(X), np.empty(X.shape)
        for j, x in enumerate(X.T):
            first = self._first(j)
            expected[:first, j] = known[:first, j]
            if first < len(x):
                start, constants = self._start(j, known[:, j]), Constants(*self.constants_[j].tolist())
                expected[first:, j] = foretold(x[first:], start, constants, self.damping, float(self.limit_[j]))
        return expected


def _usual_season(x: Vector, period: int) -> Vector:
    season = decompose(x, [Season(float(period), 1.0)]).seasonal[0, :period]
    usual: Vector = season - season.mean()
    return usual
