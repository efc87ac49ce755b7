"""Detectors of scikit-learn and PyOD, by their import path."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
import sys
from contextlib import redirect_stdout
from functools import cache
from typing import Any, ClassVar, NoReturn

import numpy as np

from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.errors import DataError, MissingExtraError, ParameterError
from amiss.core.extras import require
from amiss.core.occlusion import occluded
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary

__all__ = ["External", "external_class"]

_LIBRARIES = ("sklearn", "pyod")
_PATH = re.compile(rf"({'|'.join(_LIBRARIES)})((?:\.[A-Za-z]\w*)+)\.([A-Za-z]\w*)")
_HIGHEST = float(np.finfo(np.float64).max)


class External(MergeDetector[Summary]):
    """A detector of another library: it is fitted on a sample of the rows, and its score is turned the right way up.

    `detector_class("sklearn.ensemble.IsolationForest")` makes the class. Its parameters are those of the foreign
    constructor, and `sample_size`. Reasons come by putting one column after the other to its median, which costs a
    scoring for each. What such a detector has learnt are objects, so it can be pickled and is in no model file.

    Where the foreign method compares a row with the rows learnt, a learnt row meets itself there; and some methods
    of PyOD score a row by the rows beside it. Neither can be mended from outside.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    params
        Parameters of the foreign constructor.

    Attributes
    ----------
    location_ : (n_features,)
        Median of each feature.

    Raises
    ------
    ParameterError
        The foreign constructor, or its `fit`, refuses a parameter.
    DataError
        The foreign detector fails on the data.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.core.catalog import detector_class
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> forest = detector_class("sklearn.ensemble.IsolationForest")(n_estimators=50, random_state=0)
    >>> forest.fit(X).anomaly_score([[0, 0], [6, 6]]).round(1)
    array([0.4, 0.8])
    """

    # Underlined all: a foreign parameter may be called `method`.
    _path: ClassVar[str]
    _foreign: ClassVar[type[Any]]
    _sign: ClassVar[int]
    _method: ClassVar[str]
    capabilities: ClassVar = Capabilities(reasons=True, saves=False)
    domains: ClassVar = {"sample_size": Optional(Whole(2))}

    def __init__(self, sample_size: int | None = 20_000, **params: Any) -> None:
        self.sample_size = sample_size
        for name, default in _parameters(self._foreign).items():
            # Without novelty scikit-learn's local outlier factor scores no new rows.
            setattr(self, name, True if name == "novelty" else default)
        self.set_params(**params)

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted({"sample_size", *_parameters(cls._foreign)})

    def __repr__(self) -> str:
        usual = {"sample_size": 20_000, **_parameters(self._foreign)}
        given = [f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(usual[k])]
        return f"{self._path}({', '.join(given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._path,), vars(self)

    def _seed(self) -> int:
        return int(getattr(self, "random_state", None) or 0)

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        self.location_ = np.median(sample.rows, axis=0)
        params = {name: value for name, value in self.get_params().items() if name != "sample_size"}
        try:
            self._fitted = self._foreign(**params)
        except (ValueError, TypeError) as error:
            self._refuse_parameter(error)
        try:
            with redirect_stdout(sys.stderr):
                self._fitted.fit(sample.rows)
        except Exception as error:
            if type(error).__name__ == "InvalidParameterError":
                self._refuse_parameter(error)
            self._fail("cannot learn from the rows", error)

    def _score(self, X: Matrix) -> Vector:
        try:
            with redirect_stdout(sys.stderr):
                found = getattr(self._fitted, self._method)(X)
        except Exception as error:
            self._fail("cannot score the rows", error)
        scores = self._sign * np.asarray(found, dtype=np.float64).ravel()
        if scores.shape != (len(X),) or np.isnan(scores).any():
            raise DataError(f"{self._path} does not give one number for each row", mend="choose another detector")
        return np.clip(scores, -_HIGHEST, _HIGHEST)

    def _contributions(self, X: Matrix) -> Matrix:
        return occluded(self._score, X, self.location_)

    def state(self) -> dict[str, Any]:
        """Not to be had: what it has learnt are objects of another library, not arrays.

        Raises
        ------
        ParameterError
            Always.
        """
        raise ParameterError(
            f"what {self._path} has learnt cannot be put into arrays", mend="use a detector of amiss itself"
        )

    def _refuse_parameter(self, error: Exception) -> NoReturn:
        raise ParameterError(
            f"{self._path} refuses a parameter: {_said(error)}", where=f"params of {self._path!r}"
        ) from error

    def _fail(self, what: str, error: Exception) -> NoReturn:
        raise DataError(
            f"{self._path} {what}: {_said(error)}", mend="check its params, or choose another detector"
        ) from error


@cache
def external_class(path: str) -> type[External]:
    """The detector at an import path such as `sklearn.ensemble.IsolationForest` or `pyod.models.knn.KNN`.

    Raises
    ------
    ParameterError
        There is none; names the nearest that there is. Nothing outside scikit-learn and PyOD is imported.
    MissingExtraError
        The library is not installed.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise ParameterError(
            f"there is no detector {path!r}",
            mend="give a name of amiss, or a path such as sklearn.ensemble.IsolationForest or pyod.models.knn.KNN",
        )
    library, place, name = match[1], match[1] + match[2], match[3]
    require(library, extra=library, what=f"detector {path!r}")
    module = _module(place, path)
    foreign = getattr(module, name, None)
    if not inspect.isclass(foreign):
        known = [word for word, value in vars(module).items() if inspect.isclass(value) and not word.startswith("_")]
        raise ParameterError(f"{place} has no class {name!r}", where=f"detector {path!r}", mend=_hint(name, known))
    method, sign = _polarity(foreign, library, path)
    needed = [word for word, default in _parameters(foreign).items() if default is inspect.Parameter.empty]
    if needed:
        raise ParameterError(
            f"{path} cannot be made from a recipe: it asks for {', '.join(needed)}", mend="choose another detector"
        )
    members = {"_path": path, "_foreign": foreign, "_method": method, "_sign": sign}
    return type(name, (External,), {**members, "__doc__": External.__doc__, "__module__": __name__})


def _module(place: str, path: str) -> Any:
    parent = place.rpartition(".")[0]
    try:
        # What a library has to say is talk: standard output is for data.
        with redirect_stdout(sys.stderr):
            return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and not place.startswith(error.name):
            raise MissingExtraError(
                f"detector {path!r} needs {error.name}, which is not installed", mend=f"pip install {error.name}"
            ) from error
        if error.name != place:
            _module(parent, path)
        around = [info.name for info in pkgutil.iter_modules(getattr(importlib.import_module(parent), "__path__", []))]
        mend = _hint(place.rpartition(".")[2], around)
        raise ParameterError(f"there is no module {place}", where=f"detector {path!r}", mend=mend) from error


def _polarity(foreign: type[Any], library: str, path: str) -> tuple[str, int]:
    """The method that scores, and the sign with which higher is more anomalous."""
    if library == "pyod":
        base = importlib.import_module("pyod.models.base").BaseDetector
        if issubclass(foreign, base):
            return "decision_function", 1
    elif hasattr(foreign, "fit") and hasattr(foreign, "score_samples"):
        return "score_samples", -1
    raise ParameterError(f"{path} is no detector of anomalies", mend="name a class that scores rows without labels")


def _parameters(foreign: type[Any]) -> dict[str, Any]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default for p in inspect.signature(foreign).parameters.values() if p.kind in kinds}


def _hint(name: str, known: list[str]) -> str:
    names = {word.lower(): word for word in known if not word.startswith("_")}
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {names[near[0]]!r}?" if near else "check the path"


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _rebuilt(path: str) -> External:
    return external_class(path)()
