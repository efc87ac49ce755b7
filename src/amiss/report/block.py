"""Numbers on their way into a page: rounded to what can be seen, and squeezed into one block of text."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["Block", "Place"]

_LEVELS = 65_534
"""Multiples of the unit that 16 bits hold beside the one that stands for a missing value."""
_LARGEST = 1e300
"""Larger values are drawn at the edge: a range of twice as much must still be a number."""

Place = list[float]
"""Where an array stands in the block: number of its first value, number of values, lowest value, unit."""


class Block:
    """Arrays that a page unpacks: each value a whole multiple of a unit above the lowest of its array.

    Differences of neighbours are kept, low bytes apart from high ones, so that smooth curves and constants take next
    to nothing, and noise about the bits that can be told apart.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.report.block import Block
    >>> block = Block()
    >>> block.add(np.array([2.0, 2.5, np.nan, 4.0]), unit=0.5)
    [0, 4, 2.0, 0.5]
    """

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.uint16]] = []
        self._n = 0

    def add(self, values: Vector, *, unit: float = 0.0, low: float | None = None) -> Place:
        """Put an array in, and say where it stands.

        Parameters
        ----------
        values : (n_values,)
            NaN where missing.
        unit
            What they are rounded to; more where 16 bits do not hold the range; 0 for as fine as 16 bits can.
        low
            Value to count from, not above any of them; by default the lowest.
        """
        known = np.clip(np.asarray(values, np.float64), -_LARGEST, _LARGEST)
        there = ~np.isnan(known)
        if low is None:
            low = float(known[there].min()) if there.any() else 0.0
        high = float(known[there].max()) if there.any() else low
        step = max(unit, high / _LEVELS - low / _LEVELS) or 1.0
        multiple = np.full(len(known), _LEVELS + 1, np.uint16)
        multiple[there] = np.clip(np.round((known[there] - low) / step), 0, _LEVELS).astype(np.uint16)
        place: Place = [self._n, len(multiple), low, step]
        # Differences wrap around, and so do the sums that undo them. The sign goes into the lowest bit, so that small
        # differences of either sign leave the high byte zero.
        steps = np.diff(multiple, prepend=np.zeros(1, np.uint16)).view(np.int16)
        self._parts.append(((steps << 1) ^ (steps >> 15)).view(np.uint16))
        self._n += len(multiple)
        return place

    def text(self) -> str:
        """All arrays: raw deflate, in base 64."""
        numbers = np.concatenate([*self._parts, np.empty(0, np.uint16)])
        halves = np.concatenate([(numbers & 255).astype(np.uint8), (numbers >> 8).astype(np.uint8)])
        squeezer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return base64.b64encode(squeezer.compress(halves.tobytes()) + squeezer.flush()).decode()
