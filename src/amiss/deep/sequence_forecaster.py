"""Distance from the forecast of a recurrent or convolutional network by the rows before."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Matrix
from amiss.core.params import OneOf, Whole
from amiss.deep._nets import CELLS, Given, cell_outputs, fresh_cell, fresh_dense, linear
from amiss.deep._network import CLIP, Network
from amiss.deep._training import trained
from amiss.deep._windows import SEQUENCE_TRAINING, cut, held_apart, scale_of
from amiss.series.forecast import ForecastDetector, filled_forward

__all__ = ["SequenceForecaster"]

_USUAL_WINDOW = 32
_AT_ONCE = 2_000_000


class SequenceForecaster(Network, ForecastDetector):
    """How far a row is from what a network foretells of all channels by the rows before it.

    No score depends on later rows, so a live stream gets the same. Good where the next row follows from some tens
    before in a way that is not linear, or from what other channels did; where it is linear, `Autoregression` is as good
    and a thousand times cheaper. It is surprised at the first row of an anomaly, less by the rest. The first rows are
    foretold as if the series had stood at its first row before.

    Large misses weigh by their size alone, not by its square, so that anomalies in the history hardly bend the
    forecast; training ends when the windows held out, two stretches of the history, no longer gain. Fitting costs
    O(n_steps × batch_size × window × n_hidden²) time, some 5 to 10 ms a step, scoring O(n_rows × window × n_hidden²),
    some 50 µs a row; memory some 100 MB. The extra `deep` is needed to fit, not to score.

    Parameters
    ----------
    cell
        What reads: "lstm", "gru", or "tcn" for causal convolutions that look ever farther back.
    window
        Rows before that a forecast uses, at least 1; None for 32, or half of a shorter history.
    n_hidden
        Units of the network, at least 1.
    n_steps
        Most steps, at least 1.
    batch_size
        Windows of a step, at least 1.
    learning_rate
        Size of the first steps, above 0; it falls to 0 with the last.
    sample_size
        Windows learnt from, evenly spaced, at least 2; None for all.
    device
        "cpu", "cuda", or "auto" for CUDA where there is one; only training is done there.
    random_state
        Seed, from 0.
    n_jobs
        Threads of the training; −1 uses every processor.

    Attributes
    ----------
    window_
        Rows before that a forecast uses.
    location_, unit_ : (n_features,)
        Median and robust deviation of each channel, in its unit.
    net_ : dict of arrays
        Weights.
    scale_ : (n_features,)
        Usual miss of each channel, as a standard deviation.
    losses_ : (n_looks,)
        Loss of the windows held out at each look, the first before any step.

    Raises
    ------
    MissingExtraError
        torch is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.deep import SequenceForecaster
    >>> SequenceForecaster(cell="tcn")
    SequenceForecaster(cell='tcn')

    References
    ----------
    Malhotra, P. et al. (2015). Long short term memory networks for anomaly detection in time series. ESANN.
    Bai, S., Kolter, J. Z. and Koltun, V. (2018). An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling.
    """

    finds: ClassVar = ("spike", "dip")
    domains: ClassVar = {**SEQUENCE_TRAINING, "cell": OneOf(CELLS), "n_hidden": Whole(1)}

    def __init__(
        self,
        cell: str = "gru",
        window: int | None = None,
        n_hidden: int = 32,
        n_steps: int = 300,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        sample_size: int | None = 10_000,
        device: str = "auto",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.cell = cell
        self.window = window
        self.n_hidden = n_hidden
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _prepare(self, X: Matrix) -> None:
        self.window_ = max(min(self.window or _USUAL_WINDOW, len(X) // 2), 1)
        self.location_, self.unit_ = scale_of(X)
        parts = cut(self._seen(X).astype(np.float32), self.window_ + 1)
        n_kept = len(parts) if self.sample_size is None else min(self.sample_size, len(parts))
        parts = parts[np.unique(np.linspace(0, len(parts) - 1, n_kept).round().astype(np.int64))]
        held = held_apart(len(parts))
        random = np.random.default_rng(self.random_state)
        start = fresh_cell(random, self.cell, "read", X.shape[1], self.n_hidden)
        start |= fresh_dense(random, "tell", self.n_hidden, X.shape[1])
        done = trained(start, self._loss, parts[~held], parts[held] if held.any() else parts, self._plan())
        self.net_, self.losses_ = done.weights, done.losses

    def _seen(self, X: Matrix) -> Matrix:
        with np.errstate(over="ignore"):
            seen: Matrix = np.clip((filled_forward(X) - self.location_) / self.unit_, -CLIP, CLIP)
        return seen

    def _loss(self, xp: Any, net: Given, parts: Any, draw: Any) -> Any:
        missed = told(xp, self.cell, net, parts[:, :-1]) - parts[:, 1:]
        return ((1.0 + missed * missed) ** 0.5 - 1.0).mean((1, 2))

    def _forecast(self, X: Matrix) -> Matrix:
        Z = self._seen(X)
        long = np.vstack([np.repeat(Z[:1], self.window_, axis=0), Z])
        parts, size = cut(long, self.window_), max(1, _AT_ONCE // (self.window_ * self.n_hidden))
        said = [self._last(parts[start : start + size]) for start in range(0, len(X), size)]
        with np.errstate(over="ignore"):
            forecast: Matrix = self.location_ + self.unit_ * np.concatenate(said)[: len(X)]
        return forecast

    def _last(self, parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        outputs = cell_outputs(np, self.cell, self.net_, "read", parts)[:, -1]
        last: npt.NDArray[Any] = linear(self.net_, "tell", outputs)
        return last


def told(xp: Any, cell: str, net: Given, parts: Any) -> Any:
    """What is foretold at each step of the next one, from that step and those before: like `parts`."""
    return linear(net, "tell", cell_outputs(xp, cell, net, "read", parts))
