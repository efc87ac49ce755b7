"""Distance to the one point that a network has learnt to bring usual rows to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.occlusion import occluded
from amiss.core.params import Optional, Whole
from amiss.deep._nets import Given, Weights, dense, fresh_dense
from amiss.deep._network import TRAINING
from amiss.deep._rows import RowNetwork, halves, sizes
from amiss.deep._training import trained

__all__ = ["DeepSVDD"]

_LAYERS = ("first", "second", "third")
_LEAK = 0.1
_OFF_ZERO = 0.1
"""Least size of a coordinate of the centre: at 0, weights of 0 would bring every row there."""
_DECAY = 1e-3
_FARTHEST = 1e6
_TINY = 1e-12


class DeepSVDD(RowNetwork):
    """How far a row ends from the one point that a network has learnt to bring usual rows to.

    Good where usual rows are alike in what can be said of them by a few numbers, and odd ones are not. What is usual
    in several separate ways is drawn to one point all the same. Columns count by what the network makes of them, so
    it may pass over a deviation in a single one.

    Its layers have no bias and do not saturate, and the point is fixed before training, at the mean of what the fresh
    network makes of the rows; otherwise it could bring all rows there, whatever they are. The paper begins with weights
    that were trained to restore the rows: on labelled tables that was worse, since such weights pass over all in which
    usual rows do not differ. Fitting costs O(n_steps × batch_size × n_features × n_hidden) time, some 1 ms a step;
    scoring O(n_rows × n_features × n_hidden); memory a few times the rows kept. The extra `deep` is needed to fit, not
    to score.

    Parameters
    ----------
    n_hidden
        Units of the first hidden layer, at least 1, the second has half, or as many as the code; None for twice the
        features, from 8 to 64.
    n_code
        Numbers that a row is brought to, at least 1; None for as many as there are features, from 8 to 32.
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
    net_ : dict of arrays
        Weights of the three layers.
    center_ : (n_code,)
        The point.
    still_ : (n_features,)
        Features that did not vary: nothing can be learnt of them, and the square of a change counts by itself.
    usual_
        Mean squared distance to it of the rows learnt; scores are in units of this.
    losses_ : (n_looks,)
        Mean squared distance of the rows held out at each look, the first before any step.

    Raises
    ------
    MissingExtraError
        torch is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.deep import DeepSVDD
    >>> DeepSVDD(n_code=4)
    DeepSVDD(n_code=4)

    References
    ----------
    Ruff, L. et al. (2018). Deep one-class classification. ICML.
    """

    capabilities: ClassVar = Capabilities(reasons=True)
    domains: ClassVar = {**TRAINING, "n_hidden": Optional(Whole(1)), "n_code": Optional(Whole(1))}

    def __init__(
        self,
        n_hidden: int | None = None,
        n_code: int | None = None,
        n_steps: int = 500,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        sample_size: int | None = 10_000,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_code = n_code
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.device = device
        self.random_state = random_state

    def _train(self, Z: Matrix, random: np.random.Generator) -> None:
        n_features = Z.shape[1]
        hidden, _ = sizes(n_features, self.n_hidden, None)
        code = self.n_code or min(max(n_features, 8), 32)
        start = _fresh(random, [n_features, hidden, max(hidden // 2, code), code])
        rows, held = halves(Z)
        center = brought(np, start, rows).mean(axis=0)
        self.center_ = np.where(np.abs(center) < _OFF_ZERO, np.where(center < 0, -_OFF_ZERO, _OFF_ZERO), center)
        done = trained(start, self._loss, rows, held, self._plan())
        self.net_, self.losses_ = done.weights, done.losses
        self.usual_ = max(float(self._distance(Z).mean()), _TINY)

    def _loss(self, xp: Any, net: Mapping[str, Any], Z: Any, draw: Any) -> Any:
        gap = brought(xp, net, Z) - Z.new_tensor(self.center_)
        return (gap * gap).sum(-1) + _DECAY * sum((weight * weight).sum() for weight in net.values())

    def _distance(self, Z: Matrix) -> Vector:
        squared: Vector = ((brought(np, self.net_, Z) - self.center_) ** 2).sum(axis=1)
        return squared

    def _score(self, X: Matrix) -> Vector:
        Z, changed = self._standard(X, _FARTHEST)
        score: Vector = self._distance(Z) / self.usual_ + (changed**2).sum(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        return occluded(self._score, X, self.location_)


def _fresh(random: np.random.Generator, widths: list[int]) -> Weights:
    made: Weights = {}
    for name, n_in, n_out in zip(_LAYERS, widths[:-1], widths[1:], strict=True):
        made |= fresh_dense(random, name, n_in, n_out, bias=False)
    return made


def brought(xp: Any, net: Given, Z: Any) -> Any:
    """Where the network brings rows: (n_rows, n_code)."""
    for name in _LAYERS[:-1]:
        Z = dense(xp, net, name, Z)
        Z = xp.maximum(Z, _LEAK * Z)
    return dense(xp, net, _LAYERS[-1], Z)
