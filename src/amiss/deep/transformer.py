"""Error of a network that fills in stretches of a window by all the rest of it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.params import Whole
from amiss.deep._nets import Given, Weights, attention, fresh_attention, fresh_dense, linear
from amiss.deep._training import trained
from amiss.deep._windows import WindowNetwork

__all__ = ["Transformer"]

_BLOCKS = 2
_MASKS = 4
"""Stretches of a window that are hidden, one after another."""


class Transformer(WindowNetwork):
    """How badly a row is told by the rows around it, in the eyes of a network in which each step looks at all others.

    A quarter of a window is hidden, and filled in by the rest of it; each quarter in turn. So what is odd cannot be
    copied, as a plain autoencoder might. Good for shapes with a rhythm and for channels that belong together; needs a
    few thousand rows of history.

    Windows with the highest loss are left out of every step, so that anomalies in the history are not learnt, and
    training ends when the windows held out, two stretches of the history, no longer gain. Fitting costs O(n_steps ×
    batch_size × window × n_hidden × (n_hidden + window)) time, some 10 ms a step; scoring O(n_rows × n_hidden ×
    (n_hidden + window)), some 100 µs a row; memory some 100 MB. The extra `deep` is needed to fit, not to score.

    Parameters
    ----------
    window
        Rows in a window, at least 1; None for the lag at which the series is most like itself, from 8 to 64.
    n_hidden
        Half the numbers by which a step is known inside, at least 1.
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
    >>> from amiss.deep import Transformer
    >>> Transformer(window=32)
    Transformer(window=32)

    References
    ----------
    Vaswani, A. et al. (2017). Attention is all you need. NeurIPS.
    Zerveas, G. et al. (2021). A transformer-based framework for multivariate time series representation learning. KDD.
    """

    finds: ClassVar = ("collective", "level_shift")
    domains: ClassVar = {**WindowNetwork.domains, "n_hidden": Whole(1)}

    def __init__(
        self,
        window: int | None = None,
        n_hidden: int = 16,
        trim: float = 0.1,
        n_steps: int = 300,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        sample_size: int | None = 5_000,
        device: str = "auto",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.window = window
        self.n_hidden = n_hidden
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
        start = fresh(random, (self.window_, parts.shape[2]), 2 * self.n_hidden)
        masks = hidden_parts(self.window_)

        def draw(random: np.random.Generator, n: int) -> npt.NDArray[Any]:
            return masks[random.integers(len(masks), size=n)]

        done = trained(start, _loss, parts, held, self._plan(), draw)
        self.net_, self.losses_ = done.weights, done.losses

    def _restored(self, parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        whole = np.empty(parts.shape)
        for mask in hidden_parts(self.window_):
            said = filled(np, self.net_, parts, np.broadcast_to(mask, parts.shape[:2]))
            whole[:, mask > 0] = said[:, mask > 0]
        return whole


def fresh(random: np.random.Generator, shape: tuple[int, int], size: int) -> Weights:
    """Random weights of `filled`, for windows of a `shape`, (window, n_features)."""
    window, n_features = shape
    made = fresh_dense(random, "in", n_features, size) | fresh_dense(random, "out", size, n_features)
    made |= {"place": random.normal(0.0, 0.5, size=(window, size)), "hidden": random.normal(0.0, 0.5, size=size)}
    for k in range(_BLOCKS):
        made |= fresh_attention(random, f"block.{k}", size)
    return made


def hidden_parts(window: int) -> npt.NDArray[np.float64]:
    """1 where a step is hidden, in each of up to four ways that together hide every step once: (n_ways, window)."""
    n = min(_MASKS, window)
    way = np.arange(window) * n // window
    masks: npt.NDArray[np.float64] = (way == np.arange(n)[:, None]).astype(np.float64)
    return masks


def filled(xp: Any, net: Given, parts: Any, mask: Any) -> Any:
    """Windows as the network fills them in where `mask` is 1; elsewhere what it says means nothing."""
    hide = mask[..., None]
    x = linear(net, "in", parts) * (1.0 - hide) + net["hidden"] * hide + net["place"]
    for k in range(_BLOCKS):
        x = attention(xp, net, f"block.{k}", x)
    return linear(net, "out", x)


def _loss(xp: Any, net: Given, parts: Any, mask: Any) -> Any:
    missed = (filled(xp, net, parts, mask) - parts) ** 2
    return (missed.mean(-1) * mask).sum(-1) / mask.sum(-1)
