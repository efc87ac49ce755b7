"""Detectors of amiss behind the protocol.

`model` of a job: {"detector": "ecod", "params": {…}}, or {"detect": "ensemble"} for `amiss.detect` with everything it
does to a table: roles, preparation, p-values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from protocol import serve

import amiss
from amiss.core.catalog import detector_class


class Ours:
    def __init__(self, job: dict[str, Any]) -> None:
        params = dict(job["model"].get("params", {}))
        self.model = detector_class(job["model"]["detector"])(**params)
        shared = {"random_state": job.get("seed", 0), "n_jobs": job["n_threads"]}
        self.model.set_params(**{k: v for k, v in shared.items() if k in self.model.get_params()})

    def learn(self, X: np.ndarray) -> None:
        self.model.fit(X)

    def of(self, X: np.ndarray) -> np.ndarray:
        return self.model.anomaly_score(X)

    of_learnt = of


class Whole:
    def __init__(self, job: dict[str, Any]) -> None:
        self.detector, self.seed = job["model"]["detect"], job.get("seed", 0)

    def learn(self, X: np.ndarray) -> None:
        self.result = amiss.detect(X, detector=self.detector, seed=self.seed)

    def of_learnt(self, X: np.ndarray) -> np.ndarray:
        return self.result.scores

    def of(self, X: np.ndarray) -> np.ndarray:
        return self.result.model.score(X).scores


if __name__ == "__main__":
    serve(lambda job: Whole(job) if "detect" in job["model"] else Ours(job))
