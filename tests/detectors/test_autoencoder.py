"""The autoencoder: its slopes against differences, what it learns, and what dirt does to it."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.detectors import PCA, Autoencoder
from amiss.detectors.autoencoder import _forward, _fresh, _gradients


def auc(odd, normal):
    return np.mean(odd[:, None] > normal[None, :])


def arc(n_rows, seed):
    angle = np.random.default_rng(seed).uniform(0, np.pi, n_rows)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_slopes_equal_differences():
    random = np.random.default_rng(0)
    layers, Z = _fresh([3, 4, 2, 4, 3], random), random.normal(size=(7, 3))

    def error():
        return ((_forward(layers, Z)[-1] - Z) ** 2).sum() / (2 * len(Z))

    for layer, slope in zip(layers, _gradients(layers, Z, trim=0.0), strict=True):
        for place in np.ndindex(*layer.shape):
            layer[place] += 1e-6
            up = error()
            layer[place] -= 2e-6
            down = error()
            layer[place] += 1e-6
            assert slope[place] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_rows_restored_worst_are_left_out_of_a_step():
    random = np.random.default_rng(0)
    layers, Z = _fresh([3, 4, 2, 4, 3], random), random.normal(size=(10, 3))
    error = ((_forward(layers, Z)[-1] - Z) ** 2).sum(axis=1)
    kept = Z[error <= np.sort(error)[7]]
    for trimmed, plain in zip(_gradients(layers, Z, trim=0.2), _gradients(layers, kept, trim=0.0), strict=True):
        np.testing.assert_allclose(trimmed, plain, atol=1e-12)


def test_score_is_what_is_missed_in_usual_sizes():
    X = np.random.default_rng(0).normal(size=(400, 3)) @ np.random.default_rng(1).normal(size=(3, 3))
    detector = Autoencoder(n_steps=200).fit(X)
    Z = (X - detector.location_) / detector.scale_
    out = np.clip(Z, -4, 4)
    for k in (1, 2, 3, 4):
        layer = getattr(detector, f"layer_{k}_")
        out = out @ layer[:, :-1].T + layer[:, -1]
        out = np.tanh(out) if k in (1, 3) else out
    expected = (((Z - out) / detector.residual_) ** 2).mean(axis=1)
    np.testing.assert_allclose(detector.anomaly_score(X), expected, rtol=1e-9)


def test_it_learns_a_curve_that_straight_lines_miss():
    inside = np.random.default_rng(1).uniform(-0.4, 0.4, (200, 2)) * [1, 0.5] + [0, 0.3]
    normal = arc(1000, seed=0)
    detector = Autoencoder(n_code=1).fit(normal)
    assert auc(detector.anomaly_score(inside), detector.anomaly_score(arc(500, seed=2))) > 0.99
    straight = PCA(variance=0.5).fit(normal)
    assert auc(straight.anomaly_score(inside), straight.anomaly_score(arc(500, seed=2))) < 0.9


def test_dirt_is_not_learnt():
    random = np.random.default_rng(0)
    clean, dirt = arc(1000, seed=0), random.normal(0, 0.05, (60, 2))
    trimmed = Autoencoder(n_code=1, trim=0.1).fit(np.vstack([clean, dirt]))
    assert auc(trimmed.anomaly_score(dirt), trimmed.anomaly_score(clean)) > 0.99


def test_gross_values_do_not_hide_what_the_others_learn():
    X = arc(1000, seed=0)
    X[:20] *= 1e6
    detector = Autoencoder(n_code=1).fit(X)
    scores = detector.anomaly_score(np.vstack([arc(300, seed=1), [[0.0, 0.4]]]))
    assert scores[-1] > scores[:-1].max()


def test_columns_count_alike_whatever_their_units():
    random = np.random.default_rng(0)
    X = random.normal(size=(800, 1)) + 0.3 * random.normal(size=(800, 4))
    scores = Autoencoder().fit(X).anomaly_score(X)
    # Powers of two: nothing is rounded differently.
    units = np.array([1.0, 1024.0, 2.0**-20, 8.0])
    np.testing.assert_allclose(Autoencoder().fit(X * units).anomaly_score(X * units), scores, rtol=1e-9)


def test_training_ends_when_nothing_is_gained(monkeypatch):
    from amiss.detectors import autoencoder

    looks = []
    measure = autoencoder._trimmed_error
    monkeypatch.setattr(autoencoder, "_trimmed_error", lambda *given: looks.append(1) or measure(*given))
    Autoencoder(n_code=3).fit(np.zeros((200, 3)))
    assert len(looks) < 60
