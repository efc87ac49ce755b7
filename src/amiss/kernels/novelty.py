"""How new each value of a stream is: the compiled loop and its NumPy twin."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from amiss.core.random import next_uniform
from amiss.core.summary import Vector
from amiss.kernels import loops

__all__ = ["Novelty"]

_ROWS, _SEEN, _KNOWN, _RANDOM = range(4)
_RECORD_WEIGHT, _RECORD_MOST = 0.1, 3.0


@dataclass(slots=True)
class Novelty:
    """What a stream has been like so far, smoothed over one span; see `novelty.h`. `advance` writes to it.

    Attributes
    ----------
    span
        Weight 2 / (span + 1) of the newest value, and how many values, at least so many rows old, it is compared with.
    aside
        So many first distances are not ranked with.
    capacity
        Most values, and distances, that are kept.
    counts : (4,)
        Rows, values seen, distances known, and the state of the random numbers.
    recent : (span + 1,)
        Smoothed values of the last rows; last, that of the last row.
    seen, known : (n_room,)
        Samples of the values and of their distances, ascending as far as they are filled; room grows with the rows.
    """

    span: int
    aside: int
    capacity: int
    counts: npt.NDArray[np.int64]
    recent: Vector
    seen: Vector
    known: Vector

    @classmethod
    def begun(cls, span: int, *, capacity: int, aside: int, seed: int) -> Novelty:
        """Before the first row."""
        counts = np.array([0, 0, 0, seed], np.int64)
        return cls(span, aside, capacity, counts, np.zeros(span + 1), np.zeros(0), np.zeros(0))

    def copy(self) -> Novelty:
        """One that goes its own way."""
        return Novelty(
            self.span, self.aside, self.capacity, self.counts.copy(), self.recent.copy(), self.seen.copy(),
            self.known.copy(),
        )  # fmt: skip

    def advance(self, x: Vector) -> Vector:
        """Novelty of further values, (n_rows,), each of which is then known.

        Costs O(span + log capacity) steps a row, and moves up to 16 × capacity bytes.

        Parameters
        ----------
        x : (n_rows,)
            Finite numbers.
        """
        novelty = np.empty(len(x))
        self._make_room(len(x))
        if not loops.compiled():
            self._advance(x, novelty)
            return novelty
        loops.lib.amiss_novelty(
            loops.address(x), len(x), self.span, self.capacity, self.aside, loops.address(self.counts),
            loops.address(self.recent), loops.address(self.seen), loops.address(self.known), loops.address(novelty),
        )  # fmt: skip
        return novelty

    def _make_room(self, n_rows: int) -> None:
        room = min(self.capacity, int(self.counts[_ROWS]) + n_rows)
        if room > len(self.seen):
            # Twice as much, so that rows that come one by one do not copy all each time.
            more = np.zeros(min(self.capacity, max(room, 2 * len(self.seen))) - len(self.seen))
            self.seen, self.known = np.append(self.seen, more), np.append(self.known, more)

    def _advance(self, x: Vector, novelty: Vector) -> None:
        t, n_seen, n_known = (int(self.counts[k]) for k in (_ROWS, _SEEN, _KNOWN))
        random = int(self.counts[_RANDOM]) & 0xFFFFFFFFFFFFFFFF
        span, recent, smooth = self.span, self.recent.tolist(), float(self.recent[-1])
        seen, known = self.seen[:n_seen].tolist(), self.known[:n_known].tolist()
        weight = 2.0 / (span + 1.0)
        for i, value in enumerate(x.tolist()):
            smooth = value if t == 0 or span == 1 else smooth + weight * (value - smooth)
            if t >= span:
                random = _offer(seen, self.capacity, t - span + 1, random, recent[t % span])
            recent[t % span] = smooth
            distance = _mean_distance(seen, span, smooth)
            novelty[i] = _rank_of(known, distance)
            if t >= self.aside:
                random = _offer(known, self.capacity, t - self.aside + 1, random, distance)
            t += 1
        self.counts[:] = np.array([t, len(seen), len(known), random], np.uint64).astype(np.int64)
        self.recent[:] = [*recent[:span], smooth]
        self.seen[: len(seen)], self.known[: len(known)] = seen, known

    def check(self) -> Self:
        """Itself, or ValueError if its arrays do not fit together: the compiled loop does not look."""
        t, n_seen, n_known, _ = self.counts.tolist() if self.counts.shape == (4,) else (-1, 0, 0, 0)
        kinds = {each.dtype == np.float64 and each.ndim == 1 for each in (self.recent, self.seen, self.known)}
        fit = kinds == {True} and self.counts.dtype == np.int64 and self.span >= 1 and self.aside >= 0 and t >= 0
        fit = fit and len(self.recent) == self.span + 1 and len(self.seen) == len(self.known) <= self.capacity
        # Of all rows so far: the loop writes as many before it looks for room.
        fit = fit and n_seen <= t and n_known <= t and (len(self.seen) >= min(t, self.capacity) > 0 or t == 0)
        fit = fit and 0 <= n_seen <= len(self.seen) and 0 <= n_known <= len(self.known)
        if not fit or not all(np.isfinite(each).all() for each in (self.recent, self.seen, self.known)):
            raise ValueError("the novelty of the stream does not fit together")
        return self


def _offer(kept: list[float], capacity: int, offered: int, random: int, value: float) -> int:
    """Take a value into a uniform sample of all `offered` so far; gives the state of the random numbers."""
    if len(kept) == capacity:
        random, share = next_uniform(random)
        out = int(share * offered)
        if out >= capacity:
            return random
        del kept[out]
    kept.insert(bisect_left(kept, value), value)
    return random


def _mean_distance(seen: list[float], most: int, value: float) -> float:
    high = bisect_left(seen, value)
    low, m, total = high - 1, min(most, len(seen)), 0.0
    for _ in range(m):
        below = value - seen[low] if low >= 0 else math.inf
        above = seen[high] - value if high < len(seen) else math.inf
        if below <= above:
            total += below
            low -= 1
        else:
            total += above
            high += 1
    return total / m if m else 0.0


def _rank_of(known: list[float], distance: float) -> float:
    if not known:
        return 0.0
    as_large = len(known) - bisect_left(known, distance)
    rank = math.log((len(known) + 1.0) / (as_large + 1.0))
    if as_large == 0 and known[-1] > 0:
        rank += _RECORD_WEIGHT * min(math.log(distance / known[-1]), _RECORD_MOST)
    return rank
