"""Isolation forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels import forest
from amiss.summaries.blame import beyond_reach, reach, share_out

__all__ = ["IsolationForest"]

_REACH_ROWS = 5000


class IsolationForest(MergeDetector[Summary]):
    """How few random cuts set a row apart from the others.

    Good at rows that are extreme in some columns, at any scale and with missing values; fast and robust to dirt in
    the data. Blind to rows that are odd only by the relation of many columns, and inside a hole between clusters.

    Fitting costs O(n_estimators × max_samples × log max_samples), scoring O(n_rows × n_estimators × log max_samples)
    time, independent of n_features; memory is that of the trees, 20 bytes a node, 4 × max_samples nodes at most.

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
    split_ : (n_estimators, n_nodes)
        Feature asked at each node, and where a missing value goes, as in `kernels/forest.h`.
    threshold_, value_ : (n_estimators, n_nodes)
        Value asked for, in the feature's unit, and mean depth below each node.
    location_, reach_ : (n_features,)
        Medians, and the distance to them that nine values in ten keep within, in the feature's unit; reasons measure
        from there.
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
    search_space: ClassVar = {"max_samples": LogRange(32, 4096)}

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
        n = len(sample.kept)
        size = min(self.max_samples, n)
        rows = sample.places(forest.draw(n, size, self.n_estimators, self.random_state))
        self._take(forest.grow(sample.kept, rows, forest.height_of(size), self.random_state))
        self.location_, self.reach_ = reach(sample.head(_REACH_ROWS))
        self.normal_depth_ = max(forest.mean_depth(size), 1.0)

    def _take(self, trees: forest.Trees) -> None:
        self._trees = trees
        self.split_, self.threshold_, self.value_ = trees.split, trees.threshold, trees.value

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its trees are no trees."""
        super().restore(state)
        self._take(forest.Trees(self.split_, self.threshold_, self.value_))
        forest.check(self._trees, self.n_features_in_)
        return self

    def _score(self, X: Matrix) -> Vector:
        depth = forest.score(X, self._trees, self.n_jobs)
        depth /= -self.normal_depth_
        return np.exp2(depth, out=depth)

    def _contributions(self, X: Matrix) -> Matrix:
        """What the path takes from a row's depth, shared by each feature's cuts and how far out its value lies.

        The cuts alone do not tell a value just outside the rows drawn for a tree from one far outside. Roots of what
        they gain, for it is by chance how often a feature is cut.
        """
        path = forest.contribute(X, self._trees) / self.normal_depth_
        gains = np.sqrt(np.maximum(path, 0.0))
        return share_out(path.sum(axis=1), gains * beyond_reach(X, self.location_, self.reach_), gains)
