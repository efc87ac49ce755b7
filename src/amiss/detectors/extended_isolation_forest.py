"""Extended isolation forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.search_space import Choice, LogRange
from amiss.core.summary import Sample, Summary
from amiss.kernels import forest, oblique
from amiss.summaries.blame import beyond_reach, reach, share_out

__all__ = ["ExtendedIsolationForest"]

_REACH_ROWS = 5000


class ExtendedIsolationForest(MergeDetector[Summary]):
    """How few random slanted cuts set a row apart from the others.

    What `IsolationForest` does along the axes, this does across them: it sees rows in the corners between clusters,
    which cuts along the axes cannot tell from the clusters' own. Slower, and no better where columns go wrong one by
    one.

    Fitting costs O(n_estimators × max_samples × log max_samples), scoring O(n_rows × n_estimators × log max_samples ×
    extension_level) time; memory is that of the trees, 16 + 12 × (extension_level + 1) bytes a node.

    Parameters
    ----------
    n_estimators
        Number of trees, at least 1.
    extension_level
        Features of a cut, less one, from 0: with 0 the cuts run along the axes; a cut has no more than there are.
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
    feature_, weight_ : (n_estimators, n_nodes, n_cut)
        Features of the cut at each node, and their weights, in 1 / unit.
    threshold_, value_ : (n_estimators, n_nodes)
        Weighted sum asked for, and mean depth below each node.
    location_, reach_ : (n_features,)
        Medians, and the distance to them that nine values in ten keep within, in the feature's unit; reasons measure
        from there.
    normal_depth_
        Mean depth at which a row of the size drawn is isolated, for scaling.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import ExtendedIsolationForest
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> ExtendedIsolationForest().fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0.4, 0.7])

    References
    ----------
    Hariri, S., Carrasco Kind, M. and Brunner, R. J. (2021). Extended isolation forest. TKDE.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True, additive_target="log2")
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "extension_level": Whole(0),
        "max_samples": Whole(2),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "max_samples": LogRange(32, 4096), "extension_level": Choice((1, 2, 4)),
    }  # fmt: skip

    def __init__(
        self,
        n_estimators: int = 100,
        extension_level: int = 1,
        max_samples: int = 256,
        sample_size: int | None = 20_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.extension_level = extension_level
        self.max_samples = max_samples
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.kept
        size = min(self.max_samples, len(X))
        rows = sample.places(forest.draw(len(X), size, self.n_estimators, self.random_state))
        n_cut = min(self.extension_level + 1, X.shape[1])
        self._take(oblique.grow(X, rows, n_cut, forest.height_of(size), self.random_state))
        self.location_, self.reach_ = reach(sample.head(_REACH_ROWS))
        self.normal_depth_ = max(forest.mean_depth(size), 1.0)

    def _take(self, trees: oblique.ObliqueTrees) -> None:
        self._trees = trees
        self.feature_, self.weight_ = trees.feature, trees.weight
        self.threshold_, self.value_ = trees.threshold, trees.value

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its trees are no trees."""
        super().restore(state)
        self._take(oblique.ObliqueTrees(self.feature_, self.weight_, self.threshold_, self.value_))
        oblique.check(self._trees, self.n_features_in_)
        return self

    def _score(self, X: Matrix) -> Vector:
        return np.exp2(-oblique.score(X, self._trees, self.n_jobs) / self.normal_depth_)

    def _contributions(self, X: Matrix) -> Matrix:
        """What the path takes from a row's depth, shared by each feature's cuts and how far out its value lies."""
        path = oblique.contribute(X, self._trees, self.location_) / self.normal_depth_
        gains = np.sqrt(np.maximum(path, 0.0))
        return share_out(path.sum(axis=1), gains * beyond_reach(X, self.location_, self.reach_), gains)
