"""Runs and how long they last."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series.runs import improbability, run_ends, run_lengths, tail_of


def test_lengths_and_ends():
    inside = np.array([1, 1, 0, 0, 1, 0, 1, 1, 1], bool)
    length = run_lengths(inside)
    assert length.tolist() == [1, 2, 0, 0, 1, 0, 1, 2, 3]
    assert run_ends(length).tolist() == [1, 4, 8]
    assert run_ends(np.array([1, 2, 1, 1, 2])).tolist() == [1, 2, 4]


@pytest.mark.parametrize("stay", [0.2, 0.5, 0.95])
def test_runs_by_chance_are_as_improbable_as_they_are_rare(stay):
    lengths = np.random.default_rng(0).geometric(1 - stay, size=20_000)
    tail = tail_of(lengths)
    for long in (2, 4, 10):
        share = (lengths >= long).mean()
        if share > 1e-3:
            assert improbability(np.array([long]), tail)[0] == pytest.approx(-np.log(share), rel=0.1, abs=0.1)


def test_beyond_runs_of_one_length_a_longer_one_stands_out():
    tail = tail_of(np.full(30, 40))
    usual, twice = improbability(np.array([40, 80]), tail)
    assert twice > 3.5 * usual


def test_the_longest_run_does_not_speak_for_itself():
    lengths = np.append(np.full(50, 2), 500)
    assert np.array_equal(tail_of(lengths), tail_of(np.full(51, 2)))
