"""Several channels: how windows, steps and rows stand to those learnt, by neighbours and by covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from amiss.core.summary import Matrix, Vector
from amiss.prepare.windows import spread
from amiss.series.bursts import peaks, reach
from amiss.series.channels import Mask, channel_scales, standardized
from amiss.series.shapes import NearWindows, Take
from amiss.series.smooth import moving_mean
from amiss.thresholds.peaks import peak_scale

__all__ = ["ManyChannels"]

# All numbers were chosen together on the development series, see benchmarks/accuracy/series.py.
_WINDOW = 80
"""Rows of the windows whose mean, spread and slope are looked at."""
_STEPS_A_WINDOW = 16
_SHORT = 10
"""Rows of the windows that are looked at value by value."""
_ORDER = 3
_N_NEIGHBORS, _KEPT, _DIRECTIONS = 5, 3000, 30
_COVARIANCE_ROWS, _DIRECTION_ROWS = 20_000, 8000
_RIDGE = 1e-3
_SHRINKAGE = 0.01
_WIDTHS = (1, 25)
"""Rows that each score is smoothed over before its logarithm is taken; the mean of these counts."""
_FLOOR = 0.1
_USUAL = (0.5, 0.95)
_LEAST_SCALE = 0.05
_STEP, _STEP_FLOOR = 2, 0.01
"""Which of the voices is that of single steps, heard by itself too; and its floor."""
_APART = 0.2
"""Of the history: windows of it are not compared with those so near, which would know an anomaly that lasts."""
_TINY = 1e-12
_HIGHEST = 300.0


@dataclass(frozen=True, slots=True)
class _Cloud:
    """Squared distance from a mean, in units of a covariance."""

    mean: Vector
    precision: Matrix

    @classmethod
    def of(cls, V: Matrix) -> _Cloud:
        V = V[:: max(1, len(V) // _COVARIANCE_ROWS)]
        mean = V.mean(axis=0)
        gap = V - mean
        covariance = gap.T @ gap / max(len(V) - 1, 1)
        d = len(covariance)
        covariance += (_SHRINKAGE * np.trace(covariance) / d + 1e-9) * np.eye(d)
        return cls(mean, np.linalg.inv(covariance))

    def terms(self, V: Matrix) -> Matrix:
        gap = V - self.mean
        pulled: Matrix = gap * (gap @ self.precision)
        return pulled


@dataclass(frozen=True, slots=True)
class ManyChannels:
    """What is usual in several channels.

    Attributes
    ----------
    location, scale : (n_channels,)
        Mean and deviation of each channel.
    used, still : (n_channels,)
        Which channels count: all but flags, where others are more. And which never moved.
    weights : (1 + 3 × n_used, n_used)
        Of the linear forecast by the three rows before.
    clouds
        Mean and precision of "window" features and of "step" misses.
    directions
        Mean and directions in which "window" and "row" windows are compared.
    near
        The windows compared with.
    usual : (n_voices, 3)
        Floor, middle and size of the logarithm of what each says of the rows learnt.
    heights : (2, 4)
        Of the mean of the voices, and of the steps alone: floor, location and scale of the logarithms of the peaks, and
        number of the peaks.
    """

    location: Vector
    scale: Vector
    used: Mask
    still: Mask
    weights: Matrix
    clouds: dict[str, _Cloud]
    directions: dict[str, tuple[Vector, Matrix]]
    near: dict[str, NearWindows]
    usual: Matrix
    heights: Matrix

    @classmethod
    def learnt(cls, X: Matrix, *, causal: bool) -> tuple[ManyChannels, Vector]:
        """From a series, (n_rows, n_channels); and the scores of its rows, (n_rows,)."""
        location, scale, used, still = channel_scales(X)
        Z = standardized(X, location, scale, still)[:, used]
        forecast = _forecast_weights(Z)
        features = _features(Z, causal=causal)
        unit = np.maximum(features.std(axis=0), 1e-6)
        clouds = {
            "window": _Cloud.of(features),
            "step": _Cloud.of(_misses(Z, forecast, causal=causal)),
        }
        directions = {
            "window": _directions(lambda at: (features / unit)[at], len(Z)),
            "row": _directions(_cube(Z, causal=False), max(len(Z) - _SHORT + 1, 1)),
        }
        directions["unit"] = (unit, np.empty((0, 0)))
        none = np.empty((0, 3))
        made = cls(location, scale, used, still, forecast, clouds, directions, {}, none, none)
        for name, (take, n_windows) in made._takers(Z, features, causal=False).items():
            made.near[name] = NearWindows.of(take, n_windows, _KEPT)
        said = made._said(Z, features, causal=causal)
        made = replace(made, usual=np.array([_usual(s, causal=causal) for s in said]))
        together = _height(made._together(said, causal=causal), 0.0)
        floor = _STEP_FLOOR * float(np.median(said[_STEP])) + _TINY
        made = replace(made, heights=np.array([together, _height(np.log(said[_STEP] + floor), floor)]))
        return made, made._score(said, causal=causal)

    def _takers(self, Z: Matrix, features: Matrix, *, causal: bool) -> dict[str, tuple[Take, int]]:
        """Windows as they are compared, and how many there are of each."""
        unit, _ = self.directions["unit"]
        short = _cube(Z, causal=causal)
        n_short = len(Z) if causal else max(len(Z) - _SHORT + 1, 1)
        return {
            "window": (lambda at: _seen_from(features[at] / unit, self.directions["window"]), len(Z)),
            "row": (lambda at: _seen_from(short(at), self.directions["row"]), n_short),
        }

    def _said(self, Z: Matrix, features: Matrix, *, causal: bool) -> list[Vector]:
        """How odd each row is: window features by covariance and by neighbours, steps, and windows of rows."""
        apart = 0 if causal else max(1, round(_APART * len(Z)))
        far = {}
        for name, (take, n) in self._takers(Z, features, causal=causal).items():
            # What is told of windows of many rows hardly changes from row to row; a stream has each row by itself.
            step = 1 if causal or name == "row" else _WINDOW // _STEPS_A_WINDOW
            at, distance = self.near[name].distances(take, n, step=step, n_neighbors=_N_NEIGHBORS, apart=apart)
            far[name] = distance if step == 1 else np.interp(np.arange(n), at, distance)
        return [
            self.clouds["window"].terms(features).sum(axis=1),
            far["window"],
            self.clouds["step"].terms(_misses(Z, self.weights, causal=causal)).sum(axis=1),
            spread(far["row"], len(Z), _SHORT, before=causal),
        ]

    def _together(self, said: list[Vector], *, causal: bool) -> Vector:
        """Mean of the logarithms of what the voices say, each in units of what is usual."""
        parts = [
            (_loud(s, floor, causal=causal) - middle) / size
            for s, (floor, middle, size) in zip(said, self.usual, strict=True)
        ]
        mean: Vector = np.mean(parts, axis=0)
        return mean

    def _loudness(self, which: int, said: Vector) -> Vector:
        """−log of how often chance makes as high a peak in a history: of all voices together, or of the steps alone."""
        floor, location, scale, n_peaks = self.heights[which]
        logs = np.log(np.maximum(said, 0.0) + floor) if which else said
        loud: Vector = (logs - location) / scale - np.log(max(n_peaks / 2, 1.0))
        # In bounds, so that there is a power of it, and without ties.
        return _HIGHEST * np.tanh(loud / _HIGHEST)

    def score(self, X: Matrix, *, causal: bool) -> Vector:
        """Score of each row, (n_rows,)."""
        Z = standardized(X, self.location, self.scale, self.still)[:, self.used]
        return self._score(self._said(Z, _features(Z, causal=causal), causal=causal), causal=causal)

    def _score(self, said: list[Vector], *, causal: bool) -> Vector:
        together = self._loudness(0, self._together(said, causal=causal))
        # Averaged, a step that is as odd as can be is drowned by windows that hardly notice it.
        loudest = np.maximum(together, self._loudness(1, said[_STEP]))
        # Positive, so that a logarithm of it is what it comes from.
        score: Vector = np.exp(loudest)
        return score

    def contributions(self, X: Matrix, scores: Vector) -> Matrix:
        """The score, shared by what each channel has to do with the windows and steps being odd."""
        used = self.used
        Z = standardized(X, self.location, self.scale, self.still)[:, used]
        d = Z.shape[1]
        by_window = (
            np.maximum(self.clouds["window"].terms(_features(Z, causal=False)), 0.0).reshape(-1, 3, d).sum(axis=1)
        )
        terms = self.clouds["step"].terms(_misses(Z, self.weights, causal=False))
        steps = np.maximum(terms, 0.0)
        loudest = np.exp(self._loudness(1, terms.sum(axis=1))) >= 0.999 * scores
        shares = np.where(
            loudest[:, None], _shares(steps), _shares(by_window) + _shares(moving_mean(steps, _WIDTHS[-1]))
        )
        total = np.zeros(X.shape)
        total[:, used] = _shares(shares) * scores[:, None]
        return total

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state: dict[str, Any] = {
            name: getattr(self, name) for name in ("location", "scale", "used", "still", "weights", "usual", "heights")
        }
        for name, cloud in self.clouds.items():
            state |= {f"mean.{name}": cloud.mean, f"precision.{name}": cloud.precision}
        for name, (middle, axes) in self.directions.items():
            state |= {f"middle.{name}": middle, f"axes.{name}": axes}
        for name, near in self.near.items():
            state |= {f"reference.{name}": near.reference, f"places.{name}": near.places}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> ManyChannels:
        """From a `state`; ValueError if its parts do not fit together."""
        clouds = {name: _Cloud(state[f"mean.{name}"], state[f"precision.{name}"]) for name in ("window", "step")}
        directions = {name: (state[f"middle.{name}"], state[f"axes.{name}"]) for name in ("window", "row", "unit")}
        near = {name: NearWindows(state[f"reference.{name}"], state[f"places.{name}"]) for name in ("window", "row")}
        if state["usual"].shape != (4, 3) or state["heights"].shape != (2, 4):
            raise ValueError("the parts of the channels do not fit together")
        return cls(
            state["location"], state["scale"], state["used"], state["still"], state["weights"], clouds, directions,
            near, state["usual"], state["heights"],
        )  # fmt: skip


def _features(Z: Matrix, *, causal: bool) -> Matrix:
    """Mean, spread and slope of the window at each row, (n_rows, 3 × n_channels)."""
    width = _WINDOW if causal else min(_WINDOW, max(len(Z), 1))
    mean = moving_mean(Z, width, before=causal)
    # About the mean of all, so that the difference of squares costs no digits.
    square = moving_mean(Z**2, width, before=causal) - mean**2
    deviation = np.sqrt(np.maximum(square, 0.0))
    half = max(width // 2, 1)
    halves = moving_mean(Z, half, before=causal)
    shift = half if causal else half // 2
    early = np.vstack([np.repeat(halves[:1], min(shift, len(Z)), axis=0), halves[: max(len(Z) - shift, 0)]])
    late = (
        halves
        if causal
        else np.vstack([halves[min(shift, len(Z)) :], np.repeat(halves[-1:], min(shift, len(Z)), axis=0)])
    )
    features: Matrix = np.hstack([mean, deviation, late - early])
    if not causal and len(Z) > 2 * half:
        # Rows nearer to an end have no window of their own: the outermost whole one speaks for them.
        features[:half], features[len(Z) - half :] = features[half], features[len(Z) - half - 1]
    return features


def _lagged(Z: Matrix) -> Matrix:
    """One, and the rows before each row.

    Before the first stand those after it, mirrored: copies of it would repeat its noise.
    """
    before_all = Z[_ORDER:0:-1] if len(Z) > _ORDER else np.repeat(Z[:1], _ORDER, axis=0)
    padded = np.vstack([before_all, Z])
    before = [padded[_ORDER - k : len(padded) - k] for k in range(1, _ORDER + 1)]
    return np.hstack([np.ones((len(Z), 1)), *before])


def _forecast_weights(Z: Matrix) -> Matrix:
    step = max(1, len(Z) // (5 * _COVARIANCE_ROWS))
    A, B = _lagged(Z)[::step], Z[::step]
    gram = A.T @ A + _RIDGE * len(A) * np.eye(A.shape[1])
    return np.asarray(np.linalg.solve(gram, A.T @ B), np.float64)


def _misses(Z: Matrix, weights: Matrix, *, causal: bool) -> Matrix:
    missed: Matrix = Z - _lagged(Z) @ weights
    if causal:
        # What stands before them comes after them: nothing is known of the first rows.
        missed[:_ORDER] = 0.0
    return missed


def _cube(Z: Matrix, *, causal: bool) -> Take:
    """Windows of single rows, made where they are asked for: with many channels all of them would fill the memory."""
    missing = _SHORT - 1 if causal else max(_SHORT - len(Z), 0)
    padded = np.vstack([np.repeat(Z[:1], missing, axis=0), Z]) if missing else Z
    view = np.lib.stride_tricks.sliding_window_view(padded, _SHORT, axis=0)
    return lambda at: view[at].reshape(len(at), -1)


def _directions(take: Take, n_windows: int) -> tuple[Vector, Matrix]:
    """Mean and main directions of windows: so many that distances hardly change."""
    V = take(np.arange(0, n_windows, max(1, n_windows // _DIRECTION_ROWS)))
    mean = V.mean(axis=0)
    if V.shape[1] <= _DIRECTIONS:
        return mean, np.eye(V.shape[1])
    if V.shape[1] > len(V):
        _, _, axes = np.linalg.svd(V - mean, full_matrices=False)
        return mean, np.ascontiguousarray(axes[:_DIRECTIONS].T)
    gap = V - mean
    _, axes = np.linalg.eigh(gap.T @ gap)
    return mean, np.ascontiguousarray(axes[:, ::-1][:, :_DIRECTIONS])


def _seen_from(V: Matrix, directions: tuple[Vector, Matrix]) -> Matrix:
    mean, axes = directions
    seen: Matrix = (V - mean) @ axes
    return seen


def _loud(said: Vector, floor: float, *, causal: bool) -> Vector:
    """Mean of the logarithms of what was said, smoothed over each width."""
    logs = [np.log(np.maximum(moving_mean(said, w, before=causal), 0.0) + floor) for w in _WIDTHS]
    loud: Vector = np.mean(logs, axis=0)
    return loud


def _shares(terms: Matrix) -> Matrix:
    """Share of each channel in its row."""
    whole = terms.sum(axis=1, keepdims=True)
    shares: Matrix = np.divide(terms, whole, out=np.full_like(terms, 1 / max(terms.shape[1], 1)), where=whole > 0)
    return shares


def _height(logs: Vector, floor: float) -> tuple[float, float, float, float]:
    top = logs[peaks(logs, reach(logs))]
    return floor, *peak_scale(top), float(len(top))


def _usual(said: Vector, *, causal: bool) -> tuple[float, float, float]:
    floor = _FLOOR * float(np.median(said)) + _TINY
    middle, high = np.quantile(_loud(said, floor, causal=causal), _USUAL)
    return floor, float(middle), max(float(high - middle), _LEAST_SCALE)
