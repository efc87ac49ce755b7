"""Trees that learn from anomalies that are known and rows of which nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, Optional, Whole
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._trees import VotingTrees

__all__ = ["PositiveUnlabelled"]


class PositiveUnlabelled(VotingTrees):
    """Trees each of which tells the known anomalies from as many other rows, drawn at random; the mean counts.

    For labels that name some anomalies and no more: what is labelled 0 may be normal, or an anomaly that nobody has
    looked at. Where some labels are NaN, it is these rows that may be either, and those labelled 0 are normal: every
    tree is shown all of them, and they weigh as much as what is drawn. A tree that is shown few rows at a time is
    rarely shown a hidden anomaly as normal, and never two of them together with all their like. Works from five
    anomalies on; with many labels of both sorts take a forest.

    Fitting costs O(n_estimators × n_anomalies × log n_anomalies) time, whatever the number of the other rows; scoring
    O(n_rows × n_estimators × depth); memory some 40 bytes a node.

    Parameters
    ----------
    n_estimators
        Number of trees, at least 1.
    min_samples_leaf
        Fewest learnt rows in a leaf, at least 1.
    max_features
        Share of the features that each question chooses from, in (0, 1]; None for the root of their number.
    least_drawn
        Fewest rows of which nothing is known that each tree is shown, at least 1.
    smoothing
        Rows of each class added to every leaf, from 0: a leaf of few rows is less sure.
    random_state
        Seed, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    model_ : dict of arrays
        The nodes, as in `kernels/trees.py`.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import PositiveUnlabelled
    >>> X = np.random.default_rng(0).normal(size=(2000, 2))
    >>> odd = X[:, 0] > 2
    >>> known = odd & (np.arange(2000) % 3 == 0)
    >>> scores = PositiveUnlabelled().fit(X, known).anomaly_score([[0, 0], [3, 0]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Elkan, C. and Noto, K. (2008). Learning classifiers from only positive and unlabeled data. KDD.
    Mordelet, F. and Vert, J.-P. (2014). A bagging SVM to learn from positive and unlabeled examples. Pattern
    Recognition Letters.
    """

    capabilities: ClassVar = Capabilities(labels=True, unlabelled=True, missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "min_samples_leaf": Whole(1),
        "max_features": Optional(Between(0, 1, open_low=True)),
        "least_drawn": Whole(1),
        "smoothing": Between(0),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"min_samples_leaf": LogRange(1, 10), "max_features": Choice((None, 0.1, 0.3, 0.6))}

    def __init__(
        self,
        n_estimators: int = 200,
        min_samples_leaf: int = 1,
        max_features: float | None = None,
        least_drawn: int = 50,
        smoothing: float = 0.5,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.least_drawn = least_drawn
        self.smoothing = smoothing
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _grown(self, X: npt.NDArray[np.float32], y: Kinds, weight: Vector | None) -> Sequence[Any]:
        from sklearn.tree import DecisionTreeClassifier

        random = np.random.default_rng(self.random_state)
        rarest, normal, other = (np.flatnonzero(of) for of in (y > 0, y == 0, y < 0))
        if not len(other):
            normal, other = other, normal
        n_drawn = min(max(len(rarest), self.least_drawn), len(other))
        weights = np.ones(len(rarest) + len(normal) + n_drawn)
        weights[len(rarest) : len(rarest) + len(normal)] = n_drawn / max(len(normal), 1)
        found = []
        for _ in range(self.n_estimators):
            # All classes are in each bag; what is drawn twice weighs twice.
            bag = np.concatenate([rarest, normal, random.choice(other, n_drawn)])
            tree = DecisionTreeClassifier(
                min_samples_leaf=self.min_samples_leaf,
                max_features="sqrt" if self.max_features is None else float(self.max_features),
                class_weight="balanced",
                random_state=int(random.integers(2**31)),
            )
            found.append(tree.fit(X[bag], np.maximum(y[bag], 0), sample_weight=weights))
        return found
