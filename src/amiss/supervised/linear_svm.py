"""Linear support vector machine."""

from __future__ import annotations

from typing import Any, ClassVar

from amiss.core.detector import Capabilities
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._linear import LinearClassifier

__all__ = ["LinearSVM"]


class LinearSVM(LinearClassifier):
    """A weighted sum of the features that keeps the two classes as far apart as it can.

    Good where `LogisticRegression` is, and a little sharper at the border, of which alone it speaks: rows far from it
    are ranked no better. The score is a margin, 1 at the border of the anomalies and −1 at that of the normal rows, and
    not a calibrated log-odds.

    Features are seen as robust deviations on a logarithmic scale. Fitting costs O(n_steps × n_rows × n_features) time,
    scoring O(n_rows × n_features).

    Parameters
    ----------
    penalty
        Weight of the squared coefficients beside the loss of all rows, above 0; more keeps them smaller.
    max_steps
        Most steps of the search, at least 1.
    class_weight
        "balanced" lets the rarer class weigh as much as the other in all, None lets each row weigh the same.
    random_state
        Seed, from 0.

    Attributes
    ----------
    model_ : dict of arrays
        `coef`, (n_outputs, n_features), and `intercept`; `space` says how features become comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import LinearSVM
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> scores = LinearSVM().fit(X, X[:, 0] > 1.5).anomaly_score([[0, 0], [3, 0]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-vector networks. Machine Learning.
    Fan, R.-E. et al. (2008). LIBLINEAR: a library for large linear classification. JMLR.
    """

    capabilities: ClassVar = Capabilities(labels=True, reasons=True, additive=True)
    domains: ClassVar = {
        "penalty": Between(0, open_low=True),
        "max_steps": Whole(1),
        "class_weight": Optional(OneOf(("balanced",))),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {
        "penalty": LogRange(0.001, 1000.0), "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(
        self,
        penalty: float = 1.0,
        max_steps: int = 200,
        class_weight: str | None = "balanced",
        random_state: int = 0,
    ) -> None:
        self.penalty = penalty
        self.max_steps = max_steps
        self.class_weight = class_weight
        self.random_state = random_state

    def _machine(self) -> Any:
        from sklearn.svm import LinearSVC

        seed = small_seed(self.random_state)
        return LinearSVC(C=1.0 / self.penalty, max_iter=self.max_steps, dual="auto", random_state=seed)
