"""Finds the members of a family by their files: `isolation_forest.py` holds `IsolationForest`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from amiss.core.errors import ParameterError

__all__ = ["detector_class", "detector_names", "own_name"]

_DETECTORS = "amiss.detectors"
_FAMILIES = {
    "table": _DETECTORS,
    "series": "amiss.series.detectors",
    "labels": "amiss.supervised",
    "deep": "amiss.deep",
}
"""Kind of detector: the package whose files are such. The neural ones are for rows or for series, each says which."""
_ADAPTER = f"{_DETECTORS}._adapter"
_OTHER_NAMES = {
    "iforest": "isolation_forest",
    "localoutlierfactor": "lof",
    "ellipticenvelope": "robust_covariance",
    "mcd": "robust_covariance",
    "ocsvm": "one_class_svm",
}
"""What other libraries call the same method."""


@cache
def _files(kind: str) -> dict[str, str]:
    family = _FAMILIES[kind]
    package = importlib.import_module(family)
    found = {info.name: f"{family}.{info.name}" for info in pkgutil.iter_modules(package.__path__)}
    for point in entry_points(group=family):
        found.setdefault(point.name, point.module)
    return {name: found[name] for name in sorted(found) if not name.startswith("_")}


def detector_names(kind: str = "table") -> tuple[str, ...]:
    """Names of all detectors of a kind, the project's own and those of plug-ins.

    The kinds are "table", "series" and "labels", and "deep" for the neural ones, some of which are for series: their
    `capabilities.ordered` says so.
    """
    return tuple(_files(kind))


def detector_class(name: str) -> type[Any]:
    """The detector class called `name`; a name with dots is the import path of one of scikit-learn's or PyOD's.

    Raises
    ------
    ParameterError
        There is none; names the nearest that there is.
    """
    files: dict[str, str] = {}
    for kind in _FAMILIES:
        files |= _files(kind)
    if "." in name:
        foreign: type[Any] = importlib.import_module(_ADAPTER).external_class(name)
        return foreign
    if name not in files:
        near = difflib.get_close_matches(name, files, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(f"there is no detector {name!r}", mend=f"{hint}known: {', '.join(files)}")
    module = importlib.import_module(files[name])
    found: type[Any] = getattr(module, module.__all__[0])
    return found


def own_name(path: str) -> str | None:
    """Name of the own detector by the method of a foreign one at `path`; None where there is none."""
    word = path.rpartition(".")[2].lower()
    return {name.replace("_", ""): name for name in detector_names()}.get(word) or _OTHER_NAMES.get(word)
