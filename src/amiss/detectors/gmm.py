"""Gaussian mixture."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.summaries.blame import quadratic_shares

__all__ = ["GMM"]

_MOST_COMPONENTS = 8
_ROWS_A_NUMBER = 10
"""Rows there should be for each number of a covariance matrix before it is learnt whole."""
_COVARIANCES = ("auto", "full", "diag")

_CAP = 3.0
_USUAL = 5.4
"""Squared deviation that one value in fifty of a cloud exceeds: what is less is no reason."""


class GMM(MergeDetector[Summary]):
    """How unlikely a row is to a mixture of Gaussian clouds: the negative logarithm of its density.

    Good where the data fall into a few elliptical clouds of different size, shape and weight: operating modes, kinds
    of device. The clouds are found by scikit-learn's expectation maximisation. A clump of like anomalies becomes a
    cloud of its own; clouds that hold few of the rows therefore do not count.

    Fitting costs O(n_kept × n_features² × n_components) time a step, for each number of components tried; scoring
    O(n_rows × n_features² × n_components), without the squares where the covariances are diagonal.

    Parameters
    ----------
    n_components
        Number of clouds, at least 1; None takes, of 1 to 8, the number that the Bayesian information criterion
        prefers. Fewer where fewer different rows were learnt.
    covariance
        "full" for clouds that lie askew, "diag" for clouds along the axes; "auto" is full where there are at least 10
        rows for each number of a covariance matrix.
    floor
        Added to each cloud's variance along each feature, as a share of the feature's variance over all rows, over 0.
    least_share
        Share of the rows that a cloud must hold to count, in [0, 1]; the heaviest always counts. Lower it where
        normal rows fall into many clouds.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.

    Attributes
    ----------
    weights_ : (n_components,)
        Share of the rows in each cloud that counts; they sum to 1.
    means_ : (n_components, n_features)
        Their centres, in the feature's unit.
    whitening_ : (n_components, n_features, n_features) or (n_components, n_features)
        Upper triangular roots of their inverse covariances (diagonals where these are diagonal), in 1 / unit.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import GMM
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> X[:400] = [20, 0] + 0.1 * X[:400]
    >>> detector = GMM().fit(X)
    >>> len(detector.weights_)
    2
    >>> detector.anomaly_score([[0, 0], [20, 0], [20, 2]]).round(1)
    array([  2.7,   0.7, 104.5])

    References
    ----------
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm.
    Journal of the Royal Statistical Society B.
    Schwarz, G. (1978). Estimating the dimension of a model. Annals of Statistics.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        "n_components": Optional(Whole(1)),
        "covariance": OneOf(_COVARIANCES),
        "floor": Between(0, open_low=True),
        "least_share": Between(0, 1),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"n_components": LogRange(1, 32), "floor": LogRange(0.001, 0.1)}

    def __init__(
        self,
        n_components: int | None = None,
        covariance: str = "auto",
        floor: float = 0.01,
        least_share: float = 0.1,
        sample_size: int | None = 5000,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.floor = floor
        self.least_share = least_share
        self.sample_size = sample_size
        self.random_state = random_state

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        mean = X.mean(axis=0)
        scale = np.maximum(X.std(axis=0), np.maximum(1e-9 * np.abs(mean), 1e-12))
        Z = (X - mean) / scale
        mixture = self._mixture(Z)
        counts = mixture.weights_ >= min(self.least_share, mixture.weights_.max())
        self.weights_ = mixture.weights_[counts] / mixture.weights_[counts].sum()
        self.means_ = mean + mixture.means_[counts] * scale
        # Roots in the features' units: columns of a matrix whiten, so its rows belong to the features.
        root = np.asarray(mixture.precisions_cholesky_[counts])
        self.whitening_ = root / (scale[:, None] if root.ndim == 3 else scale)

    def _mixture(self, Z: Matrix) -> Any:
        """The mixture of the number of components asked for, or of the best number."""
        most = len(np.unique(Z, axis=0))
        if self.n_components is not None:
            return self._fitted(Z, min(self.n_components, most))
        best, lowest = None, np.inf
        for n_components in range(1, min(_MOST_COMPONENTS, most) + 1):
            mixture = self._fitted(Z, n_components)
            criterion = mixture.bic(Z)
            if criterion < lowest:
                best, lowest = mixture, criterion
        return best

    def _fitted(self, Z: Matrix, n_components: int) -> Any:
        from sklearn import config_context
        from sklearn.mixture import GaussianMixture

        n, d = Z.shape
        whole = self.covariance == "full" or (
            self.covariance == "auto" and n >= _ROWS_A_NUMBER * n_components * d * (d + 1) / 2
        )
        mixture = GaussianMixture(
            n_components=n_components,
            covariance_type="full" if whole else "diag",
            reg_covar=self.floor,
            random_state=small_seed(self.random_state),
        )
        with warnings.catch_warnings(), config_context(array_api_dispatch=False):
            # A mixture that has not quite settled ranks as well, and rows that are all alike make fewer clusters.
            warnings.simplefilter("ignore")
            return mixture.fit(Z)

    def _score(self, X: Matrix) -> Vector:
        likelihood = self._log_likelihoods(X)
        highest = likelihood.max(axis=1)
        score: Vector = -(highest + np.log(np.exp(likelihood - highest[:, None]).sum(axis=1)))
        return score

    def _log_peaks(self) -> Vector:
        """Log of each cloud's weight times its density at the centre."""
        diagonal = self.whitening_ if self.whitening_.ndim == 2 else np.diagonal(self.whitening_, axis1=1, axis2=2)
        n_features = self.means_.shape[1]
        peaks: Vector = np.log(self.weights_) + np.log(diagonal).sum(axis=1) - 0.5 * n_features * np.log(2 * np.pi)
        return peaks

    def _whitened(self, X: Matrix, component: int) -> Matrix:
        gap, root = X - self.means_[component], self.whitening_[component]
        whitened: Matrix = gap * root if root.ndim == 1 else gap @ root
        return whitened

    def _log_likelihoods(self, X: Matrix) -> Matrix:
        peaks = self._log_peaks()
        squares = [(self._whitened(X, k) ** 2).sum(axis=1) for k in range(len(peaks))]
        return peaks - 0.5 * np.stack(squares, axis=1)

    def _belongs(self, X: Matrix) -> Matrix:
        """How much each row belongs to each cloud, no value counting for more than three deviations.

        By the density alone, one value far out would choose the cloud that the row is compared with.
        """
        likelihood = np.empty((len(X), len(self.means_)))
        for k, (root, mean) in enumerate(zip(self.whitening_, self.means_, strict=True)):
            spread = 1 / root if root.ndim == 1 else np.sqrt((np.linalg.inv(root) ** 2).sum(axis=0))
            square = np.minimum(np.abs(X - mean) / spread, _CAP) ** 2
            likelihood[:, k] = np.log(self.weights_[k]) - np.log(spread).sum() - 0.5 * square.sum(axis=1)
        belongs = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        whole: Matrix = belongs / belongs.sum(axis=1, keepdims=True)
        return whole

    def _contributions(self, X: Matrix) -> Matrix:
        """Share of each feature in the distances to the clouds a row may belong to, times what its density lacks."""
        belongs = self._belongs(X)
        share = np.zeros_like(X)
        for k in range(len(self.means_)):
            root = self.whitening_[k]
            precision = np.diag(root**2) if root.ndim == 1 else root @ root.T
            share += belongs[:, k, None] * quadratic_shares(X - self.means_[k], precision, _USUAL)
        # The density lacks what all clouds would give if each were centred at the row.
        peaks = self._log_peaks()
        most = peaks.max() + np.log(np.exp(peaks - peaks.max()).sum())
        shared: Matrix = share * (self._score(X) + most)[:, None]
        return shared
