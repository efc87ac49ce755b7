"""Peers of the sequential detectors, in their own environment: their speed, or their scores, on rows from a file.

Run: PEER_PYTHON benchmarks/speed/peer_streams.py speed|scores ROWS.npy        (river, krcf and pysad installed)

speed: events per CPU second, one thread, as JSON; rows lie ready in the form that the peer asks for. scores: each row
scored before it is learnt, one line of a matrix a peer, written beside the file; a peer that fails gives none.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from krcf import RandomCutForest
from pysad.models import LODA, xStream
from pysad.models import HalfSpaceTrees as PysadTrees
from river import anomaly, preprocessing

FIRST = 500


def trees(**options):
    return anomaly.HalfSpaceTrees(window_size=250, seed=1, **options)


def forest(n_features, seed=1):
    options = {"dimensions": n_features, "shingle_size": 1, "num_trees": 40, "sample_size": 256, "output_after": 1}
    return RandomCutForest({**options, "random_seed": seed})


def river_scores(model, rows):
    scores = []
    for row in rows:
        scores.append(model.score_one(row))
        model.learn_one(row)
    return scores


def krcf_scores(model, X):
    scores = []
    for row in X:
        scores.append(model.score(row))
        model.update(row)
    return scores


def krcf_reasons(model, X):
    for row in X:
        model.attribution(row)
        model.update(row)


def pysad_scores(model, X):
    scores = []
    for row in X:
        scores.append(float(np.ravel(model.score_partial(row))[0]))
        model.fit_partial(row)
    return scores


def rate(work, rows, n_warm):
    work(rows[:n_warm])
    start = time.process_time()
    work(rows[n_warm:])
    return (len(rows) - n_warm) / (time.process_time() - start)


def speed(X):
    rows = [dict(enumerate(row)) for row in ((X - X.min(axis=0)) / np.ptp(X, axis=0)).tolist()]
    cut, told = map(forest, X.shape[1:] * 2)
    sizes = ((25, 15), (25, 10), (25, 8), (10, 8))
    grown = {size: trees(n_trees=size[0], height=size[1]) for size in sizes}
    return {
        **{
            f"River, {n} trees of height {height}": rate(lambda part, m=model: river_scores(m, part), rows, FIRST)
            for (n, height), model in grown.items()
        },
        "krcf, score and update": rate(lambda part: krcf_scores(cut, part), X, FIRST),
        "krcf, attribution and update": rate(lambda part: krcf_reasons(told, part), X, FIRST),
    }


def unit(X):
    """Deviations of the first rows, by which a user would scale what comes."""
    spread = X[:FIRST].std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def shingled(X, size):
    """Each row with those before it; before the first, the first."""
    return np.hstack([X[np.maximum(np.arange(len(X)) - k, 0)] for k in range(size)[::-1]])


def scores(X):
    rows = [dict(enumerate(row)) for row in X.tolist()]
    ranges = np.array([X[:FIRST].min(axis=0), X[:FIRST].max(axis=0)])
    peers = {
        "River trees, scaled": lambda: river_scores(
            preprocessing.MinMaxScaler() | trees(n_trees=25, height=15), rows
        ),
        "PySAD trees": lambda: pysad_scores(PysadTrees(ranges[0], np.maximum(ranges[1], ranges[0] + 1e-9)), X),
        "PySAD LODA": lambda: pysad_scores(LODA(), X),
        "PySAD xStream": lambda: pysad_scores(xStream(), X / unit(X)),
        "krcf": lambda: krcf_scores(forest(X.shape[1]), X),
        "krcf, scaled": lambda: krcf_scores(forest(X.shape[1]), X / unit(X)),
        "krcf, shingle of 8": lambda: krcf_scores(forest(8 * X.shape[1]), shingled(X / unit(X), 8)),
    }  # fmt: skip
    asked = json.loads(sys.argv[3]) if len(sys.argv) > 3 else list(peers)
    found = {}
    for name in asked:
        try:
            np.random.seed(0)  # noqa: NPY002 - PySAD draws from the global generator
            found[name] = np.array(peers[name](), float)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    path = Path(sys.argv[2])
    X = np.load(path)
    if sys.argv[1] == "speed":
        print(json.dumps(speed(X)))
    else:
        np.savez(path.with_suffix(".npz"), **scores(X))
