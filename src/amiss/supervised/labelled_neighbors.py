"""Votes of the nearest labelled rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from amiss.core.classifier import Arrays, Classifier
from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds, drawn
from amiss.core.params import Between, OneOf, Optional, Whole
from amiss.core.search_space import Choice, LogRange
from amiss.kernels.neighbors import Neighbors
from amiss.supervised._space import put, space_of

__all__ = ["LabelledNeighbors"]


_PROBED = 1000
_NEAREST = 1e-3
"""Share of the usual distance below which rows are equal."""


@dataclass(frozen=True, slots=True)
class _Reference:
    arrays: Arrays
    neighbors: Neighbors


class LabelledNeighbors(Classifier):
    """What the labelled rows nearest to a row are.

    Good where like rows have like labels, in a handful to some dozens of features that all matter, and at new rows that
    resemble a single learnt anomaly. Useless features drown the near ones, and a row far from everything gets the label
    of whatever is least far: see `Hybrid`.

    Features are seen as robust deviations on a logarithmic scale. Fitting is storing; scoring costs
    O(n_rows × n_kept × n_features) time at most, and memory 8 bytes a kept value, three times that with a tree.

    Parameters
    ----------
    n_neighbors
        Neighbours that vote, at least 1; all where fewer were learnt.
    weights
        "distance" for votes that weigh as much as they are near, "uniform" for equal ones.
    prior
        Votes that stand beforehand, as a share of `n_neighbors` votes at a usual distance, above 0; the classes have
        them by their shares of the rows. Few, far or divided votes are less sure.
    sample_size
        Rows kept to compare with, at least 2, rare classes whole as far as possible; None keeps all.
    random_state
        Seed of what is kept, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    model_ : dict of arrays
        `reference`, (n_kept, n_features), `label`, (n_kept,), `share` of the classes, and `unit`, the usual distance;
        `space` says how features become comparable.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import LabelledNeighbors
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = np.abs(X).max(axis=1) > 2
    >>> scores = LabelledNeighbors().fit(X, y).anomaly_score([[0, 0], [0, 3]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Cover, T. and Hart, P. (1967). Nearest neighbor pattern classification. IEEE Transactions on Information Theory.
    """

    capabilities: ClassVar = Capabilities(labels=True)
    domains: ClassVar = {
        "n_neighbors": Whole(1),
        "weights": OneOf(("distance", "uniform")),
        "prior": Between(0, open_low=True),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "n_neighbors": LogRange(1, 100), "weights": Choice(("distance", "uniform")),
    }  # fmt: skip

    def __init__(
        self,
        n_neighbors: int = 20,
        weights: str = "distance",
        prior: float = 0.01,
        sample_size: int | None = 50_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.prior = prior
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        rows = drawn(y, self.sample_size, self.random_state)
        space = space_of(X[rows])
        reference = put(X[rows], space)
        return {
            **space,
            "reference": reference,
            "label": y[rows],
            "share": np.bincount(y) / len(y),
            "unit": np.array(_usual_distance(reference, self.n_neighbors, self.random_state)),
        }

    def _opened(self, arrays: Arrays) -> _Reference:
        if arrays["label"].shape != arrays["reference"].shape[:1]:
            raise ValueError("the arrays of the neighbours do not fit together")
        return _Reference(arrays, Neighbors(arrays["reference"]))

    def _logits(self, X: Matrix, model: _Reference) -> Matrix:
        label, share = model.arrays["label"], model.arrays["share"]
        k = min(self.n_neighbors, len(label))
        distance, index = model.neighbors.nearest(put(X, model.arrays), k, skip_self=False, n_jobs=self.n_jobs)
        vote = np.ones_like(distance)
        if self.weights == "distance":
            vote = 1.0 / np.maximum(distance / float(model.arrays["unit"]), _NEAREST)
        votes = np.stack([(vote * (label[index] == c)).sum(axis=1) for c in range(len(share))], axis=1)
        logits: Matrix = np.log(votes + self.prior * k * share)
        return logits


def _usual_distance(reference: Matrix, n_neighbors: int, seed: int) -> float:
    """Median distance of a row to its neighbour `n_neighbors`; to all that differ from it where that is 0."""
    some = np.random.default_rng(seed).permutation(len(reference))[:_PROBED]
    k = max(1, min(n_neighbors, len(reference) - 1))
    distance, _ = Neighbors(reference).nearest(np.ascontiguousarray(reference[some]), k, skip_self=True)
    last = distance[:, -1][np.isfinite(distance[:, -1])]
    usual = float(np.median(last)) if len(last) else 0.0
    if usual > 0:
        return usual
    apart = distance[(distance > 0) & np.isfinite(distance)]
    return float(np.median(apart)) if len(apart) else 1.0
