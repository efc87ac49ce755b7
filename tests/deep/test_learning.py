"""Networks learn: they beat chance, differ from their start in every weight, and end when nothing is gained."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

import amiss
import amiss.deep
from amiss.core.catalog import detector_class, detector_names
from amiss.core.errors import MissingExtraError, ParameterError
from amiss.core.extras import EXTRAS
from amiss.deep import DeepSVDD, SequenceAutoencoder, SequenceForecaster, Transformer, VariationalAutoencoder
from amiss.deep import _training as training
from amiss.deep._nets import CELLS

SHORT = {"n_steps": 250, "window": 24}
SERIES = [
    *[(SequenceAutoencoder, {"cell": cell, "n_hidden": 16}) for cell in CELLS],
    *[(SequenceForecaster, {"cell": cell, "n_hidden": 16}) for cell in CELLS],
    (Transformer, {"n_hidden": 8}),
]
ROWS = [(detector_class(name), {}) for name in ("variational_autoencoder", "deep_belief_network", "deep_svdd")]
named = pytest.mark.parametrize(("kind", "params"), SERIES, ids=lambda part: str(getattr(part, "__name__", part)))
rows_named = pytest.mark.parametrize(("kind", "params"), ROWS, ids=lambda part: str(getattr(part, "__name__", part)))


def auc(odd, normal):
    return np.mean(odd[:, None] > normal[None, :])


def planted_rows(seed=0):
    """Rows on a curved surface in eight columns; rows off it, no column of which is far out."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(2, 8))
    usual = np.tanh(random.normal(size=(900, 2)) @ mixing) + 0.05 * random.normal(size=(900, 8))
    odd = random.uniform(-1, 1, size=(80, 8))
    return usual, odd


def planted_series():
    """Two channels with one rhythm; in the second half stretches of another, as large."""
    random, at = np.random.default_rng(0), np.arange(2400)
    X = np.stack([np.sin(at / 4), np.cos(at / 4)], axis=1) + 0.1 * random.normal(size=(2400, 2))
    labels = np.zeros(2400, bool)
    for start in (1300, 1700, 2100):
        labels[start : start + 40] = True
        X[start : start + 40, 0] = np.sin(at[:40] / 1.3) + 0.1 * random.normal(size=40)
    return X, labels


@rows_named
def test_rows_beat_chance(kind, params):
    (usual, _), (unseen, odd) = planted_rows(), planted_rows(seed=1)
    detector = kind(n_steps=500, **params).fit(usual)
    assert auc(detector.anomaly_score(odd), detector.anomaly_score(unseen)) > 0.8


@named
def test_series_beat_chance(kind, params):
    X, labels = planted_series()
    scores = kind(**SHORT, **params).fit(X[:1200]).anomaly_score(X)
    assert auc(scores[labels], scores[1200:][~labels[1200:]]) > 0.85


@named
def test_a_series_network_has_learnt(kind, params, monkeypatch):
    check_has_learnt(kind(**SHORT, **params), planted_series()[0][:1200], monkeypatch)


@rows_named
def test_a_row_network_has_learnt(kind, params, monkeypatch):
    check_has_learnt(kind(n_steps=300, **params), planted_rows()[0], monkeypatch)


def check_has_learnt(detector, X, monkeypatch):
    """Every array of weights has left its start, and the loss of what was held out has fallen."""
    starts = []
    module = sys.modules[type(detector).__module__]
    train = module.trained
    monkeypatch.setattr(module, "trained", lambda start, *given: starts.append(start) or train(start, *given))
    detector.fit(X)
    (start,) = starts
    assert start.keys() == detector.net_.keys()
    for name, array in start.items():
        assert np.abs(detector.net_[name] - array).max() > 1e-4, name
    assert np.isfinite(detector.losses_).all()
    assert detector.losses_.min() < (0.7 * detector.losses_[0] if detector.losses_[0] > 0 else detector.losses_[0])


def test_training_ends_when_nothing_is_gained():
    noise = np.random.default_rng(0).normal(size=(2000, 2))
    detector = VariationalAutoencoder(n_code=1, n_steps=20_000).fit(noise)
    assert len(detector.losses_) < 100


def test_the_best_weights_are_kept():
    rows = np.random.default_rng(0).normal(size=(300, 1))

    def loss(xp, weights, batch, drawn):
        # Falls to the best at 0.5, then rises: steps of so high a rate go on beyond it.
        return (weights["w"] - 0.5) ** 2 + 0.0 * batch[:, 0]

    plan = training.Plan(n_steps=1000, batch_size=8, learning_rate=0.02)
    done = training.trained({"w": np.zeros(1)}, loss, rows, rows, plan)
    assert (done.weights["w"][0] - 0.5) ** 2 == pytest.approx(done.losses.min(), abs=1e-3)
    assert len(done.losses) < 21


def test_adam_is_torch_s_own():
    import torch

    random = np.random.default_rng(0)
    rows, start = random.normal(size=(1, 3)), {"w": random.normal(size=(2, 3)), "b": random.normal(size=2)}

    def loss(xp, weights, batch, drawn):
        return (xp.tanh(batch @ weights["w"].T + weights["b"]) ** 2).sum(-1)

    plan = training.Plan(n_steps=10, batch_size=4, learning_rate=0.01)
    ours = training.trained(start, loss, rows, rows, plan).weights
    theirs = {name: torch.tensor(array, dtype=torch.float32, requires_grad=True) for name, array in start.items()}
    adam = torch.optim.Adam(theirs.values(), lr=0.01)
    batch = torch.tensor(np.repeat(rows, 4, axis=0), dtype=torch.float32)
    for step in range(10):
        adam.param_groups[0]["lr"] = 0.01 * (1 - step / 10)
        adam.zero_grad()
        loss(torch, theirs, batch, None).mean().backward()
        adam.step()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name].detach().numpy(), rtol=1e-4, atol=1e-5)


def test_rows_with_the_highest_loss_are_left_out():
    rows = np.append(np.zeros(95), np.full(5, 100.0))[:, None]

    def loss(xp, weights, batch, drawn):
        return (batch[:, 0] - weights["level"]) ** 2

    plan = training.Plan(n_steps=300, batch_size=100, learning_rate=0.5, trim=0.2)
    done = training.trained({"level": np.array([3.0])}, loss, rows, rows, plan)
    assert abs(done.weights["level"][0]) < 0.1


def test_deep_svdd_does_not_collapse():
    usual, odd = planted_rows()
    detector = DeepSVDD(n_steps=2000, learning_rate=5e-3).fit(usual)
    scores = detector.anomaly_score(usual)
    assert np.quantile(scores, 0.9) > 1.5 * np.quantile(scores, 0.1)
    assert auc(detector.anomaly_score(odd), scores) > 0.8
    assert (np.abs(detector.center_) >= 0.1).all()
    assert not any("bias" in name for name in detector.net_)


@named
def test_windows_score_alike_however_many_are_scored_at_once(kind, params, monkeypatch):
    X = planted_series()[0][:600]
    detector = kind(n_steps=20, window=24, **params).fit(X)
    whole = detector.anomaly_score(X)
    monkeypatch.setattr(sys.modules["amiss.deep._windows"], "_AT_ONCE", 24 * 32 * 3)
    monkeypatch.setattr(sys.modules["amiss.deep.sequence_forecaster"], "_AT_ONCE", 24 * 32 * 3)
    np.testing.assert_allclose(detector.anomaly_score(X), whole, rtol=1e-9, atol=1e-12)


def test_progress_is_told():
    told = []
    detector = VariationalAutoencoder(n_steps=200)
    detector.progress = lambda stage, share: told.append((stage, share))
    detector.fit(planted_rows()[0])
    shares = [share for stage, share in told if stage == "training"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 4


def test_threads_are_as_they_were():
    import torch

    before = torch.get_num_threads()
    SequenceForecaster(n_steps=2, n_jobs=2).fit(planted_series()[0][:200])
    assert torch.get_num_threads() == before


def test_a_device_that_is_not_there():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ParameterError, match="no CUDA device"):
        VariationalAutoencoder(device="cuda").fit(planted_rows()[0])


@pytest.mark.parametrize("name", detector_names("deep"))
def test_a_saved_model_scores_the_same_without_torch(name, tmp_path, monkeypatch):
    kind = detector_class(name)
    series = kind.capabilities.ordered
    X = planted_series()[0][:400] if series else planted_rows()[0][:300, :3]
    table = pl.DataFrame({f"x{j}": X[:, j] for j in range(X.shape[1])})
    params = {"n_steps": 5, "n_hidden": 8}
    if series:
        start = pl.datetime(2026, 1, 1)
        table = table.with_columns(time=start + pl.duration(minutes=pl.int_range(len(X))))
        params["window"] = 16
    model = amiss.fit(table, detector=name, params=params)
    model.save(tmp_path / "deep.amiss")
    monkeypatch.setitem(sys.modules, "torch", None)
    loaded = amiss.load(tmp_path / "deep.amiss")
    np.testing.assert_array_equal(loaded.score(table).scores, model.score(table).scores)


def test_a_live_model_judges_rows_as_they_come():
    X = planted_series()[0][:300]
    start = pl.datetime(2026, 1, 1)
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]}).with_columns(time=start + pl.duration(minutes=pl.int_range(300)))
    params = {"n_steps": 5, "n_hidden": 4, "window": 8}
    model = amiss.fit(table, detector="sequence_forecaster", causal=True, params=params)
    whole, first = model.score(table).scores, model.score(table[:200]).scores
    np.testing.assert_allclose(first, whole[:200], rtol=1e-9, atol=1e-12)


def test_extra_that_is_absent_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert EXTRAS["deep"] == "torch"
    for name in detector_names("deep"):
        X = planted_series()[0][:300] if detector_class(name).capabilities.ordered else planted_rows()[0]
        with pytest.raises(MissingExtraError, match=r"amiss\[deep\]"):
            detector_class(name)().fit(X)


def test_doors_without_torch():
    for name in detector_names("deep"):
        kind = detector_class(name)
        assert getattr(amiss.deep, kind.__name__) is kind
    assert set(dir(amiss.deep)) >= {"DeepSVDD", "Transformer"}
    with pytest.raises(AttributeError):
        amiss.deep.nothing  # noqa: B018
