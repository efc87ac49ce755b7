"""What PyOD's detectors reach, asked of a Python of their own and kept in a file."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PEERS", "Peers"]

SERVER = Path(__file__).parent.parent / "peers" / "peer.py"
PEERS = {
    "IForest": "pyod.models.iforest.IForest",
    "INNE": "pyod.models.inne.INNE",
    "MCD": "pyod.models.mcd.MCD",
    "HBOS": "pyod.models.hbos.HBOS",
    "GMM": "pyod.models.gmm.GMM",
    "COPOD": "pyod.models.copod.COPOD",
    "ECOD": "pyod.models.ecod.ECOD",
    "KNN": "pyod.models.knn.KNN",
    "LOF": "pyod.models.lof.LOF",
}
"""Each with its defaults, on rows scaled to [0, 1] by those it learns from: several rank by distances."""

Figures = Callable[[np.ndarray, np.ndarray], tuple[float, float]]


class Peers:
    """Asks for a figure where the cache does not hold it."""

    def __init__(self, python: str | None, cache: Path | None, protocol: str) -> None:
        self._python = python
        self._cache = cache / f"peers-{protocol}.json" if cache else None
        self._known: dict[str, list[float]] = {}
        if self._cache is not None and self._cache.exists():
            self._known = json.loads(self._cache.read_text())
        self._folder = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[str] | None = None

    def figures(
        self, name: str, table: str, seed: int, cut: Any, measure: Figures
    ) -> tuple[tuple[float, float], float]:
        """AUC-ROC and AUC-PR, and CPU seconds."""
        key = f"{table}/{seed}/{name}"
        if key not in self._known:
            scores, cpu = self._ask(name, seed, cut)
            self._known[key] = [*measure(cut.y, scores), cpu]
            if self._cache is not None:
                self._cache.parent.mkdir(parents=True, exist_ok=True)
                self._cache.write_text(json.dumps(self._known, indent=0))
        roc, pr, cpu = self._known[key]
        return (roc, pr), cpu

    def _ask(self, name: str, seed: int, cut: Any) -> tuple[np.ndarray, float]:
        if self._python is None:
            raise SystemExit(f"the cache does not hold {name}; name the peers' Python by --peers")
        low, high = cut.train.min(axis=0), cut.train.max(axis=0)
        width = np.where(high > low, high - low, 1.0)
        test = None if cut.test is cut.train else (cut.test - low) / width
        return self.scores(PEERS[name], seed, (cut.train - low) / width, test)

    def scores(self, model: str, seed: int, train: np.ndarray, test: np.ndarray | None) -> tuple[np.ndarray, float]:
        """Scores of `test`, or of the rows learnt, by a class, and CPU seconds."""
        folder = Path(self._folder.name)
        np.save(folder / "train.npy", train)
        if test is not None:
            np.save(folder / "test.npy", test)
        job = {
            "rows": str(folder / "train.npy"),
            "scored": None if test is None else str(folder / "test.npy"),
            "model": {"class": model},
            "seed": seed,
            "n_threads": 1,
            "save": str(folder / "scores.npy"),
        }
        answer = self._send(job)
        if "failed" in answer:
            # It ranks nothing: as good as a constant.
            print(f"{model} failed: {answer['failed']}", flush=True)
            return np.zeros(len(train if test is None else test)), 0.0
        return np.nan_to_num(np.load(folder / "scores.npy"), posinf=np.finfo(float).max), answer["cpu"]

    def _send(self, job: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [str(self._python), str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the peers' Python."""
        if self._process is not None:
            self._process.communicate()
        self._folder.cleanup()
