"""Scores of other libraries' online detectors, each row scored before it is learnt; run in a Python that has them.

Run: PEER_PYTHON benchmarks/accuracy/peer_stream.py STREAMS.npz SCORES.npz [NAME …]

Each with its own defaults. River's forest needs values in [0, 1], its support vector machine scaled ones: its
own online scalers stand before them. PySAD's are begun with the first 250 rows where they ask for some.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from krcf import RandomCutForest
from pysad.models import LODA, RSHash, xStream
from river import anomaly, preprocessing

Scorer = Callable[[np.ndarray], Iterator[float]]
FIRST = 250


def river(model: Callable[[], object], scaler: Callable[[], object]) -> Scorer:
    def scores(X: np.ndarray) -> Iterator[float]:
        detector, scale = model(), scaler()
        for row in X.tolist():
            x = dict(enumerate(row))
            scale.learn_one(x)
            x = scale.transform_one(x)
            yield detector.score_one(x)
            detector.learn_one(x)

    return scores


def gaussian(X: np.ndarray) -> Iterator[float]:
    """One for each channel, which is all it is made for; the worst counts."""
    scorers = [anomaly.GaussianScorer() for _ in X[0]]
    for row in X.tolist():
        yield max(scorer.score_one(None, x) for scorer, x in zip(scorers, row, strict=True))
        for scorer, x in zip(scorers, row, strict=True):
            scorer.learn_one(None, x)


def pysad(model: Callable[[np.ndarray], object]) -> Scorer:
    def scores(X: np.ndarray) -> Iterator[float]:
        np.random.seed(0)  # noqa: NPY002 - theirs
        detector = model(X[:FIRST])
        for row in X:
            yield float(detector.fit_score_partial(row))

    return scores


def krcf(X: np.ndarray) -> Iterator[float]:
    options = {"dimensions": X.shape[1], "shingle_size": 1, "num_trees": 40, "sample_size": 256, "random_seed": 0}
    forest = RandomCutForest({**options, "output_after": 1})
    for row in X.tolist():
        yield forest.score(row)
        forest.update(row)


PEERS: dict[str, Scorer] = {
    "River HalfSpaceTrees": river(lambda: anomaly.HalfSpaceTrees(seed=0), preprocessing.MinMaxScaler),
    "River OneClassSVM": river(anomaly.OneClassSVM, preprocessing.StandardScaler),
    "River GaussianScorer": gaussian,
    "PySAD LODA": pysad(lambda _: LODA()),
    "PySAD xStream": pysad(lambda _: xStream()),
    "PySAD RSHash": pysad(lambda X: RSHash(X.min(axis=0), X.max(axis=0) + 1e-9)),
    "krcf": krcf,
}


def main() -> None:
    warnings.simplefilter("ignore")
    streams = np.load(sys.argv[1])
    found = {
        f"{peer}/{name}": np.nan_to_num(np.array(list(PEERS[peer](streams[name]))))
        for peer in sys.argv[3:] or PEERS
        for name in streams
    }
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
