"""Seasons of a series: which periods repeat in it, found without being told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector

__all__ = ["Positions", "Season", "autocorrelation", "find_seasons", "profile", "usual_window", "without_holes"]

Positions = npt.NDArray[np.int64]

_MOST = 3
_SHORTEST = 4
_FEWEST_CYCLES = 3
_LEAST_CORRELATION = 0.1
_CHANCE = 4.0
"""Standard errors that a correlation must have to be more than one of many by chance."""
_LEAST_STRENGTH, _LEAST_ON_CALENDAR = 0.15, 0.05
"""Where the period is an hour, a day or a week less is believed."""
_NEARLY, _NEARLY_ON_CALENDAR = 0.85, 0.6
"""Of the highest strength: a shorter period that has so much is the period itself, the other a multiple."""
_MULTIPLES = 10
_PER_SCALE = 4
"""Candidates by each of the slow changes taken out."""
_SMALLEST_SHARE = 0.02
_CLIP = 4.0
_WINDOW_ROWS = 50_000
_WINDOWS = (8, 300)
_NO_WINDOW = 100
_CALENDAR = (3600.0, 86_400.0, 604_800.0)
_SNAP = 0.02
_PLACES = 24
_CYCLES_WIDE = 9
"""Cycles around one that say what is usual for it: seasons change slowly."""


@dataclass(frozen=True, slots=True)
class Season:
    """A pattern that repeats.

    Attributes
    ----------
    period
        Its length in steps; not always whole.
    strength
        Share of what varies that other cycles foretell, in (0, 1].
    """

    period: float
    strength: float

    def phase(self, step: Vector) -> Positions:
        """Place in the cycle of each step, from 0 to `n_phases` − 1."""
        phase = np.floor(np.mod(step, self.period) * (self.n_phases / self.period))
        whole: Positions = np.minimum(phase, self.n_phases - 1).astype(np.int64)
        return whole

    @property
    def n_phases(self) -> int:
        """Number of places in a cycle."""
        return round(self.period)


def without_holes(x: Vector) -> Vector:
    """A series whose missing values lie on the straight lines between their neighbours; 0 where all are missing."""
    there = ~np.isnan(x)
    if there.all():
        return x
    if not there.any():
        return np.zeros(len(x))
    filled: Vector = np.interp(np.arange(len(x)), np.flatnonzero(there), x[there])
    return filled


def find_seasons(x: Vector, interval_seconds: float = 0.0) -> tuple[Season, ...]:
    """The seasons of a series, shortest first, at most three.

    The lag with the highest autocorrelation is a period, or a multiple of one; what it explains in cycles that it was
    not learnt from is its strength. It is then taken out, and the rest is searched again. Costs O(n × log n).

    Parameters
    ----------
    x : (n_rows,)
        Values at equal steps; NaN where missing.
    interval_seconds
        Time between two of them, where known: a period near an hour, a day or a week is taken to be that.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.seasons import find_seasons
    >>> t = np.arange(4000)
    >>> x = np.sin(t / 24 * 2 * np.pi) + (t % 168 > 120) + 0.2 * np.random.default_rng(0).normal(size=4000)
    >>> [season.period for season in find_seasons(x, 3600)]
    [24.0, 168.0]
    """
    if len(x) < 2 * _SHORTEST:
        return ()
    rest = _clipped(without_holes(x))
    found: list[Season] = []
    total = float(np.var(rest))
    for _ in range(_MOST):
        if not np.var(rest) > _SMALLEST_SHARE * total:
            break
        season = _strongest(rest, interval_seconds, found)
        if season is None:
            break
        season = _sharpened(rest, season, interval_seconds)
        rest = rest - profile(_without_trend(rest, season.period), season, wide=None)
        found.append(season)
    return tuple(sorted(found, key=lambda season: season.period))


def usual_window(X: Matrix) -> int:
    """Rows in which a series shows what it is like, from 8 to 300: the lag after which most features are most alike.

    That need not be a season: heartbeats repeat, though not on time. Without any such lag it is 100, or a tenth of a
    short series.
    """
    found = [lag for x in X[:_WINDOW_ROWS].T if (lag := _alike(without_holes(x))) is not None]
    usual = float(np.median(found)) if found else _NO_WINDOW
    return int(np.clip(round(usual), min(_WINDOWS[0], max(len(X) // 2, 1)), max(len(X) // 10, 1)))


def _alike(x: Vector) -> int | None:
    width = min(len(x) // _FEWEST_CYCLES, _WINDOWS[1])
    if width < _SHORTEST or np.ptp(x) == 0:
        return None
    r = autocorrelation(_without_trend(_clipped(x), 2 * width), width + 2)
    peaks = _hills(r, len(x))
    return int(peaks[np.argmax(r[peaks])]) if len(peaks) else None


def _hills(r: Vector, n: int) -> Positions:
    """Lags of peaks, each a hill of its own: between lag 0 and it the correlation has gone well below it."""
    inner = (r[1:-1] >= r[:-2]) & (r[1:-1] > r[2:])
    peaks = np.flatnonzero(inner) + 1
    height = r[peaks] - np.minimum.accumulate(r)[peaks]
    high = (height > _LEAST_CORRELATION) & (height > 2 * _CHANCE / np.sqrt(n))
    hills: Positions = peaks[(peaks >= _SHORTEST) & high]
    return hills


def _clipped(x: Vector) -> Vector:
    """Without spikes, which hide the seasons."""
    from scipy.ndimage import median_filter

    slow: Vector = median_filter(x, size=max(len(x) // _FEWEST_CYCLES, 3), mode="nearest")
    rest = x - slow
    spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest)))) or float(rest.std())
    clipped: Vector = slow + np.clip(rest, -_CLIP * spread, _CLIP * spread)
    return clipped


def _without_trend(x: Vector, period: float) -> Vector:
    """What is left of the mean over one period around each value."""
    from scipy.ndimage import uniform_filter1d

    slow: Vector = uniform_filter1d(x, size=max(round(period), 2), mode="nearest")
    return x - slow


def autocorrelation(x: Vector, n_lags: int) -> Vector:
    """Autocorrelation of a centred series at lags 0 … n_lags − 1, 0 where it does not vary; O(n × log n)."""
    from scipy.fft import irfft, next_fast_len, rfft

    n = len(x)
    size = next_fast_len(n + n_lags, real=True)
    power = np.abs(rfft(x, size)) ** 2
    correlation = irfft(power, size)[:n_lags]
    unbiased: Vector = correlation / np.arange(n, n - n_lags, -1) * n
    return unbiased / correlation[0] if correlation[0] > 0 else np.zeros(n_lags)


def _strongest(x: Vector, interval_seconds: float, known: list[Season]) -> Season | None:
    candidates = _candidates(x, interval_seconds)
    seasons = [season for period in candidates if (season := _believed(x, period, interval_seconds)) is not None]
    if seasons:
        # Cycles too short to be told by their own lag are told by a lag of many of them.
        longest = max(seasons, key=lambda season: season.strength).period
        parts = {
            longest / k for k in range(2, _MULTIPLES) for period in candidates if abs(period * k / longest - 1) < 0.02
        }
        seasons += [season for part in parts if (season := _believed(x, part, interval_seconds)) is not None]
    seasons = [s for s in seasons if all(abs(s.period - other.period) > 0.05 * other.period for other in known)]
    best = max((season.strength for season in seasons), default=0.0)

    def nearly(season: Season) -> bool:
        on_calendar = _on_calendar(season.period, interval_seconds)
        return season.strength >= best * (_NEARLY_ON_CALENDAR if on_calendar else _NEARLY)

    return min(filter(nearly, seasons), key=lambda season: season.period, default=None)


def _believed(x: Vector, period: float, interval_seconds: float) -> Season | None:
    """The season of a period, if it is strong enough to be none by chance."""
    strength = _strength(_without_trend(x, period), Season(period, 1.0))
    on_calendar = _on_calendar(period, interval_seconds)
    # Few cycles of anything slow are somewhat alike.
    least = _LEAST_ON_CALENDAR + period / len(x) if on_calendar else _LEAST_STRENGTH + 1.5 * period / len(x)
    return Season(period, strength) if strength > least else None


def _on_calendar(period: float, interval_seconds: float) -> bool:
    return interval_seconds > 0 and period * interval_seconds in _CALENDAR


def _sharpened(x: Vector, season: Season, interval_seconds: float) -> Season:
    """The season with the period nearby that explains most: a small error adds up over many cycles."""
    if _on_calendar(season.period, interval_seconds):
        return season
    rest = _without_trend(x, season.period)
    slip = season.period**2 / len(x)
    near = [Season(season.period + share * slip, 1.0) for share in np.arange(-1.0, 1.01, 0.25) if share]
    best = max(((_strength(rest, other), other.period) for other in near), default=(0.0, 0.0))
    return Season(float(best[1]), best[0]) if best[0] > season.strength + 0.01 else season


def _candidates(x: Vector, interval_seconds: float) -> list[float]:
    """Periods worth a look: peaks of the autocorrelation, slow changes of several widths taken out; the calendar's."""
    longest = len(x) // _FEWEST_CYCLES
    steps = [seconds / interval_seconds for seconds in _CALENDAR] if interval_seconds > 0 else []
    found = [period for period in steps if _SHORTEST <= period <= longest]
    width = float(longest)
    while width >= 4 * _SHORTEST:
        r = autocorrelation(_without_trend(x, width), int(width) + 2)
        peaks = _hills(r, len(x))
        highest = peaks[np.argsort(-r[peaks], kind="stable")[:_PER_SCALE]]
        first = peaks[:1]
        found += [_snapped(_refined(r, int(lag)), interval_seconds) for lag in {*highest.tolist(), *first.tolist()}]
        width /= 4
    return sorted(set(found))


def _refined(r: Vector, lag: int) -> float:
    """The period by its highest multiple: k cycles tell it k times as sharply."""
    period = float(lag)
    k = 2
    while round(k * period) + 1 < len(r) and k <= 64:
        at = round(k * period)
        reach = max(1, int(0.25 * period / k) if k > 2 else int(0.1 * period))
        window = r[max(at - reach, 0) : at + reach + 1]
        at = max(at - reach, 0) + int(np.argmax(window))
        if r[at] < 0.5 * r[lag]:
            break
        period = at / k
        k *= 2
    return period


def _snapped(period: float, interval_seconds: float) -> float:
    whole = round(period)
    if interval_seconds > 0:
        for seconds in _CALENDAR:
            steps = seconds / interval_seconds
            if abs(period - steps) <= max(_SNAP * steps, 1.0) and steps >= _SHORTEST:
                return steps
    # What one cycle in twenty cannot tell from a whole number of steps is one.
    return float(whole) if abs(period - whole) < 0.05 else period


def _cycles(x: Vector, season: Season) -> tuple[Matrix, Positions, Positions]:
    """Values by cycle and phase, (n_cycles, n_phases), NaN where there is none; and the place of each value."""
    step = np.arange(len(x), dtype=np.float64)
    cycle = np.floor(step / season.period).astype(np.int64)
    phase = season.phase(step)
    table = np.full((int(cycle[-1]) + 1, season.n_phases), np.nan)
    table[cycle, phase] = x
    return table, cycle, phase


def profile(x: Vector, season: Season, wide: int | None = _CYCLES_WIDE) -> Vector:
    """What a season lets expect at each step, (n_rows,): the median of the cycles around, or of all for None."""
    from scipy.ndimage import median_filter

    table, cycle, phase = _cycles(x, season)
    usual = np.nanmedian(np.where(np.isnan(table).all(axis=0), 0.0, table), axis=0)
    if wide is None or len(table) <= wide:
        whole: Vector = usual[phase]
        return whole
    filled = np.where(np.isnan(table), usual, table)
    around: Vector = median_filter(filled, size=(wide, 1), mode="nearest")[cycle, phase]
    return around


def _strength(x: Vector, season: Season) -> float:
    """Share of the variance that the odd cycles foretell in the even ones, and the other way round."""
    from scipy.ndimage import uniform_filter1d

    table, _, _ = _cycles(x, season)
    if len(table) < 2:
        return 0.0
    left = smooth = total = 0.0
    for first in (0, 1):
        known, other = table[first::2], table[1 - first :: 2]
        usual = np.nanmean(np.where(np.isnan(known).all(axis=0), 0.0, known), axis=0)
        # Few cycles foretell more if neighbouring places may speak for one another.
        broad = uniform_filter1d(usual, max(1, len(usual) // _PLACES), mode="wrap")
        there = ~np.isnan(other)
        left += float(((other - usual)[there] ** 2).sum())
        smooth += float(((other - broad)[there] ** 2).sum())
        total += float((other[there] ** 2).sum())
    return max(0.0, 1 - min(left, smooth) / total) if total > 0 else 0.0
