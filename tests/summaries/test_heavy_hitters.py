"""The heaviest of many keys: none is missed, none is too light, and merged parts are the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.summaries.cardinality import hashed
from amiss.summaries.heavy_hitters import HeavyHitters

KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=30)


@pytest.mark.parametrize("seed", range(3))
def test_the_heavy_are_found_among_many_light(seed: int) -> None:
    random = np.random.default_rng(seed)
    keys = np.concatenate([hashed(random.integers(0, 10**9, 200_000)), np.repeat(hashed(np.arange(5) + seed), 6000)])
    sketch = HeavyHitters.of(random.permutation(keys))
    found, weights = sketch.heaviest(share=0.02)
    assert set(found.tolist()) == set(hashed(np.arange(5) + seed).tolist())
    assert weights == pytest.approx(6000, abs=0.005 * len(keys))
    assert (weights >= 6000).all()


@given(KEYS, KEYS, KEYS)
def test_merged_parts_are_the_whole_in_any_order(a: list[int], b: list[int], c: list[int]) -> None:
    one, two, three = (HeavyHitters.of(np.array(part, np.uint64)) for part in (a, b, c))
    whole = HeavyHitters.of(np.array(a + b + c, np.uint64))
    for merged in (one.merge(two).merge(three), one.merge(two.merge(three)), three.merge(one).merge(two)):
        assert merged.weight == whole.weight
        assert np.array_equal(merged.table, whole.table)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=60))
def test_no_weight_is_told_too_low(pairs: list[tuple[int, int]]) -> None:
    keys, weights = np.array([key for key, _ in pairs], np.uint64), np.array([float(w) for _, w in pairs])
    sketch = HeavyHitters.of(keys, weights)
    for key in np.unique(keys):
        assert sketch.at_most(np.array([key]))[0] >= weights[keys == key].sum()


def test_nothing_has_no_heavy_keys() -> None:
    assert len(HeavyHitters.of(np.zeros(0, np.uint64)).heaviest(share=0.1)[0]) == 0
