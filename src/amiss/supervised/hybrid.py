"""Learners from labels and a detector of novelties, together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class, detector_names
from amiss.core.classifier import Arrays
from amiss.core.detector import PREDICT_RATE, Capabilities, Matrix, Vector
from amiss.core.errors import ParameterError
from amiss.core.label_detector import Kinds, LabelDetector
from amiss.core.params import Between, Optional, Text, Whole
from amiss.core.rarity import surprise_of, thinned
from amiss.core.search_space import Choice
from amiss.supervised._space import put, space_of

__all__ = ["Hybrid"]


class Hybrid(LabelDetector):
    """A row is an anomaly if it is like the learnt ones, or like no normal row that was learnt.

    Learners from labels find the kinds of anomaly that they were shown, and little else; a detector that has seen
    normal rows only finds any kind a little less well. Each score becomes the surprise that a normal row would reach
    it, as counted on rows that none of them had learnt, and the surprises are added up. On kinds that were shown it is
    less sharp than the learner alone: choose it where new kinds must be expected.

    Fitting costs that of all parts, once for each fold and once more; scoring that of all. The detector of novelties
    sees features as robust deviations on a logarithmic scale.

    Parameters
    ----------
    learner
        Name of a detector that learns from labels, or several joined by "+", whose mean counts; with their defaults.
    novelty
        Name of a detector for tables, with its own defaults; it is shown the normal rows alone.
    novelty_weight
        What its surprise counts beside that of the learners, from 0.
    n_folds
        Parts of the rows, each of which is once left out to count how far normal rows reach; at least 2.
    random_state
        Seed, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    parts_ : dict of detectors
        The learners and the detector of novelties by name, fitted.
    usual_ : dict of (n_kept,)
        Scores that each gave to normal rows it had not learnt, ascending.
    space_ : (4, n_features)
        How features become comparable.
    level_
        Surprise that 1 % of the normal rows reach; scores are above it or below.

    Raises
    ------
    ParameterError
        A name is not that of such a detector.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.supervised import Hybrid
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(2000, 2))
    >>> y = np.arange(2000) < 100
    >>> X[y, 0] += 5
    >>> scores = Hybrid().fit(X, y).anomaly_score([[0, 0], [5, 0], [0, -9]])
    >>> bool(scores[0] < 0 < scores[1:].min())
    True

    References
    ----------
    Fisher, R. A. (1925). Statistical methods for research workers. Oliver and Boyd.
    Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random world. Springer.
    """

    capabilities: ClassVar = Capabilities(labels=True)
    domains: ClassVar = {
        "learner": Text(),
        "novelty": Text(),
        "novelty_weight": Between(0),
        "n_folds": Whole(2),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }
    search_space: ClassVar = {
        "learner": Choice(("gradient_boosting+random_forest", "gradient_boosting", "random_forest")),
        "novelty_weight": Choice((0.1, 0.2, 0.4, 0.7, 1.0)),
    }  # fmt: skip

    def __init__(
        self,
        learner: str = "gradient_boosting+random_forest",
        novelty: str = "knn",
        novelty_weight: float = 0.4,
        n_folds: int = 3,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.learner = learner
        self.novelty = novelty
        self.novelty_weight = novelty_weight
        self.n_folds = n_folds
        self.random_state = random_state
        self.n_jobs = n_jobs

    # Learning -----------------------------------------------------------------------------------------

    def _learn(self, X: Matrix, y: Kinds) -> None:
        found = [self._unseen(X, y, held) for held in self._folds(X, y)]
        self.parts_, self.space_ = self._fitted(X, y)
        # Where no fold could be left out, the rows learnt must do.
        scores = found or [_scores(self.parts_, self.space_, np.ascontiguousarray(X[y == 0]))]
        self.usual_ = {name: np.concatenate([part[name] for part in scores]) for name in self.parts_}
        together = {name: values.copy() for name, values in self.usual_.items()}
        self.usual_ = {name: thinned(np.sort(values)) for name, values in self.usual_.items()}
        self.level_ = float(np.quantile(self._together(together), 1 - PREDICT_RATE))

    def _folds(self, X: Matrix, y: Kinds) -> Iterator[npt.NDArray[np.bool_]]:
        """Rows held out, fold by fold, identical ones together; no fold without which a class would be lost."""
        rows = np.ascontiguousarray(X).view(np.dtype((np.void, X.itemsize * X.shape[1]))).ravel()
        _, group = np.unique(rows, return_inverse=True)
        fold = np.random.default_rng(self.random_state).integers(0, self.n_folds, int(group.max()) + 1)[group]
        for k in range(self.n_folds):
            held, rest = fold == k, y[fold != k]
            if (y[held] == 0).any() and (rest > 0).any() and (rest == 0).any():
                yield held

    def _unseen(self, X: Matrix, y: Kinds, held: npt.NDArray[np.bool_]) -> dict[str, Vector]:
        # Kinds play no part in this, and cost time.
        parts, space = self._fitted(np.ascontiguousarray(X[~held]), (y[~held] > 0).astype(np.int64))
        return _scores(parts, space, np.ascontiguousarray(X[held & (y == 0)]))

    def _fitted(self, X: Matrix, y: Kinds) -> tuple[dict[str, Any], Matrix]:
        normal = np.flatnonzero(y == 0)
        # A single normal row is shown twice: no detector learns from one.
        shown = X[np.resize(normal, max(2, len(normal)))]
        space = space_of(shown)
        parts = self._made()
        for name, part in parts.items():
            if name == self.novelty:
                part.fit(put(shown, space))
            else:
                part.fit(X, y)
        return parts, space["space"]

    def _made(self) -> dict[str, Any]:
        """The parts, unfitted, by name; that of novelties last."""
        learners = self.learner.split("+")
        for name in learners:
            if name not in detector_names("labels") or detector_class(name) is Hybrid:
                self._refuse("learner", name, "name detectors that learn from labels, joined by +")
        if self.novelty not in detector_names() or not detector_class(self.novelty).capabilities.saves:
            self._refuse("novelty", self.novelty, "name a detector for tables")
        parts = {name: detector_class(name)() for name in (*dict.fromkeys(learners), self.novelty)}
        given = {"random_state": self.random_state, "n_jobs": self.n_jobs, "clean": True}
        for part in parts.values():
            part.set_params(**{name: value for name, value in given.items() if name in part.get_params()})
        return parts

    def _refuse(self, parameter: str, name: str, mend: str) -> None:
        raise ParameterError(
            f"Hybrid: {name!r} cannot be its {parameter}", where=f"parameter {parameter!r} of Hybrid", mend=mend
        )

    # Scoring ------------------------------------------------------------------------------------------

    def _together(self, scores: Mapping[str, Vector]) -> Vector:
        """Surprise of rows by the scores that the parts gave them."""
        surprise = {name: surprise_of(values, self.usual_[name]) for name, values in scores.items()}
        novel = surprise.pop(self.novelty)
        known: Vector = np.mean(list(surprise.values()), axis=0)
        return known + self.novelty_weight * novel

    def _score(self, X: Matrix) -> Vector:
        return self._together(_scores(self.parts_, self.space_, X)) - self.level_

    def _kind_scores(self, X: Matrix) -> Matrix:
        """Of the first learner: what is new to it, no kind explains."""
        kinds: Matrix = self.parts_[self.learner.split("+")[0]].kind_score_rows(X)
        return kinds

    # The state ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What has been learnt, that of the parts as `parts_.NAME.…`."""
        state = super().state()
        parts, usual = state.pop("parts_"), state.pop("usual_")
        for name, part in parts.items():
            state |= {f"parts_.{name}.{key}": value for key, value in part.state().items()}
            state[f"usual_.{name}"] = usual[name]
        return state

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore({key: value for key, value in state.items() if "." not in key})
        self.parts_, self.usual_ = self._made(), {}
        for name, part in self.parts_.items():
            prefix = f"parts_.{name}."
            part.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
            self.usual_[name] = state[f"usual_.{name}"]
        if any(part.n_features_in_ != self.n_features_in_ for part in self.parts_.values()):
            raise ValueError("the arrays of the hybrid do not fit together")
        return self


def _scores(parts: Mapping[str, Any], space: Matrix, X: Matrix) -> dict[str, Vector]:
    arrays: Arrays = {"space": space}
    return {
        name: part.score_rows(X if part.capabilities.labels else put(X, arrays)) for name, part in parts.items()
    }  # fmt: skip
