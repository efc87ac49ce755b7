"""The default for series: windows far from all others, in one channel or in many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from amiss.core.detector import Capabilities, Matrix, SeriesDetector, Vector
from amiss.core.params import Flag, Whole
from amiss.series.many_channels import ManyChannels
from amiss.series.one_channel import OneChannel

__all__ = ["SeriesEnsemble"]


class SeriesEnsemble(SeriesDetector):
    """How far the course of a series is from all that it usually does; no parameter to set.

    One channel: windows of three lengths, each by its distance to the windows most like it elsewhere in the series, and
    levels seldom held; the loudest of them counts. Several channels: how mean, spread and slope of windows, the step
    from row to row, and the rows themselves stand to what was learnt, by neighbours and by covariance; the mean of
    their logarithms counts, or the step alone where chance makes its peak more seldom. In both the score is smoothed
    over as many rows as the series needs to settle, so that a row counts for the stretch that it stands in.

    Learning and scoring cost O(n_rows × n_kept × window) time with 3,000 windows kept; memory 8 bytes a value, and
    some 50 MB.

    Parameters
    ----------
    causal
        Windows end with their row and smoothing looks back: what a live stream would get.
    random_state
        Seed of everything random, from 0.

    Attributes
    ----------
    one_channel_
        Whether one channel was learnt.
    voice_
        What has been learnt.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import SeriesEnsemble
    >>> t = np.arange(3000)
    >>> X = (np.sin(t / 10) + 0.1 * np.random.default_rng(0).normal(size=3000))[:, None]
    >>> X[2000:2060] *= 0.3
    >>> 1950 < int(np.argmax(SeriesEnsemble().fit(X).anomaly_score(X))) < 2110
    True

    References
    ----------
    Paparrizos, J. et al. (2022). TSB-UAD: an end-to-end benchmark suite for univariate time-series anomaly detection.
    PVLDB.
    Liu, Q. and Paparrizos, J. (2024). The elephant in the room: towards a reliable time-series anomaly detection
    benchmark. NeurIPS.
    """

    capabilities: ClassVar = Capabilities(ordered=True, reasons=True)
    finds: ClassVar = ("collective", "level_shift", "variance_change", "stuck")
    domains: ClassVar = {"causal": Flag(), "random_state": Whole(0)}

    def __init__(self, causal: bool = False, random_state: int = 0) -> None:
        self.causal = causal
        self.random_state = random_state

    def _learn(self, X: Matrix) -> Vector:
        self.one_channel_ = X.shape[1] == 1
        kind = OneChannel if self.one_channel_ else ManyChannels
        self.voice_: OneChannel | ManyChannels
        self.voice_, scores = kind.learnt(X, causal=self.causal)
        return scores

    def _score(self, X: Matrix) -> Vector:
        return self.voice_.score(X, causal=self.causal)

    def _contributions(self, X: Matrix) -> Matrix:
        return self.contribute_scored(X, self._score(X))

    def contribute_scored(self, X: Matrix, scores: Vector) -> Matrix:
        """Contributions of rows whose scores are known: most of the cost is in these."""
        return self.voice_.contributions(X, scores)

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state = super().state()
        voice = state.pop("voice_")
        return state | {f"voice.{name}": value for name, value in voice.state().items()}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its parts do not fit together."""
        super().restore({name: value for name, value in state.items() if not name.startswith("voice.")})
        parts = {name.removeprefix("voice."): value for name, value in state.items() if name.startswith("voice.")}
        self.voice_ = (OneChannel if self.one_channel_ else ManyChannels).restored(parts)
        return self
