"""What linear detectors share: a weighted sum of features."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from amiss.core.classifier import Arrays, Classifier
from amiss.core.detector import Matrix, Vector
from amiss.core.label_detector import Kinds
from amiss.supervised._space import put, space_of

__all__ = ["LinearClassifier", "beside_zero"]


class LinearClassifier(Classifier):
    """Weights of the features, one line for each class, or one line for two classes. A subclass writes `_machine`."""

    @abstractmethod
    def _machine(self) -> Any:
        """scikit-learn's estimator, not yet fitted."""

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        space = space_of(X)
        found = self._machine().fit(put(X, space), y, sample_weight=weight)
        return {**space, "coef": np.array(found.coef_, np.float64), "intercept": np.array(found.intercept_, np.float64)}

    def _logits(self, X: Matrix, model: Arrays) -> Matrix:
        # einsum, not matmul: a row's result must not depend on how many rows stand beside it.
        return beside_zero(np.einsum("ij,kj->ik", put(X, model), model["coef"]) + model["intercept"])

    def _contributions(self, X: Matrix) -> Matrix:
        """The terms of the sum; a feature at the mean of the learnt rows adds nothing."""
        terms: Matrix = put(X, self.model_) * self.model_["coef"][0]
        return terms


def beside_zero(margin: Matrix) -> Matrix:
    """Logits of two classes where there is one margin between them; several margins as they are."""
    return np.hstack([np.zeros_like(margin), margin]) if margin.shape[1] == 1 else margin
