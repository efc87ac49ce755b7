"""One decision tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.supervised._trees import VotingTrees

__all__ = ["DecisionTree"]


class DecisionTree(VotingTrees):
    """Questions to one feature after another, each of which parts the anomalies from the normal rows best.

    Good as a rule that can be read, and at any scale and with missing values; the first thing to try beside an
    ensemble. Rows that end in the same leaf score alike, so it ranks coarsely, and a little other data give another
    tree: forests and boosting are nearly always better. Kinds of anomaly that were not in the labels go wherever the
    questions happen to lead.

    Fitting costs O(n_features × n_rows × log n_rows) time, scoring O(n_rows × depth); memory some 40 bytes a node.

    Parameters
    ----------
    max_depth
        Questions on the longest way, at least 1; None for as many as it takes.
    min_samples_leaf
        Fewest learnt rows in a leaf, at least 1.
    smoothing
        Rows of each class added to every leaf, from 0: a leaf of few rows is less sure. 0 takes the shares as they are.
    class_weight
        "balanced" lets the rarer class weigh as much as the other in all, None lets each row weigh the same.
    random_state
        Seed, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    model_ : dict of arrays
        The nodes, as in `kernels/trees.py`.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import DecisionTree
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = X[:, 0] > 1.5
    >>> DecisionTree().fit(X, y).anomaly_score([[0, 0], [2, 0]]).round(1)
    array([-6.2,  6.2])

    References
    ----------
    Breiman, L. et al. (1984). Classification and regression trees. Wadsworth.
    Provost, F. and Domingos, P. (2003). Tree induction for probability-based ranking. Machine Learning.
    """

    capabilities: ClassVar = Capabilities(labels=True, missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "max_depth": Optional(Whole(1)),
        "min_samples_leaf": Whole(1),
        "smoothing": Between(0),
        "class_weight": Optional(OneOf(("balanced",))),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "min_samples_leaf": LogRange(1, 50), "max_depth": Choice((None, 4, 8, 16)),
        "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(
        self,
        max_depth: int | None = None,
        min_samples_leaf: int = 5,
        smoothing: float = 1.0,
        class_weight: str | None = "balanced",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.smoothing = smoothing
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _grown(self, X: npt.NDArray[np.float32], y: Kinds, weight: Vector | None) -> Sequence[Any]:
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(
            max_depth=self.max_depth, min_samples_leaf=self.min_samples_leaf, random_state=small_seed(self.random_state)
        )
        return [tree.fit(X, y, sample_weight=weight)]
