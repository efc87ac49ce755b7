"""One channel, row by row as it comes: how new each value is, at three smoothings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.summary import Matrix, Vector
from amiss.kernels.novelty import Novelty

__all__ = ["LiveChannel"]

# All numbers were chosen together on the development series, see benchmarks/accuracy/live.py.
_SPANS = (1, 5, 25)
_ASIDE = 5
_CAPACITY = 5000
_MIDDLE, _SIZE = 2.3, 1.9
"""Of separate peaks of the highest novelty: half of them are above, a share e^-1 of these by so much."""
_LARGEST = 1e150
"""Distances of what is beyond could not be added."""


@dataclass(slots=True)
class LiveChannel:
    """What a stream of one channel has been like so far; `advance` writes to it.

    Attributes
    ----------
    novelties
        By span.
    """

    novelties: list[Novelty]

    @classmethod
    def begun(cls, n_channels: int, seed: int) -> LiveChannel:
        """Before the first row."""
        novelties = [Novelty.begun(span, capacity=_CAPACITY, aside=_ASIDE, seed=seed) for span in _SPANS]
        return cls(novelties)

    def copy(self) -> LiveChannel:
        """One that goes its own way."""
        return LiveChannel([each.copy() for each in self.novelties])

    def advance(self, X: Matrix, *, learning: bool) -> Vector:
        """Score of each further row, (n_rows,), by those before it: the highest of its novelties.

        The memory goes on, `learning` or not.
        """
        x = np.clip(X[:, 0], -_LARGEST, _LARGEST)
        highest = np.max([novelty.advance(x) for novelty in self.novelties], axis=0)
        score: Vector = (highest - _MIDDLE) / _SIZE
        return score

    def settle(self) -> None:
        """Nothing is left to be learnt."""

    def contributions(self, X: Matrix, scores: Vector) -> Matrix:
        """All is due to the one channel: (n_rows, 1)."""
        return scores[:, None]

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays and numbers."""
        state: dict[str, Any] = {}
        for n in self.novelties:
            state |= {f"{part}.{n.span}": getattr(n, part) for part in ("counts", "recent", "seen", "known")}
        return state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> LiveChannel:
        """From a `state`; ValueError if its parts do not fit together."""
        novelties = []
        for span in _SPANS:
            counts, recent, seen, known = (state[f"{part}.{span}"] for part in ("counts", "recent", "seen", "known"))
            novelties.append(Novelty(span, _ASIDE, _CAPACITY, counts, recent, seen, known).check())
        return cls(novelties)
