"""Extremely randomised trees."""

from __future__ import annotations

from typing import Any

from amiss.supervised._trees import Forest

__all__ = ["ExtraTrees"]


class ExtraTrees(Forest):
    """Many decision trees that choose among a few questions, each to a random value of a feature; the mean counts.

    As good as a random forest on most tables and quicker to grow; smoother, so better where the border between normal
    and anomalous is oblique, and worse where one exact value decides or most features say nothing. Kinds of anomaly
    that were not in the labels are often missed: see `Hybrid`.

    Fitting costs O(n_estimators × √n_features × n_rows × log n_rows) time, scoring O(n_rows × n_estimators × depth);
    memory some 40 bytes a node, and up to twice as many nodes a tree as rows.

    Parameters
    ----------
    n_estimators
        Number of trees, at least 1.
    max_depth
        Questions on the longest way, at least 1; None for as many as it takes.
    min_samples_leaf
        Fewest learnt rows in a leaf, at least 1.
    max_features
        Share of the features that each question chooses from, in (0, 1]; None for the root of their number.
    smoothing
        Rows of each class added to every leaf, from 0: a leaf of few rows is less sure. 0 takes the shares as they are.
    class_weight
        "balanced" lets the rarer class weigh as much as the other in all, None lets each row weigh the same.
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
    >>> from amiss.supervised import ExtraTrees
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = np.abs(X).max(axis=1) > 2
    >>> scores = ExtraTrees().fit(X, y).anomaly_score([[0, 0], [0, 3]])
    >>> bool(scores[0] < 0 < scores[1])
    True

    References
    ----------
    Geurts, P., Ernst, D. and Wehenkel, L. (2006). Extremely randomized trees. Machine Learning.
    """

    def _forest(self) -> type[Any]:
        from sklearn.ensemble import ExtraTreesClassifier

        kind: type[Any] = ExtraTreesClassifier
        return kind
