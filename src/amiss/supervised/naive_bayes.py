"""Naive Bayes with a bell curve for each feature and class."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.classifier import Arrays, Classifier
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between
from amiss.core.search_space import LogRange
from amiss.supervised._space import put, space_of

__all__ = ["NaiveBayes"]


class NaiveBayes(Classifier):
    """How much better a row's values fit the anomalies' usual ones than the normal rows', feature by feature.

    Good with very few labels, with missing values, and as a baseline whose reasons are plain. It takes each feature for
    new evidence: where many say the same, it is far too sure, and what matters only together is lost on it.

    Features are seen as robust deviations on a logarithmic scale, so that a heavy tail is nearly a bell. Fitting and
    scoring cost O(n_rows × n_features) time.

    Parameters
    ----------
    smoothing
        Added to every variance, as a share of the feature's variance in all rows, above 0: a value that never changes
        in one class is then no proof.

    Attributes
    ----------
    model_ : dict of arrays
        `mean` and `variance`, (n_classes, n_features), and `prior`, (n_classes,), the shares of the classes; `space`
        says how features become comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import NaiveBayes
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> scores = NaiveBayes().fit(X, X[:, 0] > 1.5).anomaly_score([[0, 0], [3, 0]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Hand, D. J. and Yu, K. (2001). Idiot's Bayes: not so stupid after all? International Statistical Review.
    """

    capabilities: ClassVar = Capabilities(labels=True, missing=True, reasons=True, additive=True)
    domains: ClassVar = {"smoothing": Between(0, open_low=True)}
    search_space: ClassVar = {"smoothing": LogRange(0.001, 1.0)}

    def __init__(self, smoothing: float = 0.1) -> None:
        self.smoothing = smoothing

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        space = space_of(X)
        Z = put(X, space)
        mean, variance = np.empty((2, n_classes, X.shape[1]))
        for label in range(n_classes):
            rows = Z[y == label]
            known = (~np.isnan(rows)).sum(axis=0)
            mean[label] = np.nansum(rows, axis=0) / np.maximum(known, 1)
            variance[label] = np.nansum((rows - mean[label]) ** 2, axis=0) / np.maximum(known, 1)
            # A feature that this class never shows says nothing of it: as in all rows, whose mean is 0.
            variance[label, known == 0] = 1.0
        return {**space, "mean": mean, "variance": variance + self.smoothing, "prior": np.bincount(y) / len(y)}

    def _logits(self, X: Matrix, model: Arrays) -> Matrix:
        Z = put(X, model)
        fits = [_fit(Z, model, label).sum(axis=1) for label in range(len(model["prior"]))]
        return np.stack(fits, axis=1) + np.log(model["prior"])

    def _contributions(self, X: Matrix) -> Matrix:
        """The logarithm of how much better each value fits the anomalies than the normal rows."""
        Z = put(X, self.model_)
        return _fit(Z, self.model_, 1) - _fit(Z, self.model_, 0)


def _fit(Z: Matrix, model: Arrays, label: int) -> Matrix:
    """Logarithm of the density of each value in a class, but for a constant; 0 where the value is missing."""
    variance = model["variance"][label]
    density: Matrix = -0.5 * (np.log(variance) + (Z - model["mean"][label]) ** 2 / variance)
    density[np.isnan(density)] = 0.0
    return density
