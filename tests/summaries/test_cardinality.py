"""Numbers of different values: exact while few, near while many, the same however the values were divided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.summaries.cardinality import Cardinality, hashed


def same(a: Cardinality, b: Cardinality) -> bool:
    return a.n_groups == b.n_groups and all(
        np.array_equal(getattr(a, one), getattr(b, one)) for one in ("groups", "values", "large", "registers")
    )


def of(values: np.ndarray, n_groups: int = 1) -> Cardinality:
    return Cardinality.of(values % n_groups, hashed(values), n_groups)


@pytest.mark.parametrize("n", [0, 1, 255, 256])
def test_few_are_counted_exactly(n: int) -> None:
    assert of(np.repeat(np.arange(n), 3)).counts().tolist() == [n]


@pytest.mark.parametrize("n", [257, 1000, 12_000, 300_000])
def test_many_are_counted_within_three_standard_errors_of_two_percent(n: int) -> None:
    errors = [of(np.arange(n) + 1_000_003 * draw).counts()[0] / n - 1 for draw in range(12)]
    assert np.max(np.abs(errors)) < 3 * 1.04 / 64
    assert abs(np.mean(errors)) < 3 * 1.04 / 64 / np.sqrt(12)


@given(
    st.lists(st.lists(st.integers(0, 900), max_size=40), min_size=3, max_size=3),
    st.integers(1, 4),
    st.lists(st.integers(0, 3000), min_size=3, max_size=3),
)
def test_merged_parts_are_the_whole_in_any_order(parts: list[list[int]], n_groups: int, many: list[int]) -> None:
    values = [np.concatenate([np.array(part, np.int64), np.arange(n)]) for part, n in zip(parts, many, strict=True)]
    a, b, c = (of(one, n_groups) for one in values)
    whole = of(np.concatenate(values), n_groups)
    assert same(a.merge(b).merge(c), whole)
    assert same(a.merge(b.merge(c)), whole)
    assert same(c.merge(a).merge(b), whole)


def test_groups_that_are_moved_keep_their_counts() -> None:
    one = of(np.arange(3000), 3)
    moved = one.moved(np.array([5, 0, 2]), 6)
    assert moved.counts()[[5, 0, 2]] == pytest.approx(one.counts())
    assert moved.counts()[[1, 3, 4]].tolist() == [0, 0, 0]
