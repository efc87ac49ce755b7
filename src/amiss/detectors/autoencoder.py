"""Error of a small neural network that has to squeeze a row through few numbers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary

__all__ = ["Autoencoder"]

Layers = list[Matrix]

_CLIP = 4.0
"""Deviations beyond which the network sees no difference: gross values neither pull it nor leak into other columns."""
_HELD_OUT = 0.1
_LOOK = 100
"""Steps between two looks at the rows held out, and how many of these may bring no gain."""
_PATIENCE = 10
_LEAST_SPREAD = 0.3
"""Least spread of a column's residuals, as a share of their root mean square."""
_TINY = 1e-6
_HUGE = 1e100
_BETAS = (0.9, 0.999)


class Autoencoder(MergeDetector[Summary]):
    """How badly a small neural network, which has learnt to restore usual rows from few numbers, restores a row.

    Good where columns hang together along curves, which `PCA` takes for straight lines. With few columns or few rows
    it has little to learn, and the simpler detectors are as good and much cheaper.

    The network is trained on rows in units of their own spread; the rows it restores worst are left out of every
    step, so that dirt is not learnt, and training ends when a held-out tenth of the rows no longer gains. Fitting
    costs O(n_steps × batch_size × n_features × n_hidden) time, scoring O(n_rows × n_features × n_hidden).

    Parameters
    ----------
    n_hidden
        Units of the two hidden layers, at least 1; None for twice the features, from 8 to 64.
    n_code
        Numbers that a row is squeezed through, at least 1; None for the root of the number of features.
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
    random_state
        Seed, from 0.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and spread (of the middle 90 %) of each feature, in the feature's unit.
    layer_1_, layer_2_, layer_3_, layer_4_ : (n_out, n_in + 1)
        Weights from the features to the hidden units, the code, the hidden units and back; the last column is added.
    residual_ : (n_features,)
        Usual size of what is missed in each feature, in units of `scale_`.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import Autoencoder
    >>> angle = np.random.default_rng(0).uniform(0, np.pi, 1000)
    >>> X = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> scores = Autoencoder(n_code=1).fit(X).anomaly_score([[0, 1], [0, 0.5]])
    >>> bool(scores[0] < 10 < scores[1])
    True

    References
    ----------
    Hawkins, S. et al. (2002). Outlier detection using replicator neural networks. DaWaK.
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_hidden": Optional(Whole(1)),
        "n_code": Optional(Whole(1)),
        "trim": Between(0, 1, open_high=True),
        "n_steps": Whole(1),
        "batch_size": Whole(1),
        "learning_rate": Between(0, open_low=True),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"n_code": LogRange(1, 16), "learning_rate": LogRange(1e-3, 0.02)}

    def __init__(
        self,
        n_hidden: int | None = None,
        n_code: int | None = None,
        trim: float = 0.1,
        n_steps: int = 4000,
        batch_size: int = 128,
        learning_rate: float = 5e-3,
        sample_size: int | None = 10_000,
        random_state: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_code = n_code
        self.trim = trim
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        self.location_ = np.median(X, axis=0)
        self.scale_ = _spread(X)
        Z = np.clip((X - self.location_) / self.scale_, -_CLIP, _CLIP)
        random = np.random.default_rng(self.random_state)
        self._keep(self._trained(Z, random))
        missed = np.abs(Z - self._restored(Z))
        usual = np.quantile(missed, 0.9, axis=0) / 1.645
        self.residual_ = np.maximum(np.maximum(usual, _LEAST_SPREAD * np.sqrt((missed**2).mean(axis=0))), _TINY)

    def _sizes(self, n_features: int) -> list[int]:
        hidden = self.n_hidden or min(max(2 * n_features, 8), 64)
        code = self.n_code or max(1, round(n_features**0.5))
        return [n_features, hidden, code, hidden, n_features]

    def _trained(self, Z: Matrix, random: np.random.Generator) -> Layers:
        layers = _fresh(self._sizes(Z.shape[1]), random)
        n_held = int(_HELD_OUT * len(Z))
        # The rows of a Sample stand in random order, so the first of them are a fair part.
        held, rows = (Z[:n_held], Z[n_held:]) if n_held >= 10 else (Z, Z)
        adam = _Adam(layers)
        best, least, waited = [layer.copy() for layer in layers], np.inf, 0
        for step in range(self.n_steps):
            batch = rows[random.integers(len(rows), size=self.batch_size)]
            adam.step(layers, _gradients(layers, batch, self.trim), self.learning_rate * (1 - step / self.n_steps))
            if (step + 1) % _LOOK and step + 1 < self.n_steps:
                continue
            error = _trimmed_error(layers, held, self.trim)
            if error < 0.999 * least:
                best, least, waited = [layer.copy() for layer in layers], error, 0
            else:
                waited += 1
                if waited == _PATIENCE:
                    break
        return best

    def _keep(self, layers: Layers) -> None:
        self.layer_1_, self.layer_2_, self.layer_3_, self.layer_4_ = layers

    def _restored(self, Z: Matrix) -> Matrix:
        # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
        out = Z
        for k, layer in enumerate((self.layer_1_, self.layer_2_, self.layer_3_, self.layer_4_)):
            out = np.einsum("ij,kj->ik", out, layer[:, :-1]) + layer[:, -1]
            if k in _CURVED:
                out = np.tanh(out)
        return out

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        Z = np.clip((X - self.location_) / self.scale_, -_HUGE, _HUGE)
        missed = Z - self._restored(np.clip(Z, -_CLIP, _CLIP))
        terms: Matrix = (missed / self.residual_) ** 2 / X.shape[1]
        return terms


_CURVED = (0, 2)
"""Layers whose outcome is bent by tanh; the code and the restored row are not."""


def _spread(X: Matrix) -> Vector:
    """Spread of the middle 90 % of each column, its standard deviation where that is 0, and never 0."""
    low, high = np.quantile(X, (0.05, 0.95), axis=0)
    middle = (high - low) / 3.29
    floor = np.maximum(1e-9 * np.abs(X).max(axis=0), 1e-12)
    spread: Vector = np.where(middle > floor, middle, np.maximum(X.std(axis=0), floor))
    return spread


def _fresh(sizes: list[int], random: np.random.Generator) -> Layers:
    """Random layers of the width that keeps the variance of what passes (Glorot and Bengio, 2010)."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        weights = random.normal(0.0, np.sqrt(2 / (n_in + n_out)), size=(n_out, n_in))
        layers.append(np.hstack([weights, np.zeros((n_out, 1))]))
    return layers


def _forward(layers: Layers, Z: Matrix) -> Layers:
    """The rows, and what each layer makes of them."""
    outs = [Z]
    for k, layer in enumerate(layers):
        out = outs[-1] @ layer[:, :-1].T + layer[:, -1]
        outs.append(np.tanh(out) if k in _CURVED else out)
    return outs


def _kept(missed: Matrix, trim: float) -> npt.NDArray[np.bool_]:
    """Which rows are restored well enough to learn from: all but the worst share `trim`."""
    error = (missed**2).sum(axis=1)
    kept: npt.NDArray[np.bool_] = error <= np.quantile(error, 1.0 - trim)
    return kept


def _trimmed_error(layers: Layers, Z: Matrix, trim: float) -> float:
    missed = _forward(layers, Z)[-1] - Z
    return float((missed[_kept(missed, trim)] ** 2).mean())


def _gradients(layers: Layers, Z: Matrix, trim: float) -> Layers:
    """Slope of half the mean squared error over the kept rows, layer by layer."""
    outs = _forward(layers, Z)
    missed = outs[-1] - Z
    kept = _kept(missed, trim)
    pull = np.where(kept[:, None], missed, 0.0) / kept.sum()
    slopes: Layers = []
    for k in range(len(layers) - 1, -1, -1):
        if k in _CURVED:
            pull = pull * (1.0 - outs[k + 1] ** 2)
        slopes.append(np.hstack([pull.T @ outs[k], pull.sum(axis=0)[:, None]]))
        pull = pull @ layers[k][:, :-1]
    return slopes[::-1]


class _Adam:
    """Steps that are scaled by the mean and the mean square of the slopes before."""

    def __init__(self, layers: Layers) -> None:
        self._n = 0
        self._mean = [np.zeros_like(layer) for layer in layers]
        self._square = [np.zeros_like(layer) for layer in layers]

    def step(self, layers: Layers, slopes: Layers, rate: float) -> None:
        """Move the layers."""
        self._n += 1
        slow, slower = _BETAS
        rate *= np.sqrt(1 - slower**self._n) / (1 - slow**self._n)
        for k, slope in enumerate(slopes):
            self._mean[k] += (1 - slow) * (slope - self._mean[k])
            self._square[k] += (1 - slower) * (slope**2 - self._square[k])
            layers[k] -= rate * self._mean[k] / (np.sqrt(self._square[k]) + 1e-8)
