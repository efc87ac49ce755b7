"""scikit-learn's protocol for estimators, spoken without importing scikit-learn.

Loading scikit-learn costs a second and 150 MB; a command line that ranks a table should not pay it. The library
itself is asked, lazily, wherever data come from a caller who uses it: input that is not already a plain float64
matrix is validated by `sklearn.utils.validation`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.errors import DataError, not_fitted
from amiss.core.params import Domain, check
from amiss.core.search_space import Searched
from amiss.core.summary import Matrix

__all__ = ["Estimator"]


class Estimator:
    """Parameters, fitted state and the door for input, as scikit-learn expects them."""

    domains: ClassVar[Mapping[str, Domain]] = {}
    search_space: ClassVar[Mapping[str, Searched]] = {}
    allow_nan: ClassVar[bool] = False

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as given to `__init__`."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ValueError
            A name is not a parameter of this detector.
        """
        known = self._parameter_names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {known!r}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="outlier_detector",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=self.allow_nan),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "n_features_in_" in vars(self)

    def _check_parameters(self) -> None:
        check(type(self).__name__, self.domains, self.get_params())

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(type(self).__name__)

    def state(self) -> dict[str, Any]:
        """What has been learnt: every attribute whose name ends in `_`, as arrays, numbers and words."""
        self._check_fitted()
        return {name: value for name, value in vars(self).items() if _is_learnt(name)}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state` that another instance with the same parameters had."""
        for name, value in state.items():
            if not _is_learnt(name):
                raise ValueError(f"{name!r} is not a learnt attribute")
            setattr(self, name, value)
        return self

    def _door(self, X: Any, *, learning: bool = False) -> Matrix:
        """`X` as a C-contiguous float64 matrix, or an error in scikit-learn's words."""
        if self._is_plain(X, learning):
            if learning:
                self.n_features_in_ = X.shape[1]
            return X  # type: ignore[no-any-return]
        from sklearn.utils.validation import validate_data

        finite: Any = "allow-nan" if self.allow_nan else True
        try:
            valid = validate_data(self, X, reset=learning, dtype=np.float64, order="C", ensure_all_finite=finite)
        except ValueError as error:
            raise DataError(str(error)) from error
        return np.ascontiguousarray(valid, dtype=np.float64)

    def _is_plain(self, X: Any, learning: bool) -> bool:
        # The quick way for one row at a time: no look at scikit-learn, no copy.
        if type(X) is not np.ndarray or X.ndim != 2 or X.dtype != np.float64 or not X.flags.c_contiguous:
            return False
        if 0 in X.shape or "feature_names_in_" in vars(self):
            return False
        if not learning and X.shape[1] != vars(self).get("n_features_in_"):
            return False
        # What may not be missing or infinite is worded by the slow way.
        if self.allow_nan:
            return not np.count_nonzero(np.isinf(X))
        return int(np.count_nonzero(np.isfinite(X))) == X.size


def _is_learnt(name: str) -> bool:
    return name.endswith("_") and not name.startswith("_")
