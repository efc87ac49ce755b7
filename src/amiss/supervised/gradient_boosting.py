"""Gradient boosting over histograms."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.classifier import Arrays, enough_to_hold_out
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.kernels.blocks import n_threads
from amiss.kernels.trees import Nodes, means_of_leaves
from amiss.supervised._trees import BoostedTrees

__all__ = ["GradientBoosting"]


_WORTH_THREADS = 2_000_000
"""Cells of a table from which on it is learnt from by several threads."""


class GradientBoosting(BoostedTrees):
    """Small trees one after another, each of which mends what those before it still get wrong.

    The best single learner on most tables where labels are many, at any scale and with missing values, and quick to
    score. With a few dozen anomalies it is no better than a forest, and it learns wrong labels too. Kinds of anomaly
    that were not in the labels are often missed: see `Hybrid`.

    Fitting costs O(n_estimators × n_features × n_rows) time, scoring O(n_rows × n_estimators × max_depth); memory that
    of the trees, some 40 bytes a node.

    Parameters
    ----------
    n_estimators
        Most trees, at least 1; fewer where a tenth of the rows, held out, gains no more (from 2000 rows on).
    learning_rate
        Share of each tree's correction that is taken, in (0, 1].
    max_leaf_nodes
        Most leaves of a tree, at least 2.
    max_depth
        Questions on the longest way, at least 1; None for as many as it takes.
    min_samples_leaf
        Fewest learnt rows in a leaf, at least 1; a tenth of the rarer class where that is fewer.
    l2
        Penalty on large values of the leaves, from 0.
    class_weight
        "balanced" lets the rarer class weigh as much as the other in all, None lets each row weigh the same.
    random_state
        Seed, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    model_ : dict of arrays
        The nodes, as in `kernels/trees.py`, and `baseline`, the margin that they start from.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import GradientBoosting
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = np.abs(X).max(axis=1) > 2
    >>> scores = GradientBoosting().fit(X, y).anomaly_score([[0, 0], [0, 3]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Annals of Statistics.
    Ke, G. et al. (2017). LightGBM: a highly efficient gradient boosting decision tree. NeurIPS.
    """

    capabilities: ClassVar = Capabilities(labels=True, missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "learning_rate": Between(0, 1, open_low=True),
        "max_leaf_nodes": Whole(2),
        "max_depth": Optional(Whole(1)),
        "min_samples_leaf": Whole(1),
        "l2": Between(0),
        "class_weight": Optional(OneOf(("balanced",))),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "learning_rate": LogRange(0.02, 0.3), "max_leaf_nodes": LogRange(7, 127), "max_depth": Choice((None, 4, 8)),
        "min_samples_leaf": LogRange(2, 50), "l2": LogRange(0.01, 10.0), "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(
        self,
        n_estimators: int = 200,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 31,
        max_depth: int | None = 8,
        min_samples_leaf: int = 5,
        l2: float = 1.0,
        class_weight: str | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2 = l2
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        rarest = int(np.bincount(y).min())
        booster = HistGradientBoostingClassifier(
            max_iter=self.n_estimators,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_samples_leaf=max(1, min(self.min_samples_leaf, rarest // 10)),
            l2_regularization=self.l2,
            early_stopping=enough_to_hold_out(y),
            random_state=small_seed(self.random_state),
        )
        # scikit-learn makes no histogram of a feature without values; of a constant one nothing is asked.
        X = np.where(np.isnan(X).all(axis=0), 0.0, X)
        # Threads that wait for one another in turns cost more than they bring where there is little to do.
        threads = n_threads(self.n_jobs) if X.size > _WORTH_THREADS else 1
        with threadpool_limits(threads, user_api="openmp"):
            booster.fit(X, y, sample_weight=weight)
        return _arrays(booster)


def _arrays(booster: Any) -> Arrays:
    """Nodes of the fitted trees, those of one class after another in each round, and the margins they start from."""
    n_outputs = len(booster._predictors[0])
    trees = [
        _parts(found.nodes, k, n_outputs) for one_round in booster._predictors for k, found in enumerate(one_round)
    ]
    baseline = np.asarray(booster._baseline_prediction, dtype=np.float64).ravel()
    return {**Nodes.joined(trees).arrays(), "baseline": baseline}


def _parts(nodes: npt.NDArray[Any], output: int, n_outputs: int) -> dict[str, npt.NDArray[Any]]:
    child = np.stack([nodes["left"], nodes["right"]], axis=1).astype(np.int64)
    child[nodes["is_leaf"] > 0] = -1
    value = np.zeros((len(nodes), n_outputs))
    value[:, output] = means_of_leaves(child, nodes["value"], nodes["count"])
    return {
        "feature": nodes["feature_idx"],
        "threshold": nodes["num_threshold"],
        "child": child,
        "missing_left": nodes["missing_go_to_left"],
        "value": value,
    }
