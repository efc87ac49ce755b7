"""The contract of a detector that learns from labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Context, Detector, Matrix, Vector
from amiss.core.errors import DataError

__all__ = ["UNKNOWN", "Kinds", "LabelDetector", "balanced", "drawn", "read_labels"]

Kinds = npt.NDArray[np.int64]
UNKNOWN = -1
"""Label of a row of which nothing is known, where a detector learns from such rows."""


class LabelDetector(Detector):
    """Ranks rows by what labelled rows have taught it; higher is more anomalous.

    Labels are 0 for a normal row and 1 for an anomaly, or 0 and the kinds 1 … K. `anomaly_score` is that of any
    anomaly, of whatever kind, on the scale of log-odds: above 0 an anomaly is more likely than not, in the eyes of the
    detector and with the weight that it gives to the rare ones. No promise is made by that, see Threshold. A subclass
    writes `_learn` and `_score`, and `_kind_scores` if it keeps kinds apart.

    Attributes
    ----------
    n_kinds_
        Highest kind in the labels learnt from, 1 where they tell only normal rows from anomalies.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(labels=True)

    def fit(self, X: Any, y: Any = None, *, context: Context | None = None) -> Self:
        """Learn from labelled rows.

        Parameters
        ----------
        X : (n_rows, n_features)
            Finite numbers; NaN too where `capabilities.missing` says so.
        y : (n_rows,)
            0 for a normal row, 1 for an anomaly; or 0 and 1 … K for its kind. True and False are 1 and 0. NaN for a row
            of which nothing is known, where `capabilities.unlabelled` says so.
        context
            Not used.

        Raises
        ------
        DataError
            Labels that cannot be learnt from: of one class only, missing, negative, not whole, or of another length.
        """
        return super().fit(X, read_labels(y, unlabelled=self.capabilities.unlabelled), context=context)

    def kind_scores(self, X: Any) -> Matrix:
        """Log-odds that each row is an anomaly of each kind, (n_rows, n_kinds); of one kind, `anomaly_score`."""
        self._check_fitted()
        return self.kind_score_rows(self._door(X))

    def kind_score_rows(self, X: Matrix) -> Matrix:
        """`kind_scores` for a matrix known to be valid."""
        return self._score(X)[:, None] if self.n_kinds_ == 1 else self._kind_scores(X)

    def _fit(self, X: Matrix, y: Any, context: Context | None) -> None:
        if len(y) != len(X):
            raise DataError(
                f"{len(X):,} rows and {len(y):,} labels do not fit together: "
                f"inconsistent numbers of samples: [{len(X)}, {len(y)}]",
                where="labels",
                mend="give one label for each row",
            )
        self.n_kinds_ = int(y.max())
        self._learn(X, y)
        # scikit-learn's decision: anomalies are what is more likely one than not.
        self.offset_ = 0.0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @abstractmethod
    def _learn(self, X: Matrix, y: Kinds) -> None: ...

    def _kind_scores(self, X: Matrix) -> Matrix:
        raise NotImplementedError


def read_labels(y: Any, *, unlabelled: bool = False) -> Kinds:
    """Labels as whole numbers from 0, (n_rows,); NaN, where rows may be `unlabelled`, as −1.

    Raises
    ------
    DataError
        They cannot be learnt from.
    """
    if y is None:
        raise DataError(
            "labels are needed: this detector requires y to be passed, but the target y is None",
            mend="give y, 0 for a normal row and 1 for an anomaly; or choose a detector that learns without labels",
        )
    given = np.asarray(y)
    if given.ndim != 1:
        raise DataError(
            f"labels are one number a row; these have the shape {given.shape}", where="labels", mend="give y.ravel()"
        )
    numbers = _as_numbers(given)
    unknown = np.isnan(numbers)
    if unlabelled:
        numbers = np.where(unknown, 0.0, numbers)
    else:
        _refuse(given, unknown, "is missing", "leave out the rows whose label is not known")
    mend = "give 0 for a normal row and 1 for an anomaly; −1 and +1 are scikit-learn's words for predictions"
    _refuse(given, numbers < 0, "is negative", mend)
    _refuse(given, numbers != np.floor(numbers), "is no whole number", "number the kinds of anomaly 1, 2, 3 …")
    _refuse(given, numbers > max(len(numbers), 1), "is beyond the number of rows", "number the kinds of anomaly 1 … K")
    labels: Kinds = numbers.astype(np.int64)
    for found, kind, lacking in ((labels > 0, "anomaly", "1"), (labels == 0, "normal row", "0")):
        if len(labels) and not found.any():
            raise DataError(
                f"labels hold no {kind}: one class is nothing to tell apart",
                where=f"{len(labels):,} labels, none is {lacking}",
                mend=f"give rows with the label {lacking} too, or choose a detector that learns without labels",
            )
    return np.where(unknown, UNKNOWN, labels)


def _as_numbers(given: npt.NDArray[Any]) -> Vector:
    try:
        return given.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(
            "labels are text or of an unknown type: Unknown label type",
            where=f"labels, the first is {given[0]!r}",
            mend="give 0 for a normal row and 1 for an anomaly, or 1, 2, 3 … for its kind",
        ) from error


def _refuse(given: npt.NDArray[Any], wrong: npt.NDArray[np.bool_], what: str, mend: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DataError(
            f"a label {what}",
            where=f"labels, {int(wrong.sum()):,} of {len(given):,}, first in row {first}: {given[first]!r}",
            mend=mend,
        )


def balanced(y: Kinds) -> Vector:
    """Weights of the rows by which all classes of `y` weigh the same, with a mean of 1: (n_rows,)."""
    counts: Mapping[int, int] = dict(zip(*(part.tolist() for part in np.unique(y, return_counts=True)), strict=True))
    weight = np.zeros(max(counts) + 1)
    for kind, n in counts.items():
        weight[kind] = len(y) / (len(counts) * n)
    return weight[y]


def drawn(y: Kinds, size: int | None, seed: int) -> npt.NDArray[np.intp]:
    """Rows to learn from where `size` is fewer than there are, ascending: a random part of each class.

    Each class has its share of `size`, and at least half of what it would have if all were alike: rare ones are kept
    whole as far as that goes.
    """
    if size is None or len(y) <= size:
        return np.arange(len(y))
    random = np.random.default_rng(seed)
    classes, counts = np.unique(y, return_counts=True)
    kept = []
    for label, n in zip(classes, counts, strict=True):
        wanted = max(size * int(n) // len(y), size // (2 * len(classes)), 1)
        rows = np.flatnonzero(y == label)
        kept.append(random.permutation(rows)[:wanted])
    return np.sort(np.concatenate(kept))
