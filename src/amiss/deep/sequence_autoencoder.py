"""Error of a recurrent or convolutional network that squeezes windows of a series through few numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.params import OneOf, Whole
from amiss.deep._nets import CELLS, Given, Weights, cell_outputs, fresh_cell, fresh_dense, linear
from amiss.deep._training import trained
from amiss.deep._windows import WindowNetwork

__all__ = ["SequenceAutoencoder"]


class SequenceAutoencoder(WindowNetwork):
    """How badly a network restores windows of a series that it reads step by step and keeps as few numbers.

    One network reads the window and says it in a few numbers; another writes it from these alone. Good for shapes and
    for channels that belong together, over tens of rows: a row counts for the
    stretch that it stands in. Needs a few
    thousand rows of history; on a short or noisy one `WindowedPCA` tells as much at a hundredth of the cost.

    Windows with the highest loss are left out of every step, so that anomalies in the history are not learnt, and
    training ends when the windows held out, two stretches of the history, no longer gain. Fitting costs O(n_steps ×
    batch_size × window × n_hidden²) time, some 10 ms a step; scoring O(n_rows × n_hidden²), some 15 µs a row; memory
    some 100 MB. The extra `deep` is needed to fit, not to score.

    Parameters
    ----------
    cell
        What reads and writes: "lstm", "gru", or "tcn" for causal convolutions that look ever farther back.
    window
        Rows in a window, at least 1; None for the lag at which the series is most like itself, from 8 to 64.
    n_hidden
        Units of each of the two networks, at least 1.
    n_code
        Numbers that a window is squeezed through, at least 1.
    trim
        Share of the windows left out of every step, in [0, 1).
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
        Rows in a window.
    location_, scale_ : (n_features,)
        Median and robust deviation of each channel, in its unit.
    net_ : dict of arrays
        Weights.
    still_ : (n_features,)
        Channels that did not vary: nothing can be learnt of them, and a change counts by itself.
    residual_ : (n_features,)
        Usual size of what is missed in each channel, in units of `scale_`.
    losses_ : (n_looks,)
        Loss of the windows held out at each look, the first before any step.

    Raises
    ------
    MissingExtraError
        torch is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.deep import SequenceAutoencoder
    >>> SequenceAutoencoder(cell="gru")
    SequenceAutoencoder(cell='gru')

    References
    ----------
    Malhotra, P. et al. (2016). LSTM-based encoder-decoder for multi-sensor anomaly detection. ICML workshop.
    Bai, S., Kolter, J. Z. and Koltun, V. (2018). An empirical evaluation of generic convolutional and recurrent
    networks for sequence modeling.
    """

    finds: ClassVar = ("collective", "level_shift")
    domains: ClassVar = {**WindowNetwork.domains, "cell": OneOf(CELLS), "n_hidden": Whole(1), "n_code": Whole(1)}

    def __init__(
        self,
        cell: str = "lstm",
        window: int | None = None,
        n_hidden: int = 32,
        n_code: int = 8,
        trim: float = 0.1,
        n_steps: int = 300,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        sample_size: int | None = 5_000,
        device: str = "auto",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.cell = cell
        self.window = window
        self.n_hidden = n_hidden
        self.n_code = n_code
        self.trim = trim
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, parts: npt.NDArray[Any], held: npt.NDArray[Any]) -> None:
        random = np.random.default_rng(self.random_state)
        start = fresh(random, self.cell, (self.window_, parts.shape[2]), self.n_hidden, self.n_code)
        done = trained(start, self._loss, parts, held, self._plan())
        self.net_, self.losses_ = done.weights, done.losses

    def _loss(self, xp: Any, net: Given, parts: Any, draw: Any) -> Any:
        missed = written(xp, self.cell, net, parts) - parts
        return (missed * missed).mean((1, 2))

    def _restored(self, parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        restored: npt.NDArray[Any] = written(np, self.cell, self.net_, parts)
        return restored


def fresh(random: np.random.Generator, cell: str, shape: tuple[int, int], n_hidden: int, n_code: int) -> Weights:
    """Random weights of `written`, for windows of a `shape`, (window, n_features)."""
    window, n_features = shape
    made = fresh_cell(random, cell, "read", n_features, n_hidden) | fresh_dense(random, "code", n_hidden, n_code)
    made |= {"place": random.normal(0.0, 1.0, size=(window, n_code))}
    made |= fresh_cell(random, cell, "write", 2 * n_code, n_hidden)
    return made | fresh_dense(random, "restore", n_hidden, n_features)


def written(xp: Any, cell: str, net: Given, parts: Any) -> Any:
    """Windows as the network writes them, each step from the code of the window and its place in it."""
    code = linear(net, "code", cell_outputs(xp, cell, net, "read", parts)[:, -1])
    steps = code[:, None, :] + 0.0 * net["place"]
    given = xp.concatenate([steps, net["place"] + 0.0 * steps], axis=-1)
    return linear(net, "restore", cell_outputs(xp, cell, net, "write", given))
