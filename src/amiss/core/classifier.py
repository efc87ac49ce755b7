"""A LabelDetector of two models: one tells anomalies from normal rows, one the kinds of anomaly from one another."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Matrix, Vector
from amiss.core.label_detector import Kinds, LabelDetector, balanced

__all__ = ["Arrays", "Classifier", "enough_to_hold_out"]

Arrays = dict[str, npt.NDArray[Any]]

_NEVER = -100.0
"""Log-odds of a kind that was not among the labels."""
_FEWEST_ROWS, _FEWEST_OF_A_CLASS = 2000, 40


class Classifier(LabelDetector):
    """A LabelDetector that turns any learner of classes, `_train` and `_logits`, into one.

    Whether a row is an anomaly is learnt without regard to kinds, so that many or rare kinds do not blur it. Where the
    labels name kinds, a second model learns from the anomalies alone which of them it is.

    Attributes
    ----------
    model_ : dict of arrays
        What tells anomalies from normal rows.
    kind_model_ : dict of arrays
        What tells kinds of anomaly from one another; empty where there is one.
    kinds_ : (n_present,)
        Kinds in the labels, ascending.
    """

    def _learn(self, X: Matrix, y: Kinds) -> None:
        # All kinds are one here; what is unknown stays so.
        self.model_ = self._trained(X, np.sign(y), 2)
        self.kind_model_: Arrays = {}
        self.kinds_, kind = np.unique(y[y > 0], return_inverse=True)
        if len(self.kinds_) > 1:
            self.kind_model_ = self._trained(np.ascontiguousarray(X[y > 0]), kind, len(self.kinds_))
        self._open_models()

    def _trained(self, X: Matrix, y: Kinds, n_classes: int) -> Arrays:
        weight = balanced(y) if getattr(self, "class_weight", None) == "balanced" else None
        with warnings.catch_warnings():
            # A learner that stops before the last digit ranks as well.
            warnings.simplefilter("ignore")
            return self._train(X, y, n_classes, weight)

    def _score(self, X: Matrix) -> Vector:
        logits = self._logits(X, self._model)
        return logits[:, 1] - logits[:, 0]

    def _kind_scores(self, X: Matrix) -> Matrix:
        score = self._score(X)
        # Logarithms of the chances that it is normal, and that it is each of the kinds.
        chances = np.full((len(X), len(self.kinds_) + 1), 0.0)
        chances[:, 0] = -np.logaddexp(0.0, score)
        chances[:, 1:] = -np.logaddexp(0.0, -score)[:, None]
        if len(self.kinds_) > 1:
            logits = self._logits(X, self._kind_model)
            chances[:, 1:] += logits - np.logaddexp.reduce(logits, axis=1)[:, None]
        out = np.full((len(X), self.n_kinds_), _NEVER)
        for place, kind in enumerate(self.kinds_, start=1):
            others = np.logaddexp.reduce(np.delete(chances, place, axis=1), axis=1)
            out[:, kind - 1] = chances[:, place] - others
        return out

    def state(self) -> dict[str, Any]:
        """What has been learnt, the parts of the models as `model_.NAME` and `kind_model_.NAME`."""
        state = super().state()
        for part in ("model_", "kind_model_"):
            state |= {f"{part}.{name}": array for name, array in state.pop(part).items()}
        return state

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore({key: value for key, value in state.items() if "." not in key})
        for part in ("model_", "kind_model_"):
            setattr(self, part, {k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{part}.")})
        self._open_models()
        return self

    def _open_models(self) -> None:
        self._model = self._opened(self.model_)
        self._kind_model = self._opened(self.kind_model_) if self.kind_model_ else None

    def _opened(self, arrays: Arrays) -> Any:
        """What `_logits` takes, made of the arrays of a model; ValueError if these do not fit together."""
        return arrays

    @abstractmethod
    def _train(self, X: Matrix, y: Kinds, n_classes: int, weight: Vector | None) -> Arrays:
        """Learn classes 0 … n_classes − 1, each of which is there, from rows that weigh as `weight` says."""

    @abstractmethod
    def _logits(self, X: Matrix, model: Any) -> Matrix:
        """Logarithms of the shares of the classes, (n_rows, n_classes), but for a constant in each row; finite."""


def enough_to_hold_out(y: Kinds) -> bool:
    """Whether there are labels enough to hold some out, so that training can end when these gain no more."""
    return len(y) >= _FEWEST_ROWS and int(np.unique(y, return_counts=True)[1].min()) >= _FEWEST_OF_A_CLASS
