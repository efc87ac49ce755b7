"""Detectors of PyOD, scikit-learn and isotree behind the protocol. Runs in the peers' own Python.

`model` of a job: {"class": "pyod.models.ecod.ECOD", "params": {…}}. Seed and number of threads are handed to the
classes that take them.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from typing import Any

import numpy as np
from protocol import serve


class Peer:
    def __init__(self, job: dict[str, Any]) -> None:
        module, _, name = job["model"]["class"].rpartition(".")
        kind = getattr(importlib.import_module(module), name)
        known = inspect.signature(kind).parameters
        shared = {
            "random_state": job.get("seed", 0),
            "random_seed": job.get("seed", 0),
            "n_jobs": job["n_threads"],
            "nthreads": job["n_threads"],
        }
        self.model = kind(**{k: v for k, v in shared.items() if k in known}, **job["model"].get("params", {}))

    def learn(self, X: np.ndarray) -> None:
        self.model.fit(X)

    def of_learnt(self, X: np.ndarray) -> np.ndarray:
        """PyOD and scikit-learn's LOF have them from `fit`; neighbours leave the row itself out."""
        if hasattr(self.model, "decision_scores_"):
            return self.model.decision_scores_
        if hasattr(self.model, "negative_outlier_factor_"):
            return -self.model.negative_outlier_factor_
        if hasattr(self.model, "kneighbors"):
            return self.model.kneighbors()[0][:, -1]
        return self.of(X)

    def of(self, X: np.ndarray) -> np.ndarray:
        if type(self.model).__module__.startswith("isotree"):
            return self.model.predict(X)
        if hasattr(self.model, "decision_scores_"):
            return self.model.decision_function(X)
        if hasattr(self.model, "score_samples"):
            return -self.model.score_samples(X)
        return self.model.kneighbors(X)[0][:, -1]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(Peer)
