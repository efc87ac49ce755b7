"""The default for live series: how new a row is by all that came before it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, SequentialSeriesDetector, Vector
from amiss.core.params import Whole
from amiss.series.live_channel import LiveChannel
from amiss.series.live_channels import LiveChannels

__all__ = ["CausalEnsemble"]


class CausalEnsemble(SequentialSeriesDetector):
    """How new each row is by the rows before it alone, from the first row on; no parameter to set.

    One channel: the value, and its exponentially weighted means over 5 and 25 rows, each by its distance to the values
    held before, ranked among all such distances so far; the highest counts, as a logarithm. Several channels: what the
    principal components of windows leave unexplained, the mean of the last 50 rows, as a logarithm about what is usual;
    the components are learnt anew whenever there are a quarter more rows. What is missing is the last value there was.

    Finds what has not been there before. What is wrong for its hour alone it does not: that needs the hindsight, or the
    history, of `SeriesEnsemble`.

    One channel costs some 3 µs a row and 240 KB whatever the length. Several: O(n_features × window) numbers a row for
    the score, and for learning up to 20,000 rows and O(min(n_features × 10, 400)³) now and then.

    Parameters
    ----------
    random_state
        Seed of everything random, from 0.

    Attributes
    ----------
    one_channel_
        Whether it is one channel.
    voice_
        What has been learnt.
    last_
        Score of the last row.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series import CausalEnsemble
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> X[800] = 9
    >>> int(np.argmax(CausalEnsemble().fit_score(X)))
    800

    References
    ----------
    Laxhammar, R. and Falkman, G. (2014). Online learning and sequential anomaly detection in trajectories. IEEE TPAMI.
    Jackson, J. E. and Mudholkar, G. S. (1979). Control procedures for residuals associated with principal component
    analysis. Technometrics.
    """

    capabilities: ClassVar = Capabilities(ordered=True, causal=True, missing=True, reasons=True)
    finds: ClassVar = ("spike", "dip", "level_shift")
    domains: ClassVar = {"random_state": Whole(0)}

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def _begin(self, n_features: int) -> None:
        self.one_channel_ = n_features == 1
        kind = LiveChannel if self.one_channel_ else LiveChannels
        self.voice_: LiveChannel | LiveChannels = kind.begun(n_features, self.random_state)
        self.last_ = 0.0

    def _advance(self, X: Matrix, *, learning: bool) -> Vector:
        there = ~np.isnan(X).all(axis=1)
        scores = self.voice_.advance(X[there], learning=learning)
        if not there.all():
            # A row that did not come says nothing new.
            scores = np.append(self.last_, scores)[np.cumsum(there)]
        self.last_ = float(scores[-1]) if len(scores) else self.last_
        return scores

    def _settle(self) -> None:
        self.voice_.settle()

    def _copied(self) -> Self:
        other = copy.copy(self)
        other.voice_ = self.voice_.copy()
        return other

    def _contributions(self, X: Matrix) -> Matrix:
        return self.voice_.contributions(X, self._score(X))

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state = super().state()
        voice = state.pop("voice_")
        return state | {f"voice.{name}": value for name, value in voice.state().items()}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its parts do not fit together."""
        super().restore({name: value for name, value in state.items() if not name.startswith("voice.")})
        parts = {name.removeprefix("voice."): value for name, value in state.items() if name.startswith("voice.")}
        self.voice_ = (LiveChannel if self.one_channel_ else LiveChannels).restored(parts)
        return self
