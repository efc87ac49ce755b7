"""Q and T² of windows of several channels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from amiss.prepare.windows import windows
from amiss.series import WindowedPCA


def channels(n=1500, d=4, seed=0):
    random = np.random.default_rng(seed)
    cycle = np.sin(np.arange(n) / 12)[:, None]
    return cycle * np.linspace(1, 3, d) + 0.3 * random.normal(size=(n, d))


@pytest.mark.parametrize(("statistic", "weights"), [("t2", (1, 0)), ("q", (0, 1)), ("both", (1, 1))])
def test_statistics_are_those_of_scikit_learn(statistic, weights):
    X = channels()
    detector = WindowedPCA(window=6, variance=0.75, statistic=statistic, causal=True).fit(X)
    parts = windows((X - detector.location_) / detector.scale_, 6)
    model = PCA(n_components=0.75).fit(parts)
    inside = model.transform(parts)
    t2 = np.square(inside / inside.std(axis=0)).sum(axis=1)
    q = np.square(parts - model.inverse_transform(inside)).sum(axis=1)
    expected = weights[0] * t2 / t2.mean() + weights[1] * q / q.mean()
    np.testing.assert_allclose(detector.anomaly_score(X)[5:], expected, rtol=1e-6)


def test_q_sees_what_breaks_a_relation_and_t2_what_follows_it_too_far():
    X = channels()
    broken, far = X.copy(), X.copy()
    broken[700:720, 2] *= -1
    far[700:720] *= 3
    for odd, statistic in ((broken, "q"), (far, "t2")):
        scores = WindowedPCA(statistic=statistic).fit(X).anomaly_score(odd)
        assert 690 < np.argmax(scores) < 730, statistic


@pytest.mark.parametrize("window", [1, 10])
def test_causal_scores_are_the_same_in_chunks_that_bring_the_rows_before(window):
    X = channels()
    detector = WindowedPCA(window=window, causal=True).fit(X)
    whole = detector.anomaly_score(X)
    for start, stop in ((10, 11), (200, 260), (777, 1500)):
        chunk = np.ascontiguousarray(X[start - window + 1 : stop])
        np.testing.assert_allclose(detector.anomaly_score(chunk)[window - 1 :], whole[start:stop], rtol=1e-9)


def test_the_channel_to_blame():
    X = channels()
    odd = X.copy()
    odd[700:720, 2] += 4
    detector = WindowedPCA().fit(X)
    assert (detector.contributions(odd)[705:715].argmax(axis=1) == 2).all()


def test_more_values_in_a_window_than_windows():
    X = channels(n=400, d=200)
    detector = WindowedPCA().fit(X)
    odd = X.copy()
    odd[200:210, 5] += 8
    scores = detector.anomaly_score(odd)
    assert 190 < np.argmax(scores) < 220
    np.testing.assert_allclose(
        detector.components_ @ detector.components_.T, np.eye(len(detector.components_)), atol=1e-6
    )
