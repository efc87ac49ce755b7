"""What is measured against whom, with the same parameters on both sides, and how many times as fast it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["JOBS", "Job", "Rival"]


@dataclass(frozen=True, slots=True)
class Rival:
    """A peer's class, and how many times its speed is asked for: for all rows, and for a row alone."""

    name: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    asked: float | None = None
    asked_one_row: float | None = None
    equal: bool = False
    """The method leaves no choice: scores must be the same."""


@dataclass(frozen=True, slots=True)
class Job:
    """A detector with its parameters, the number of columns, and its rivals."""

    name: str
    model: Mapping[str, Any]
    rivals: tuple[Rival, ...]
    n_features: int = 20


ALL_ROWS = {"sample_size": None}
FOREST = {"n_estimators": 100, "max_samples": 256}


def _tails(name: str, kind: str) -> Job:
    rival = Rival("PyOD", f"pyod.models.{name}.{kind}", {}, 12, 10_000, equal=True)
    return Job(name, {"detector": name, "params": ALL_ROWS}, (rival,))


def _neighbors(n_features: int) -> tuple[Job, Job]:
    five, twenty = {"n_neighbors": 5}, {"n_neighbors": 20}
    return (
        Job(
            "knn, 5th",
            {"detector": "knn", "params": {**five, **ALL_ROWS}},
            (
                Rival("scikit-learn", "sklearn.neighbors.NearestNeighbors", five, 3, equal=True),
                Rival("PyOD", "pyod.models.knn.KNN", {**five, "method": "largest"}, 3, equal=True),
            ),
            n_features,
        ),
        Job(
            "lof, 20",
            {"detector": "lof", "params": {**twenty, **ALL_ROWS}},
            (
                # Only with `novelty` does it score a row alone; the rows learnt cost the same.
                Rival(
                    "scikit-learn", "sklearn.neighbors.LocalOutlierFactor", {**twenty, "novelty": True}, 3, equal=True
                ),
                Rival("PyOD", "pyod.models.lof.LOF", twenty, 3, equal=True),
            ),
            n_features,
        ),
    )


JOBS = (
    _tails("ecod", "ECOD"),
    _tails("copod", "COPOD"),
    Job(
        "isolation_forest, 100 × 256",
        {"detector": "isolation_forest", "params": {**FOREST, **ALL_ROWS}},
        (
            Rival("scikit-learn", "sklearn.ensemble.IsolationForest", FOREST, 4, 500),
            Rival("PyOD", "pyod.models.iforest.IForest", FOREST, 8, 500),
            Rival("isotree", "isotree.IsolationForest", {"ntrees": 100, "sample_size": 256, "ndim": 1}),
        ),
    ),
    Job(
        "inne, 200 × 8",
        {"detector": "inne", "params": {"n_estimators": 200, "max_samples": 8, **ALL_ROWS}},
        (Rival("PyOD", "pyod.models.inne.INNE", {"n_estimators": 200, "max_samples": 8}, 10),),
    ),
    Job(
        "loda, 100 cuts, 10 bins",
        {"detector": "loda", "params": {"n_estimators": 100, "n_bins": 10, **ALL_ROWS}},
        (Rival("PyOD", "pyod.models.loda.LODA", {"n_random_cuts": 100, "n_bins": 10}, 8),),
    ),
    Job(
        "hbos, 10 bins",
        {"detector": "hbos", "params": {"n_bins": 10, **ALL_ROWS}},
        (Rival("PyOD", "pyod.models.hbos.HBOS", {"n_bins": 10}, 3),),
    ),
    Job(
        "default ensemble, `amiss.detect`",
        {"detect": "ensemble"},
        (Rival("PyOD IForest alone", "pyod.models.iforest.IForest", {}, 1),),
    ),
    *(job for d in (5, 20, 100) for job in _neighbors(d)),
)
