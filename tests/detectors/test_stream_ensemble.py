"""The ensemble for streams: parts of any size, entities apart, and oddness that lasts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amiss.core.detector import Context
from amiss.detectors import AdaptiveBand, RandomCutForest, StreamEnsemble


def test_how_the_stream_is_cut_changes_nothing_and_a_state_goes_on() -> None:
    X = np.random.default_rng(0).normal(size=(600, 2))
    X[400:430] += 4
    whole = StreamEnsemble().score_partial_fit(X)
    parts, found = StreamEnsemble(), []
    for i in range(0, 600, 77):
        found.append(parts.score_partial_fit(X[i : i + 77]))
        parts = StreamEnsemble().restore(parts.state())
    assert np.array_equal(np.concatenate(found), whole)
    before = StreamEnsemble()
    before.score_partial_fit(X[:400])
    assert before.anomaly_score(X[400:401])[0] == pytest.approx(whole[400])


def test_entities_are_judged_apart() -> None:
    X = np.random.default_rng(1).normal(size=(600, 1))
    X[::2] += 100
    codes = np.arange(600) % 2
    scores = StreamEnsemble().score_partial_fit(X, context=Context(entity=codes))
    alone = AdaptiveBand().score_partial_fit(X[codes == 1])
    assert scores[400:].max() < 4
    assert np.corrcoef(scores[codes == 1][100:], alone[100:])[0, 1] > 0.3


def test_what_lasts_ranks_above_what_its_members_find_in_single_rows() -> None:
    figures = []
    for draw in range(5):
        rng = np.random.default_rng(draw)
        x, odd = rng.normal(size=3_000), np.zeros(3_000, int)
        odd[2_000:2_200] = 1
        x[odd == 1] *= 1.8
        rows = x[:, None]
        told = [kind.score_partial_fit(rows) for kind in (StreamEnsemble(), AdaptiveBand(), RandomCutForest())]
        figures.append([roc_auc_score(odd[500:], scores[500:]) for scores in told])
    ours, band, forest = np.mean(figures, axis=0)
    assert ours > max(band, forest) + 0.1


def test_a_single_odd_row_is_the_oddest_of_a_calm_stream() -> None:
    X = np.random.default_rng(3).normal(size=(1_000, 2))
    X[800] = 12
    assert int(StreamEnsemble().score_partial_fit(X)[500:].argmax()) == 300
