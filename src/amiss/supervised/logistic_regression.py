"""Logistic regression."""

from __future__ import annotations

from typing import Any, ClassVar

from amiss.core.detector import Capabilities
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._linear import LinearClassifier

__all__ = ["LogisticRegression"]


class LogisticRegression(LinearClassifier):
    """A weighted sum of the features, which is the log-odds of an anomaly.

    Good where each feature speaks for itself, more of it meaning more or less danger; with few labels, with many
    features, and where reasons must be read off. Blind to what is odd on both sides of the usual, and to features that
    matter only together: there trees are far better.

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

    Attributes
    ----------
    model_ : dict of arrays
        `coef`, (n_outputs, n_features), and `intercept`; `space` says how features become comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import LogisticRegression
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> scores = LogisticRegression().fit(X, X[:, 0] > 1.5).anomaly_score([[0, 0], [3, 0]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Cox, D. R. (1958). The regression analysis of binary sequences. Journal of the Royal Statistical Society.
    """

    capabilities: ClassVar = Capabilities(labels=True, reasons=True, additive=True)
    domains: ClassVar = {
        "penalty": Between(0, open_low=True),
        "max_steps": Whole(1),
        "class_weight": Optional(OneOf(("balanced",))),
    }
    search_space: ClassVar = {
        "penalty": LogRange(0.001, 1000.0), "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(self, penalty: float = 1.0, max_steps: int = 200, class_weight: str | None = "balanced") -> None:
        self.penalty = penalty
        self.max_steps = max_steps
        self.class_weight = class_weight

    def _machine(self) -> Any:
        from sklearn.linear_model import LogisticRegression as Machine

        return Machine(C=1.0 / self.penalty, max_iter=self.max_steps)
