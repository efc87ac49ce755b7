"""The number of independent rows: that of theory for a process where theory has one."""

from __future__ import annotations

import numpy as np
import pytest

import amiss
from amiss.core.errors import PromiseError
from amiss.thresholds.effective import n_effective


def autoregressive(random, n, memory):
    noise = random.normal(size=n)
    values = np.empty(n)
    values[0] = noise[0] / np.sqrt(1 - memory**2)
    for i in range(1, n):
        values[i] = memory * values[i - 1] + noise[i]
    return values


def naive(scores):
    """The autocorrelation of high scores, lag by lag, over the same window."""
    high = (scores >= np.quantile(scores, 0.9)).astype(float)
    high -= high.mean()
    n = len(high)
    correlation = [(high[: n - lag] * high[lag:]).sum() / (high**2).sum() for lag in range(n)]
    total = 0.0
    for pair in range(n // 2):
        step = correlation[2 * pair] + correlation[2 * pair + 1]
        if step <= 0:
            break
        total += step
    return n / max(2 * total - 1, 1.0)


def test_like_its_naive_twin():
    for seed, memory in enumerate((0.0, 0.5, 0.9, 0.97)):
        scores = autoregressive(np.random.default_rng(seed), 600, memory)
        assert n_effective(scores, np.zeros(600, np.int64)) == pytest.approx(naive(scores))


def test_independent_rows_are_worth_themselves():
    found = [n_effective(np.random.default_rng(s).normal(size=3000), np.zeros(3000, np.int64)) for s in range(10)]
    assert np.mean(found) > 0.85 * 3000


def test_the_variance_of_a_mean_is_that_of_so_many_rows():
    """Over many draws the share of high rows varies as that of n_effective independent rows does."""
    level = 1.2816 / np.sqrt(1 - 0.9**2)
    draws = [autoregressive(np.random.default_rng(s), 2000, 0.9) for s in range(150)]
    variance = np.var([(x > level).mean() for x in draws])
    worth = np.mean([n_effective(x, np.zeros(2000, np.int64)) for x in draws])
    assert 0.6 < variance / (0.09 / worth) < 1.6


def test_series_apart_are_independent():
    one = autoregressive(np.random.default_rng(0), 500, 0.9)
    two = autoregressive(np.random.default_rng(1), 500, 0.9)
    series = np.repeat([0, 1], 500)
    # Rows of two devices may come in any mixture, as long as each device's own keep their order.
    whole = n_effective(np.append(one, two), series)
    braided = np.argsort(np.concatenate([np.arange(500), np.arange(500)]), kind="stable")
    assert n_effective(np.append(one, two)[braided], series[braided]) == pytest.approx(whole)


@pytest.mark.parametrize("scores", [np.empty(0), np.ones(3), np.ones(50)])
def test_nothing_to_tell_from(scores):
    assert n_effective(scores, np.zeros(len(scores), np.int64)) == len(scores)


def test_a_history_with_memory_says_so_and_refuses():
    random = np.random.default_rng(0)
    X = {"time": np.arange(3000) * 60.0 + 1.7e9, "a": autoregressive(random, 3000, 0.98), "b": random.normal(size=3000)}
    model = amiss.fit(X, time="time", detector="mahalanobis", clean=True)
    assert model.promise.n_effective < 1500
    with pytest.raises(PromiseError, match="independent ones"):
        amiss.fit(X, time="time", detector="mahalanobis", clean=True, false_alarms=0.2 / 3000)
    plain = {name: X[name] for name in "ab"}
    assert amiss.fit(plain, detector="mahalanobis", clean=True).promise.n_effective == 3000
