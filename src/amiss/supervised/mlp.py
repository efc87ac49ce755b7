"""Neural network of a few fully connected layers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.classifier import Arrays, Classifier, enough_to_hold_out
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._linear import beside_zero
from amiss.supervised._space import put, space_of

__all__ = ["MLP"]


class MLP(Classifier):
    """A small neural network: layers of weighted sums, each cut off below zero.

    Good at smooth borders of any shape with many labelled rows, and it carries on in a straight line beyond them, so
    unseen kinds of anomaly are found more often than by trees. Needs more rows and more time than trees, another seed
    gives other scores, and there are no cheap reasons.

    Features are seen as robust deviations on a logarithmic scale. Fitting costs O(max_epochs × n_rows × n_weights)
    time, scoring O(n_rows × n_weights).

    Parameters
    ----------
    n_hidden
        Units of each hidden layer, at least 1.
    n_layers
        Hidden layers, at least 1.
    penalty
        Weight of the squared weights, from 0.
    learning_rate
        Size of the first steps, above 0.
    max_epochs
        Most passes over the rows, at least 1; fewer where a tenth of them, held out, gains no more (from 2000 on).
    random_state
        Seed, from 0.

    Attributes
    ----------
    model_ : dict of arrays
        `layer_0`, `layer_1` …, (n_out, n_in + 1), whose last column is added; `space` says how features become
        comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import MLP
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = np.abs(X).max(axis=1) > 2
    >>> scores = MLP().fit(X, y).anomaly_score([[0, 0], [0, 3]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Rumelhart, D., Hinton, G. and Williams, R. (1986). Learning representations by back-propagating errors. Nature.
    """

    capabilities: ClassVar = Capabilities(labels=True)
    domains: ClassVar = {
        "n_hidden": Whole(1),
        "n_layers": Whole(1),
        "penalty": Between(0),
        "learning_rate": Between(0, open_low=True),
        "max_epochs": Whole(1),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {
        "n_hidden": LogRange(16, 256), "n_layers": Choice((1, 2, 3)), "penalty": LogRange(1e-5, 0.1),
        "learning_rate": LogRange(3e-4, 0.03),
    }  # fmt: skip

    def __init__(
        self,
        n_hidden: int = 64,
        n_layers: int = 2,
        penalty: float = 1e-3,
        learning_rate: float = 3e-3,
        max_epochs: int = 60,
        random_state: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_layers = n_layers
        self.penalty = penalty
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        from sklearn.neural_network import MLPClassifier

        space = space_of(X)
        net = MLPClassifier(
            hidden_layer_sizes=(self.n_hidden,) * self.n_layers,
            alpha=self.penalty,
            learning_rate_init=self.learning_rate,
            max_iter=self.max_epochs,
            early_stopping=enough_to_hold_out(y),
            random_state=small_seed(self.random_state),
        ).fit(put(X, space), y)
        layers = zip(net.coefs_, net.intercepts_, strict=True)
        found = {f"layer_{k}": np.hstack([coef.T, bias[:, None]]) for k, (coef, bias) in enumerate(layers)}
        return {**space, **found}

    def _logits(self, X: Matrix, model: Arrays) -> Matrix:
        out = put(X, model)
        for k in range(self.n_layers + 1):
            layer = model[f"layer_{k}"]
            if k:
                np.maximum(out, 0.0, out=out)
            # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
            out = np.einsum("ij,kj->ik", out, layer[:, :-1]) + layer[:, -1]
        return beside_zero(out)
