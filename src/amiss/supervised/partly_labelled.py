"""The default without labels, corrected by a few of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.catalog import detector_class
from amiss.core.detector import PREDICT_RATE, Capabilities, Matrix, Vector
from amiss.core.label_detector import Kinds, LabelDetector
from amiss.core.params import Between, Optional, Whole
from amiss.core.rarity import surprise_of, thinned
from amiss.core.search_space import Choice

__all__ = ["PartlyLabelled"]

_NOVELTY, _LEARNER = "ensemble", "positive_unlabelled"
_FEWEST_SHOWN = 2


class PartlyLabelled(LabelDetector):
    """What the default finds odd without labels, and what resembles the labelled anomalies more than the other rows.

    For a few labels, of anomalies alone or of both sorts, among many rows that nobody has looked at (their label is
    NaN). The ensemble learns from all rows but the known anomalies; trees, each of which is shown the labelled rows and
    a few of the others, learn what it is about the anomalies, its score among the features. Each score becomes the
    surprise that an unlabelled row would reach it, and the surprises are added up. A handful of anomalies count little
    and correct the ensemble a bit; the more there are, the more they have to say. With labels for most rows take one
    of the other learners.

    Fitting costs that of both parts: a second or two, and O(n_estimators × n_labelled × log n_labelled).

    Parameters
    ----------
    label_weight
        What the surprise of the trees counts beside that of the ensemble where there are very many anomalies, from 0.
    half_weight_at
        Known anomalies with which it counts half of that; above 0.
    n_estimators
        Number of trees, at least 1.
    random_state
        Seed, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    novelty_, learner_
        The ensemble and the trees, fitted.
    usual_novelty_, usual_learner_ : (n_kept,)
        Their scores of the rows that are not known for anomalies, ascending.
    weight_
        Of the surprise of the trees.
    level_
        Surprise that 1 % of the rows that are not known for anomalies reach; scores are above it or below.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import PartlyLabelled
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(2000, 3))
    >>> X[:100, 0] += 4
    >>> y = np.full(2000, np.nan)
    >>> y[:10], y[-20:] = 1, 0
    >>> scores = PartlyLabelled().fit(X, y).anomaly_score([[0, 0, 0], [4, 0, 0], [0, 0, 9]])
    >>> bool(scores[0] < scores[1:].min() - 5)
    True

    References
    ----------
    Zhao, Y. and Hryniewicki, M. K. (2018). XGBOD: improving supervised outlier detection with unsupervised
    representation learning. IJCNN.
    Elkan, C. and Noto, K. (2008). Learning classifiers from only positive and unlabeled data. KDD.
    """

    capabilities: ClassVar = Capabilities(labels=True, unlabelled=True, missing=True)
    domains: ClassVar = {
        "label_weight": Between(0),
        "half_weight_at": Between(0, open_low=True),
        "n_estimators": Whole(1),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {"label_weight": Choice((1.0, 3.0, 6.0, 10.0)), "half_weight_at": Choice((2.0, 5.0, 10.0))}

    # Chosen together on the 22 development tables, see benchmarks/accuracy/few_labels.py.
    def __init__(
        self,
        label_weight: float = 6.0,
        half_weight_at: float = 5.0,
        n_estimators: int = 100,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.label_weight = label_weight
        self.half_weight_at = half_weight_at
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _learn(self, X: Matrix, y: Kinds) -> None:
        unknown, n_known = y < 0, int((y > 0).sum())
        self.novelty_, self.learner_ = self._made(clean=not unknown.any())
        others = np.flatnonzero(y <= 0)
        # A single row is shown twice: the ensemble learns from no less.
        shown = np.ascontiguousarray(X[np.resize(others, max(_FEWEST_SHOWN, len(others)))])
        self.novelty_.fit(shown)
        self.usual_novelty_ = thinned(np.sort(self.novelty_.score_rows(shown)))
        features = self._features(X)
        self.learner_.fit(features, np.where(unknown, np.nan, y))
        # Labelled normal rows are in every bag: what is usual, the others tell.
        told = unknown if unknown.any() else y == 0
        self.usual_learner_ = thinned(np.sort(self.learner_.score_rows(np.ascontiguousarray(features[told]))))
        self.weight_ = self.label_weight * n_known / (n_known + self.half_weight_at)
        self.level_ = float(np.quantile(self._together(np.ascontiguousarray(features[y <= 0])), 1 - PREDICT_RATE))

    def _made(self, *, clean: bool) -> tuple[Any, Any]:
        """Both parts, unfitted."""
        shared = {"random_state": self.random_state, "n_jobs": self.n_jobs}
        learner = detector_class(_LEARNER)().set_params(n_estimators=self.n_estimators, **shared)
        return detector_class(_NOVELTY)().set_params(clean=clean, **shared), learner

    def _features(self, X: Matrix) -> Matrix:
        """What the trees see: the rows, and the surprise of the ensemble."""
        return np.column_stack([X, surprise_of(self.novelty_.score_rows(X), self.usual_novelty_)])

    def _together(self, features: Matrix) -> Vector:
        known = surprise_of(self.learner_.score_rows(features), self.usual_learner_)
        together: Vector = features[:, -1] + self.weight_ * known
        return together

    def _score(self, X: Matrix) -> Vector:
        return self._together(self._features(X)) - self.level_

    def _kind_scores(self, X: Matrix) -> Matrix:
        """Of the trees: what is new to them, no kind explains."""
        kinds: Matrix = self.learner_.kind_score_rows(self._features(X))
        return kinds

    # The state ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What has been learnt, that of the parts as `novelty_.…` and `learner_.…`."""
        state = super().state()
        for name in ("novelty_", "learner_"):
            part = state.pop(name)
            state |= {f"{name}.{key}": value for key, value in part.state().items()}
        return state

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore({key: value for key, value in state.items() if "." not in key})
        self.novelty_, self.learner_ = self._made(clean=False)
        for name, part in (("novelty_", self.novelty_), ("learner_", self.learner_)):
            prefix = f"{name}."
            part.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
        d = self.n_features_in_
        if self.novelty_.n_features_in_ != d or self.learner_.n_features_in_ != d + 1:
            raise ValueError("the arrays of the detector do not fit together")
        return self
