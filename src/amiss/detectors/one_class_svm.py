"""One-class support vector machine with a Gaussian kernel."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary

__all__ = ["OneClassSVM"]

_EXACT_ROWS = 2000
"""Most rows for which the machine is solved exactly."""
_GAMMA_ROWS = 500
_CELLS = 1 << 20


class OneClassSVM(MergeDetector[Summary]):
    """How far a row is outside the smooth surface that encloses most rows.

    Good for a bounded region of any shape that the normal rows fill, and where the rows learnt are clean. Dirt moves
    the surface; very far rows all score alike, since the kernel is 0 for them. Features must be on comparable scales.

    Up to 2,000 rows are learnt from exactly, by scikit-learn's `OneClassSVM`: O(n_kept² × n_features) time at least.
    With more, the kernel is approximated by random Fourier features and the machine by a linear one
    (`SGDOneClassSVM`): O(n_kept × n_components × n_features) time. Scoring costs O(n_rows × n_features) times the
    number of support vectors or components.

    Parameters
    ----------
    nu
        Bound on the share of learnt rows outside the surface, in (0, 1): the smaller, the more the rows must be clean.
    gamma
        Width of the kernel exp(-gamma × distance²), above 0; None takes 1 / (2 × median squared distance between
        two rows).
    n_components
        Number of random features, at least 1; the error of the kernel falls with its root.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.

    Attributes
    ----------
    location_ : (n_features,)
        Median of each feature, in the feature's unit.
    gamma_
        The width in use.
    support_ : (n_support, n_features)
        Support vectors, less the location; none where random features are used.
    directions_, phases_ : (n_components, n_features), (n_components,)
        The random features cos(directions x + phases); none where the machine is exact.
    weights_ : (n_support,) or (n_components,)
        Weight of each; those of support vectors sum to 1.
    rho_
        Height of the surface: the score is `rho_` less the weighted sum.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import OneClassSVM
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> OneClassSVM().fit(X).anomaly_score([[0, 0], [3, 3]]).round(1)
    array([-0.1,  0.4])

    References
    ----------
    Schölkopf, B. et al. (2001). Estimating the support of a high-dimensional distribution. Neural Computation.
    Rahimi, A. and Recht, B. (2007). Random features for large-scale kernel machines. NeurIPS.
    """

    capabilities: ClassVar = Capabilities()
    domains: ClassVar = {
        "nu": Between(0, 1, open_low=True, open_high=True),
        "gamma": Optional(Between(0, open_low=True)),
        "n_components": Whole(1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"nu": LogRange(0.01, 0.7), "gamma": LogRange(0.001, 10.0)}

    def __init__(
        self,
        nu: float = 0.5,
        gamma: float | None = None,
        n_components: int = 256,
        sample_size: int | None = 10_000,
        random_state: int = 0,
    ) -> None:
        self.nu = nu
        self.gamma = gamma
        self.n_components = n_components
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self.location_ = np.median(sample.rows, axis=0)
        X = sample.rows - self.location_
        self.gamma_ = float(self.gamma) if self.gamma is not None else _median_gamma(X[:_GAMMA_ROWS])
        with warnings.catch_warnings():
            # A machine that stops before the last digit ranks as well.
            warnings.simplefilter("ignore")
            if len(X) <= _EXACT_ROWS:
                self._solve_exactly(X)
            else:
                self._solve_with_random_features(X)

    def _solve_exactly(self, X: Matrix) -> None:
        from sklearn.svm import OneClassSVM as Machine

        scale = np.sqrt(self.gamma_)
        found = Machine(kernel="rbf", gamma=1.0, nu=self.nu).fit(X * scale)
        total = float(found.dual_coef_.sum())
        self.support_ = X[found.support_]
        self.weights_ = found.dual_coef_[0] / total
        self.rho_ = -float(found.intercept_[0]) / total
        self.directions_, self.phases_ = np.empty((0, X.shape[1])), np.empty(0)

    def _solve_with_random_features(self, X: Matrix) -> None:
        from sklearn.linear_model import SGDOneClassSVM

        random = np.random.default_rng(self.random_state)
        self.directions_ = np.sqrt(2 * self.gamma_) * random.normal(size=(self.n_components, X.shape[1]))
        self.phases_ = random.uniform(0, 2 * np.pi, self.n_components)
        self.support_ = np.empty((0, X.shape[1]))
        machine = SGDOneClassSVM(nu=self.nu, average=True, max_iter=100, random_state=small_seed(self.random_state))
        found = machine.fit(self._features(X))
        self.weights_ = np.asarray(found.coef_, dtype=np.float64).ravel()
        self.rho_ = float(found.offset_[0])

    def _features(self, gap: Matrix) -> Matrix:
        """Kernel with each support vector, or the random features: (n_rows, n_weights)."""
        # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
        if not len(self.support_):
            angle = np.einsum("ij,kj->ik", gap, self.directions_) + self.phases_
            waves: Matrix = np.sqrt(2 / len(self.phases_)) * np.cos(angle)
            return waves
        square = np.einsum("ij,ij->i", gap, gap)[:, None] + np.einsum("ij,ij->i", self.support_, self.support_)
        square -= 2 * np.einsum("ij,kj->ik", gap, self.support_)
        kernel: Matrix = np.exp(-self.gamma_ * np.maximum(square, 0.0))
        return kernel

    def _score(self, X: Matrix) -> Vector:
        out = np.empty(len(X))
        block = max(1, _CELLS // len(self.weights_))
        for start in range(0, len(X), block):
            rows = slice(start, start + block)
            out[rows] = self.rho_ - np.einsum("ik,k->i", self._features(X[rows] - self.location_), self.weights_)
        return out


def _median_gamma(X: Matrix) -> float:
    """1 / (2 × median squared distance between two rows)."""
    first, second = np.triu_indices(len(X), 1)
    square = np.zeros(len(first))
    for j in range(X.shape[1]):
        square += (X[first, j] - X[second, j]) ** 2
    usual = float(np.median(square)) or float(square.mean())
    return 1 / (2 * usual) if usual > 0 else 1.0
