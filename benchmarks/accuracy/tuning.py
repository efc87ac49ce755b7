"""What parameters chosen without labels are worth: the defaults, the choice, the mean and the best of the settings.

Run: python benchmarks/accuracy/tuning.py FOLDER     (the folder of tabular sets, one .npz with X and y each)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from amiss.core.source import silent
from amiss.evaluate.consensus import agreed_params
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.trial import row_detector, with_params
from amiss.pipeline.recipe import Recipe

DETECTORS = ("knn", "lof", "isolation_forest", "hbos", "one_class_svm", "gmm")
SETTINGS, MOST_ROWS, FEWEST_ANOMALIES = 8, 6000, 5


def figures(recipe: Recipe, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    scores = row_detector(recipe, -1).fit(X).score_rows(X)
    return auc_roc(y, scores), auc_pr(y, scores)


def one(name: str, X: np.ndarray, y: np.ndarray) -> list[float]:
    recipe = Recipe(detector=name)
    found = agreed_params(recipe, X, n_settings=SETTINGS, progress=silent)
    told = {str(dict(s.params)): figures(with_params(recipe, s.params), X, y) for s in found.settings}
    values = np.array(list(told.values()))
    return [*told["{}"], *told[str(dict(found.params))], *values.mean(axis=0), *values.max(axis=0)]


def main() -> None:
    rows: dict[str, list[list[float]]] = {}
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        data = np.load(path)
        drawn = np.random.default_rng(0).permutation(len(data["y"]))[:MOST_ROWS]
        X, y = data["X"][drawn].astype(float), data["y"][drawn] > 0
        if y.sum() < FEWEST_ANOMALIES:
            continue
        spread = X.std(axis=0)
        X = np.ascontiguousarray((X - np.median(X, axis=0)) / np.where(spread > 0, spread, 1.0))
        for name in DETECTORS:
            rows.setdefault(name, []).append(one(name, X, y))
    print(f"AUC-ROC / AUC-PR, mean of {len(rows[DETECTORS[0]])} sets, {SETTINGS} settings\n")
    print("| detector | defaults | chosen | mean setting | best, with hindsight |")
    print("| --- | --- | --- | --- | --- |")
    means = {name: np.mean(values, axis=0) for name, values in rows.items()}
    for name, m in (means | {"all": np.mean(list(means.values()), axis=0)}).items():
        print(f"| {name} | " + " | ".join(f"{m[2 * k]:.3f} / {m[2 * k + 1]:.3f}" for k in range(4)) + " |")


if __name__ == "__main__":
    main()
