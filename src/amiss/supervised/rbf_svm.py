"""Support vector machine with a radial kernel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.classifier import Arrays, Classifier
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds, drawn
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._linear import beside_zero
from amiss.supervised._space import put, space_of

__all__ = ["RBFSVM"]

_EXACT_ROWS = 5000
_CELLS = 1 << 21


class RBFSVM(Classifier):
    """How much nearer a row is to learnt anomalies than to learnt normal rows, by a bell around each that counts.

    Good at smooth borders of any shape in a handful to some dozens of features that all matter. Useless features and
    words made numbers blur it, where trees do not mind. The score is a margin, 1 at the border of the anomalies and −1
    at that of the normal rows; far from all rows it falls back to that of no evidence.

    Up to 5,000 rows are solved exactly, in O(n_rows²) time or somewhat more; beyond, bells around `n_components` rows
    stand for all (Nyström), in O(n_kept × n_components²). Scoring costs O(n_rows × n_points × n_features).

    Parameters
    ----------
    penalty
        Weight of the margin's width beside the loss of all rows, above 0; more makes the border smoother.
    gamma
        Inverse square of the bells' width, above 0, in units of the deviations; None for one over the number of
        features.
    n_components
        Bells beyond 5,000 rows, at least 1.
    sample_size
        Rows kept to learn from, at least 2, rare classes whole as far as possible; None keeps all.
    class_weight
        "balanced" lets the rarer class weigh as much as the other in all, None lets each row weigh the same.
    random_state
        Seed, from 0.

    Attributes
    ----------
    model_ : dict of arrays
        `points`, (n_points, n_features), `coef`, (n_outputs, n_points), `intercept` and `gamma`; `space` says how
        features become comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import RBFSVM
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = np.abs(X).max(axis=1) > 2
    >>> scores = RBFSVM().fit(X, y).anomaly_score([[0, 0], [0, 3]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-vector networks. Machine Learning.
    Williams, C. and Seeger, M. (2001). Using the Nyström method to speed up kernel machines. NIPS.
    """

    capabilities: ClassVar = Capabilities(labels=True)
    domains: ClassVar = {
        "penalty": Between(0, open_low=True),
        "gamma": Optional(Between(0, open_low=True)),
        "n_components": Whole(1),
        "sample_size": Optional(Whole(2)),
        "class_weight": Optional(OneOf(("balanced",))),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {
        "penalty": LogRange(0.01, 100.0), "gamma": LogRange(0.001, 10.0), "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(
        self,
        penalty: float = 1.0,
        gamma: float | None = None,
        n_components: int = 300,
        sample_size: int | None = 20_000,
        class_weight: str | None = "balanced",
        random_state: int = 0,
    ) -> None:
        self.penalty = penalty
        self.gamma = gamma
        self.n_components = n_components
        self.sample_size = sample_size
        self.class_weight = class_weight
        self.random_state = random_state

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        rows = drawn(y, self.sample_size, self.random_state)
        X, y, weight = X[rows], y[rows], None if weight is None else weight[rows]
        space = space_of(X)
        gamma = 1.0 / X.shape[1] if self.gamma is None else float(self.gamma)
        solve = self._exactly if len(X) <= _EXACT_ROWS else self._by_nystroem
        points, coef, intercept = solve(put(X, space), y, n_classes, weight, gamma)
        return {**space, "points": points, "coef": coef, "intercept": intercept, "gamma": np.array(gamma)}

    def _exactly(
        self, Z: Matrix, y: Kinds, n_classes: int, weight: Vector | None, gamma: float
    ) -> tuple[Matrix, Matrix, Vector]:
        from sklearn.svm import SVC

        classes = [1] if n_classes == 2 else list(range(n_classes))
        coef, intercept = np.zeros((len(classes), len(Z))), np.zeros(len(classes))
        for line, label in enumerate(classes):
            machine = SVC(C=1.0 / self.penalty, gamma=gamma).fit(Z, y == label, sample_weight=weight)
            coef[line, machine.support_] = machine.dual_coef_[0]
            intercept[line] = machine.intercept_[0]
        used = coef.any(axis=0)
        return Z[used], np.ascontiguousarray(coef[:, used]), intercept

    def _by_nystroem(
        self, Z: Matrix, y: Kinds, n_classes: int, weight: Vector | None, gamma: float
    ) -> tuple[Matrix, Matrix, Vector]:
        from sklearn.kernel_approximation import Nystroem
        from sklearn.svm import LinearSVC

        seed = small_seed(self.random_state)
        bells = Nystroem(kernel="rbf", gamma=gamma, n_components=self.n_components, random_state=seed).fit(Z)
        machine = LinearSVC(C=1.0 / self.penalty, dual=False, random_state=seed)
        machine.fit(bells.transform(Z), y, sample_weight=weight)
        return bells.components_, machine.coef_ @ bells.normalization_, np.array(machine.intercept_, np.float64)

    def _logits(self, X: Matrix, model: Arrays) -> Matrix:
        points, coef = model["points"], model["coef"]
        margin = np.empty((len(X), len(coef)))
        size = np.einsum("ij,ij->i", points, points)
        block = max(1, _CELLS // max(1, len(points)))
        for start in range(0, len(X), block):
            Z = put(X[start : start + block], model)
            # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
            square = np.einsum("ij,ij->i", Z, Z)[:, None] + size - 2 * np.einsum("ij,kj->ik", Z, points)
            kernel = np.exp(-float(model["gamma"]) * np.maximum(square, 0.0))
            margin[start : start + block] = np.einsum("ik,lk->il", kernel, coef) + model["intercept"]
        return beside_zero(margin)
