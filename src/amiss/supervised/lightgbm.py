"""Gradient boosting by LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from amiss.core.classifier import Arrays
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.extras import require
from amiss.core.label_detector import Kinds
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.search_space import Choice, LogRange
from amiss.kernels.blocks import n_threads
from amiss.kernels.trees import Nodes, means_of_leaves
from amiss.supervised._trees import BoostedTrees

__all__ = ["LightGBM"]

Node = Mapping[str, Any]


class LightGBM(BoostedTrees):
    """Small trees one after another, each of which mends what those before it still get wrong; grown by LightGBM.

    As good as `GradientBoosting` or a little better, and quicker on large tables. Asks for the extra `boost`, to fit
    only: a fitted one scores without it. Kinds of anomaly that were not in the labels are often missed: see `Hybrid`.

    Fitting costs O(n_estimators × n_features × n_rows) time, scoring O(n_rows × n_estimators × depth); memory that of
    the trees, some 40 bytes a node.

    Parameters
    ----------
    n_estimators
        Number of trees, at least 1.
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
        The nodes, as in `kernels/trees.py`, and `baseline`, 0.

    Raises
    ------
    MissingExtraError
        LightGBM is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.supervised import LightGBM
    >>> LightGBM(n_estimators=50)
    LightGBM(n_estimators=50)

    References
    ----------
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
        library = require("lightgbm", extra="boost", what="LightGBM")
        settings = {
            "objective": "binary" if n_classes == 2 else "multiclass",
            "num_class": 1 if n_classes == 2 else n_classes,
            "learning_rate": self.learning_rate,
            "num_leaves": self.max_leaf_nodes,
            "max_depth": self.max_depth or -1,
            "min_data_in_leaf": max(1, min(self.min_samples_leaf, int(np.bincount(y).min()) // 10)),
            "lambda_l2": self.l2,
            "num_threads": n_threads(self.n_jobs),
            "seed": small_seed(self.random_state) & 0x7FFFFFFF,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        rows = library.Dataset(X, label=y, weight=weight, params=settings)
        booster = library.train(settings, rows, num_boost_round=self.n_estimators)
        return _arrays(booster.dump_model()["tree_info"], 1 if n_classes == 2 else n_classes)


def _arrays(trees: list[Node], n_outputs: int) -> Arrays:
    parts = [_parts(tree["tree_structure"], k % n_outputs, n_outputs) for k, tree in enumerate(trees)]
    # The margins that the trees start from are in the first of them.
    return {**Nodes.joined(parts).arrays(), "baseline": np.zeros(n_outputs)}


def _parts(root: Node, output: int, n_outputs: int) -> Arrays:
    nodes = _listed(root)
    place = {id(node): k for k, node in enumerate(nodes)}
    child = np.array([[place[id(node[side])] if side in node else -1 for side in _SIDES] for node in nodes])
    leaf = np.array([float(node.get("leaf_value", 0.0)) for node in nodes])
    count = np.array([int(node.get("leaf_count", node.get("internal_count", 0))) for node in nodes])
    value = np.zeros((len(nodes), n_outputs))
    value[:, output] = means_of_leaves(child, leaf, count)
    return {
        "feature": np.array([node.get("split_feature", -1) for node in nodes]),
        "threshold": np.array([float(node.get("threshold", 0.0)) for node in nodes]),
        "child": child,
        "missing_left": np.array([_missing_left(node) for node in nodes]),
        "value": value,
    }


_SIDES = ("left_child", "right_child")


def _listed(root: Node) -> list[Node]:
    """The nodes, each before those below it."""
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [node[side] for side in reversed(_SIDES) if side in node]
    return found


def _missing_left(node: Node) -> bool:
    """Where a missing value goes; one of a feature that had none is taken for 0."""
    if node.get("missing_type") == "NaN":
        return bool(node["default_left"])
    return float(node.get("threshold", 0.0)) >= 0.0
