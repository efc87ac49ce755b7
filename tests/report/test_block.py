"""Numbers in a page: what is unpacked is what was put in, to the unit; and they take little room."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.report.block import Block


def unpacked(text, place):
    """What the page's script does."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text), -15), np.uint8).astype(np.int64)
    at, n, low, unit = place
    half = len(raw) // 2
    steps = raw[at : at + n] + 256 * raw[half + at : half + at + n]
    multiple = np.cumsum((steps >> 1) ^ -(steps & 1)) & 65535
    return np.where(multiple == 65535, np.nan, low + multiple * unit)


values = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=50).map(np.array)


@given(st.lists(values, max_size=4), st.floats(0, 10))
def test_what_is_unpacked_was_put_in(arrays, unit):
    block = Block()
    places = [block.add(array, unit=unit) for array in arrays]
    text = block.text()
    for array, place in zip(arrays, places, strict=True):
        found = unpacked(text, place)
        assert np.array_equal(np.isnan(found), np.isnan(array))
        there = ~np.isnan(array)
        assert np.all(np.abs(found - array)[there] <= 0.5001 * place[3])
        assert place[3] <= max(unit, 2e6 / 65_000, 1.0)


@pytest.mark.parametrize("odd", [[1e308, -1e308], [np.inf, -np.inf, 0.0], [np.nan, np.nan], [], [5e-324, 0.0]])
def test_any_number(odd):
    block = Block()
    found = unpacked(block.text() or "", [0, 0, 0.0, 1.0])
    assert len(found) == 0
    place = block.add(np.array(odd))
    assert np.isfinite(place).all()
    assert len(unpacked(block.text(), place)) == len(odd)


def test_a_common_origin():
    block = Block()
    place = block.add(np.array([3.0, 4.0]), unit=0.5, low=1.0)
    assert place == [0, 2, 1.0, 0.5]
    assert unpacked(block.text(), place).tolist() == [3.0, 4.0]


def test_noise_costs_what_can_be_told_apart():
    block = Block()
    block.add(np.random.default_rng(0).normal(size=100_000), unit=0.1)
    assert len(block.text()) < 1.1 * 100_000  # about six bits each, in base 64
    block = Block()
    block.add(np.full(100_000, 3.7), unit=0.1)
    assert len(block.text()) < 1000
