"""What detectors declare for tuning is inside the domains of their parameters."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.catalog import detector_class, detector_names
from amiss.core.search_space import Choice, LogRange, draw

SEARCHED = [name for kind in ("table", "labels") for name in detector_names(kind) if detector_class(name).search_space]


@pytest.mark.parametrize("name", SEARCHED)
def test_whatever_is_drawn_is_possible(name):
    made = detector_class(name)
    settings = draw(made.search_space, 40, seed=0)
    assert settings[0] == {}
    assert len(settings) > 2
    for setting in settings:
        made(**setting)._check_parameters()


def test_most_detectors_can_be_tuned():
    assert len(SEARCHED) > 20


def test_draws():
    space = {"n": LogRange(1, 100), "rate": LogRange(1e-4, 1.0), "word": Choice(("a", None))}
    settings = draw(space, 300, seed=1)
    assert settings == draw(space, 300, seed=1)
    assert settings[1:] != draw(space, 300, seed=2)[1:]
    n, rate = (np.array([each[name] for each in settings[1:]]) for name in ("n", "rate"))
    assert n.dtype.kind == "i"
    assert 1 <= n.min() < 4
    assert 40 < n.max() <= 100
    assert 1e-4 <= rate.min() < 1e-3
    assert 0.1 < rate.max() <= 1
    assert {each["word"] for each in settings[1:]} == {"a", None}
    assert draw({"word": Choice((1, 2))}, 50, seed=0)[0] == {}
    assert len(draw({"word": Choice((1, 2))}, 50, seed=0)) == 3
    assert draw({}, 5, seed=0) == [{}]
