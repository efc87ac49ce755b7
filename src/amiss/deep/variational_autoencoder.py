"""How unlikely a row is to a network that has learnt to draw rows from a few random numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.deep._nets import Given, Weights, dense, fresh_dense
from amiss.deep._network import CLIP, TRAINING
from amiss.deep._rows import RowNetwork, halves, sizes
from amiss.deep._training import trained

__all__ = ["VariationalAutoencoder"]

_LEAST_NOISE = 0.05
"""Least deviation of a feature's noise, in deviations: what is told more exactly is taken to be told so well."""
_WIDEST = 8.0
"""Logarithms of variances of the code lie within this either way."""
_HUGE = 1e100


class VariationalAutoencoder(RowNetwork):
    """How unlikely a row is to a network that has learnt to draw rows from a few random numbers.

    The network tells of each row which random numbers may have made it, as a mean and a variance, and what row they
    make; the noise of each feature is learnt too. The score is the negative evidence lower bound but for a constant:
    what is missed of the row in units of that noise, and how unusual its numbers are. Good where columns hang together
    along curves, and where some columns are mere noise, which then weigh little. With few rows it has little to learn.

    The numbers are drawn once, when it is fitted, and serve all rows: scores are not random. Rows in units of their
    own spread are trained on, those least likely are left out of every step, and training ends when a held-out tenth no
    longer gains. Fitting costs O(n_steps × batch_size × n_features × n_hidden) time, some 1 ms a step, scoring
    O(n_rows × n_draws × n_features × n_hidden); memory a few times the rows kept. The extra `deep` is needed to fit,
    not to score.

    Parameters
    ----------
    n_hidden
        Units of the two hidden layers, at least 1; None for twice the features, from 8 to 64.
    n_code
        Random numbers that make a row, at least 1; None for the root of the number of features.
    n_draws
        Draws that a score is the mean of, at least 1.
    trim
        Share of the rows left out of every step, in [0, 1).
    n_steps
        Most steps, at least 1.
    batch_size
        Rows of a step, at least 1.
    learning_rate
        Size of the first steps, above 0; it falls to 0 with the last.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    device
        "cpu", "cuda", or "auto" for CUDA where there is one; only training is done there.
    random_state
        Seed, from 0.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature, in the feature's unit.
    middle_, spread_ : (n_features,)
        Mean and standard deviation of these deviations on a logarithmic scale either way of 0, where the network sees
        them.
    still_ : (n_features,)
        Features that did not vary: nothing can be learnt of them, and the square of a change counts by itself.
    net_ : dict of arrays
        Weights of the layers, and `noise`, from which the deviation of each feature's noise is made.
    draws_ : (n_draws, n_code)
        Standard normal numbers.
    losses_ : (n_looks,)
        Loss of the rows held out at each look, the first before any step.

    Raises
    ------
    MissingExtraError
        torch is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.deep import VariationalAutoencoder
    >>> VariationalAutoencoder(n_code=2)
    VariationalAutoencoder(n_code=2)

    References
    ----------
    Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    An, J. and Cho, S. (2015). Variational autoencoder based anomaly detection using reconstruction probability.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        **TRAINING,
        "n_hidden": Optional(Whole(1)),
        "n_code": Optional(Whole(1)),
        "n_draws": Whole(1),
        "trim": Between(0, 1, open_high=True),
    }

    def __init__(
        self,
        n_hidden: int | None = None,
        n_code: int | None = None,
        n_draws: int = 8,
        trim: float = 0.1,
        n_steps: int = 2000,
        batch_size: int = 128,
        learning_rate: float = 5e-3,
        sample_size: int | None = 10_000,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_code = n_code
        self.n_draws = n_draws
        self.trim = trim
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.device = device
        self.random_state = random_state

    def _train(self, Z: Matrix, random: np.random.Generator) -> None:
        n_features = Z.shape[1]
        hidden, code = sizes(n_features, self.n_hidden, self.n_code)
        start = _fresh(random, n_features, hidden, code)
        rows, held = halves(Z)
        done = trained(start, negative_bound, rows, held, self._plan(), lambda r, n: r.normal(size=(n, code)))
        self.net_, self.losses_ = done.weights, done.losses
        self.draws_ = random.normal(size=(self.n_draws, code))

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        """Each feature's part of what is missed; how unusual the code is is shared in proportion."""
        Z, changed = self._standard(X, _HUGE)
        mean, spread, unusual = encoded(np, self.net_, np.clip(Z, -CLIP, CLIP))
        noise = _noise(np, self.net_)
        each = np.zeros_like(Z)
        for draw in self.draws_:
            each += ((Z - decoded(np, self.net_, mean + spread * draw)) / noise) ** 2
        each /= 2 * len(self.draws_)
        whole = each.sum(axis=1, keepdims=True)
        shares = np.divide(each, whole, out=np.full_like(each, 1 / Z.shape[1]), where=whole > 0)
        told: Matrix = each + unusual[:, None] * shares
        return np.where(self.still_, changed**2, told)


def _fresh(random: np.random.Generator, n_features: int, hidden: int, code: int) -> Weights:
    made = fresh_dense(random, "encode", n_features, hidden) | fresh_dense(random, "mean", hidden, code)
    made |= fresh_dense(random, "spread", hidden, code) | fresh_dense(random, "decode", code, hidden)
    return made | fresh_dense(random, "restore", hidden, n_features) | {"noise": np.zeros(n_features)}


def encoded(xp: Any, net: Given, Z: Any) -> tuple[Any, Any, Any]:
    """Mean and deviation of the code of each row, and its divergence from the standard normal, (n_rows,)."""
    hidden = xp.tanh(dense(xp, net, "encode", Z))
    mean = dense(xp, net, "mean", hidden)
    log_variance = _WIDEST * xp.tanh(dense(xp, net, "spread", hidden) / _WIDEST)
    unusual = 0.5 * (mean**2 + xp.exp(log_variance) - 1.0 - log_variance).sum(-1)
    return mean, xp.exp(0.5 * log_variance), unusual


def decoded(xp: Any, net: Given, code: Any) -> Any:
    """The row that each code makes."""
    return dense(xp, net, "restore", xp.tanh(dense(xp, net, "decode", code)))


def _noise(xp: Any, net: Given) -> Any:
    return (xp.exp(2.0 * net["noise"]) + _LEAST_NOISE**2) ** 0.5


def negative_bound(xp: Any, net: Given, Z: Any, draw: Any) -> Any:
    """Negative evidence lower bound of each row but for a constant, with one draw a row: (n_rows,)."""
    mean, spread, unusual = encoded(xp, net, Z)
    noise = _noise(xp, net)
    missed = (Z - decoded(xp, net, mean + spread * draw)) / noise
    return (0.5 * missed**2 + xp.log(noise)).sum(-1) + unusual
