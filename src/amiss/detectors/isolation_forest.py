"""Isolation forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.kernels import forest

__all__ = ["IsolationForest"]


class IsolationForest(MergeDetector[Summary]):
    """How few random cuts set a row apart from the others.

    Good at rows that are extreme in some columns, at any scale and with missing values; fast and robust to dirt in
    the data. Blind to rows that are odd only by the relation of many columns, and inside a hole between clusters.

    Fitting costs O(n_estimators × max_samples × log max_samples), scoring O(n_rows × n_estimators × log max_samples)
    time; memory is that of the trees, 24 bytes a node.

    Parameters
    ----------
    n_estimators
        Number of trees, at least 1.
    max_samples
        Rows for each tree, at least 2.
    sample_size
        Rows kept to draw from, at least 2; None keeps all.
    random_state
        Seed, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    split_, left_ : (n_estimators, n_nodes)
        Feature asked and first child of each node, as in `kernels/forest.h`.
    threshold_, value_ : (n_estimators, n_nodes)
        Value asked for, in the feature's unit, and mean depth below each node.
    normal_depth_
        Mean depth at which a row of the size drawn is isolated, for scaling.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import IsolationForest
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> IsolationForest().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0.4, 0.7])

    References
    ----------
    Liu, F. T., Ting, K. M. and Zhou, Z.-H. (2008). Isolation forest. ICDM.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True, additive_target="log2")
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "max_samples": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(
        self,
        n_estimators: int = 100,
        max_samples: int = 256,
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        n = len(sample.rows)
        size = min(self.max_samples, n)
        random = np.random.default_rng(self.random_state)
        rows = np.array([random.permutation(n)[:size] for _ in range(self.n_estimators)], np.int32)
        height = max(1, int(np.ceil(np.log2(size))))
        trees = forest.grow(sample.rows, rows, height, self.random_state)
        self.split_, self.threshold_ = trees.split, trees.threshold
        self.left_, self.value_, self.height_ = trees.left, trees.value, height
        self.normal_depth_ = max(forest.mean_depth(size), 1.0)

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its trees are no trees."""
        super().restore(state)
        forest.check(self._trees(), self.n_features_in_)
        return self

    def _trees(self) -> forest.Trees:
        return forest.Trees(self.split_, self.threshold_, self.left_, self.value_, self.height_)

    def _score(self, X: Matrix) -> Vector:
        depth = forest.score(X, self._trees(), self.n_jobs)
        return np.exp2(-depth / self.normal_depth_)

    def _contributions(self, X: Matrix) -> Matrix:
        return forest.contribute(X, self._trees()) / self.normal_depth_
