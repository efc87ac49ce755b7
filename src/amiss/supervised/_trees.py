"""What detectors made of trees share: shares of classes averaged, or margins added up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.classifier import Arrays, Classifier
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.kernels.trees import Nodes, contribute, totals

__all__ = ["Boosted", "BoostedTrees", "Forest", "VotingTrees", "single"]

_TINY_SHARE = 1e-10
"""Added to the shares of classes, so that none is impossible."""
_STILL = 1e-9
_LARGEST = float(np.finfo(np.float32).max)


def single(X: Matrix) -> npt.NDArray[np.float32]:
    """The values in single precision, in which scikit-learn's trees compare them."""
    return np.clip(X, -_LARGEST, _LARGEST).astype(np.float32)


class VotingTrees(Classifier):
    """Trees of scikit-learn, each of which gives a row the share of each class in a leaf; the mean counts.

    A subclass writes `_grown`.
    """

    n_jobs: int | None
    smoothing: float

    @abstractmethod
    def _grown(self, X: npt.NDArray[np.float32], y: Kinds, weight: Vector | None) -> Sequence[Any]:
        """scikit-learn's trees, fitted."""

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        trees = [found.tree_ for found in self._grown(single(X), y, weight)]
        return Nodes.joined([{**_parts(tree), "value": self._shares(tree)} for tree in trees]).arrays()

    def _shares(self, tree: Any) -> Matrix:
        """Share of each class at each node, smoothed; of two classes, that of the second."""
        share = tree.value[:, 0, :]
        rows = tree.weighted_n_node_samples[:, None]
        smooth: Matrix = (rows * share + self.smoothing) / (rows + share.shape[1] * self.smoothing)
        return smooth[:, 1:] if share.shape[1] == 2 else smooth

    def _opened(self, arrays: Arrays) -> Nodes:
        return Nodes.of(arrays, self.n_features_in_)

    def _logits(self, X: Matrix, model: Nodes) -> Matrix:
        share = totals(single(X).astype(np.float64), model, self.n_jobs) / len(model.root)
        return _logarithms(share)

    def _contributions(self, X: Matrix) -> Matrix:
        """What the cuts on the way of a row add to the share of anomalies, on the scale of the score."""
        model: Nodes = self._model
        rows = single(X).astype(np.float64)
        terms = contribute(rows, model) / len(model.root)
        first = model.value[model.root, 0].mean()
        change = totals(rows, model, self.n_jobs)[:, 0] / len(model.root) - first
        ends = _logarithms(np.append(first + change, first)[:, None])
        score = ends[:, 1] - ends[:, 0]
        moved = np.abs(change) > _STILL
        # Of a change too small to divide by, the slope of the score there.
        slope = np.full(len(X), 1 / (first + _TINY_SHARE) + 1 / (1 - first + _TINY_SHARE))
        slope[moved] = (score[:-1] - score[-1])[moved] / change[moved]
        scaled: Matrix = terms * slope[:, None]
        return scaled


class Forest(VotingTrees):
    """Many trees, each grown with chance; a subclass writes `_forest`, which names scikit-learn's class."""

    capabilities: ClassVar = Capabilities(labels=True, missing=True, reasons=True, additive=True)
    domains: ClassVar = {
        "n_estimators": Whole(1),
        "max_depth": Optional(Whole(1)),
        "min_samples_leaf": Whole(1),
        "max_features": Optional(Between(0, 1, open_low=True)),
        "smoothing": Between(0),
        "class_weight": Optional(OneOf(("balanced",))),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "min_samples_leaf": LogRange(1, 20), "max_features": Choice((None, 0.1, 0.3, 0.6)),
        "class_weight": Choice(("balanced", None)),
    }  # fmt: skip

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int | None = None,
        min_samples_leaf: int = 1,
        max_features: float | None = None,
        smoothing: float = 0.5,
        class_weight: str | None = "balanced",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.smoothing = smoothing
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    @abstractmethod
    def _forest(self) -> type[Any]: ...

    def _grown(self, X: npt.NDArray[np.float32], y: Kinds, weight: Vector | None) -> Sequence[Any]:
        forest = self._forest()(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            max_features="sqrt" if self.max_features is None else float(self.max_features),
            random_state=small_seed(self.random_state),
            n_jobs=self.n_jobs,
        )
        found: Sequence[Any] = forest.fit(X, y, sample_weight=weight).estimators_
        return found


@dataclass(frozen=True, slots=True)
class Boosted:
    """Trees whose values add up to margins, and the margins they begin with: (n_outputs,)."""

    nodes: Nodes
    baseline: Vector


class BoostedTrees(Classifier):
    """Trees whose values are added up to a margin for each class, or to one for two classes."""

    n_jobs: int | None

    def _opened(self, arrays: Arrays) -> Boosted:
        return Boosted(Nodes.of(arrays, self.n_features_in_), arrays["baseline"])

    def _logits(self, X: Matrix, model: Boosted) -> Matrix:
        margin = model.baseline + totals(X, model.nodes, self.n_jobs)
        return np.hstack([np.zeros((len(X), 1)), margin]) if margin.shape[1] == 1 else margin

    def _contributions(self, X: Matrix) -> Matrix:
        """What the cuts on the way of a row add to its margin, of which the score consists."""
        model: Boosted = self._model
        return contribute(X, model.nodes)


def _parts(tree: Any) -> dict[str, npt.NDArray[Any]]:
    child = np.stack([tree.children_left, tree.children_right], axis=1)
    return {
        "feature": tree.feature, "threshold": tree.threshold, "child": child, "missing_left": tree.missing_go_to_left
    }  # fmt: skip


def _logarithms(share: Matrix) -> Matrix:
    if share.shape[1] == 1:
        share = np.hstack([1.0 - share, share])
    return np.log(np.maximum(share, 0.0) + _TINY_SHARE)
