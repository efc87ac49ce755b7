"""Which keys make up most of the weight, among more keys than can be kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.summaries.cardinality import Hashes, hashed

__all__ = ["HeavyHitters"]

_LEVELS, _ROWS, _WIDTH = 8, 4, 1 << 11
_BYTE = 256


@dataclass(frozen=True, slots=True)
class HeavyHitters:
    """Weights of keys of 64 bits in half a megabyte, never too low, and the heaviest keys themselves.

    A count-min sketch for each number of leading bytes of the keys: the heavy keys are found byte by byte, since what
    is heavy begins with what is heavy. The sketch is a sum, so that merging is associative whatever the order.

    Attributes
    ----------
    weight
        Total weight.
    table : (8, 4, 2048)
        Weight in each cell, by leading bytes, row and place.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.summaries.heavy_hitters import HeavyHitters
    >>> keys = np.array([5] * 90 + list(range(100, 110)), np.uint64)
    >>> HeavyHitters.of(keys).heaviest(share=0.5)
    (array([5], dtype=uint64), array([90.]))

    References
    ----------
    Cormode, G., and Muthukrishnan, S. (2005). An improved data stream summary: the count-min sketch and its
    applications. Journal of Algorithms 55.
    """

    weight: float
    table: npt.NDArray[np.float64]

    @classmethod
    def of(cls, keys: Hashes, weights: npt.NDArray[np.float64] | None = None) -> HeavyHitters:
        """Of keys, each with its weight, which is 0 or more and by default 1."""
        each = np.ones(len(keys)) if weights is None else weights
        table = np.zeros((_LEVELS, _ROWS, _WIDTH))
        for level in range(_LEVELS):
            for row, place in enumerate(_places(_leading(keys, level), level)):
                table[level, row] = np.bincount(place, weights=each, minlength=_WIDTH)
        return cls(float(each.sum()), table)

    def merge(self, other: HeavyHitters) -> HeavyHitters:
        """Of the keys of both."""
        return HeavyHitters(self.weight + other.weight, self.table + other.table)

    def at_most(self, keys: Hashes) -> npt.NDArray[np.float64]:
        """Weight of each key, or more, seldom by over 0.2 % of the total: (n_keys,)."""
        return self._at_most(keys, _LEVELS - 1)

    def heaviest(self, *, share: float) -> tuple[Hashes, npt.NDArray[np.float64]]:
        """Keys with at least a share in (0, 1] of the weight, the heaviest first, and their weights.

        None that heavy is left out; one a little lighter may be among them. With a share of 1 % there are at most some
        hundred.
        """
        found = np.zeros(1, np.uint64)
        least = share * self.weight
        for level in range(_LEVELS):
            longer = (found[:, None] << np.uint64(8)) | np.arange(_BYTE, dtype=np.uint64)
            shifted = longer.reshape(-1) << np.uint64(8 * (_LEVELS - 1 - level))
            found = longer.reshape(-1)[self._at_most(shifted, level) >= max(least, np.finfo(float).tiny)]
        weights = self.at_most(found)
        order = np.argsort(-weights, kind="stable")
        return found[order], weights[order]

    def _at_most(self, keys: Hashes, level: int) -> npt.NDArray[np.float64]:
        places = _places(_leading(keys, level), level)
        least: npt.NDArray[np.float64] = np.min([self.table[level, row, at] for row, at in enumerate(places)], axis=0)
        return least


def _leading(keys: Hashes, level: int) -> Hashes:
    return keys >> np.uint64(8 * (_LEVELS - 1 - level))


def _places(prefixes: Hashes, level: int) -> list[npt.NDArray[np.int64]]:
    """The cell of each prefix, in each row by another hash."""
    with np.errstate(over="ignore"):
        mixed = hashed(prefixes ^ np.uint64(0x1234567 * (level + 1)))
        return [((mixed >> np.uint64(16 * row)) % np.uint64(_WIDTH)).astype(np.int64) for row in range(_ROWS)]
