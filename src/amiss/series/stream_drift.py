"""Has a stream of one value changed? Tests that run with it, and say at which rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from amiss.core.params import Between, Domain, Whole, check
from amiss.core.summary import Vector

__all__ = ["Adwin", "KolmogorovSmirnov", "PageHinkley", "StreamDrift"]

Rows = npt.NDArray[np.int64]

_LARGEST = 1e150
_MOST_BUCKETS = 6
_LEAST, _LEAST_PART = 20.0, 5.0
_RANGE = 6.0
"""Standard deviations in which the values are taken to lie."""


class StreamDrift(Protocol):
    """A test that runs with a stream of one value; what is missing it passes over.

    How the stream is cut into parts changes nothing. After it has fired, a test begins anew.
    """

    def advance(self, x: Vector) -> Rows:
        """Positions in `x`, (n_rows,), at which it fired, ascending."""
        ...

    def state(self) -> dict[str, Any]:
        """Its parameters and what it knows, as numbers and arrays."""
        ...

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """From a `state`; ValueError if its parts do not fit together."""
        ...


class _Test:
    """What the tests have in common: they take one value after another."""

    __slots__ = ()
    domains: ClassVar[Mapping[str, Domain]] = {}

    def __post_init__(self) -> None:
        check(type(self).__name__, self.domains, {name: getattr(self, name) for name in self.domains})

    def advance(self, x: Vector) -> Rows:
        """Positions in `x`, (n_rows,), at which it fired, ascending."""
        values = np.clip(np.asarray(x, np.float64), -_LARGEST, _LARGEST).tolist()
        return np.array([i for i, value in enumerate(values) if value == value and self._take(value)], np.int64)

    def _take(self, value: float) -> bool:
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Its parameters and what it knows, as numbers and arrays."""
        values = ((each.name, getattr(self, each.name)) for each in fields(self))  # type: ignore[arg-type]
        return {name: np.array(value, np.float64) if isinstance(value, list) else value for name, value in values}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """From a `state`; ValueError if its parts do not fit together."""
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        if set(state) != known:
            raise ValueError("the parts of the test do not fit together")
        numbers = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in state.items()}
        if not all(np.isfinite(v).all() for v in numbers.values()):
            raise ValueError("a number of the test is not finite")
        return cls(**numbers)


@dataclass(slots=True)
class PageHinkley(_Test):
    """Has the mean moved, up or down? Sums of deviations from the mean so far, each beyond a slack.

    Quick, and a few numbers large; made for a sudden shift of a stream whose values hardly depend on one another.
    Deviations are told in the stream's own standard deviations, up to three of them.

    Attributes
    ----------
    slack
        What each deviation is lessened by, from 0.
    limit
        Sum at which it fires, above 0. Of independent normal values about one in 100,000 does so for nothing.
    least_rows
        Rows before the mean is believed, at least 2.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.stream_drift import PageHinkley
    >>> x = np.random.default_rng(0).normal(size=2000)
    >>> x[1000:] += 2
    >>> fired = PageHinkley().advance(x)
    >>> bool(1000 < fired[0] < 1040)
    True

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika.
    Hinkley, D. V. (1971). Inference about the change-point from cumulative sum tests. Biometrika.
    """

    slack: float = 0.2
    limit: float = 25.0
    least_rows: int = 100
    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    up: float = 0.0
    down: float = 0.0

    domains: ClassVar = {"slack": Between(0), "limit": Between(0, open_low=True), "least_rows": Whole(2)}

    def _take(self, value: float) -> bool:
        if self.n >= self.least_rows:
            gap, spread = value - self.mean, math.sqrt(self.squares / (self.n - 1))
            z = gap / spread if spread > 0 else 3.0 * math.copysign(float(gap != 0), gap)
            z = min(max(z, -3.0), 3.0)
            self.up, self.down = max(self.up + z - self.slack, 0.0), max(self.down - z - self.slack, 0.0)
            if max(self.up, self.down) > self.limit:
                self.n, self.mean, self.squares, self.up, self.down = 0, 0.0, 0.0, 0.0, 0.0
                return True
        self.n += 1
        gap = value - self.mean
        self.mean += gap / self.n
        self.squares += gap * (value - self.mean)
        return False


@dataclass(slots=True)
class Adwin(_Test):
    """Has the mean moved? The longest window whose parts still have the same mean, in ever coarser buckets.

    Adapts to slow and sudden changes alike, and fires for a rise and a fall. The memory is a few hundred numbers,
    however long the stream.

    Attributes
    ----------
    delta
        Chance, at each look, that a difference of means is chance; in (0, 1).
    every
        Rows between two looks, at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.stream_drift import Adwin
    >>> x = np.random.default_rng(0).normal(size=4000)
    >>> x[2000:] += 1
    >>> fired = Adwin().advance(x)
    >>> bool(2000 < fired[0] < 2300)
    True

    References
    ----------
    Bifet, A. and Gavaldà, R. (2007). Learning from time-changing data with adaptive windowing. SDM.
    """

    delta: float = 0.002
    every: int = 32
    n: int = 0
    counts: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)

    domains: ClassVar = {"delta": Between(0, 1, open_low=True, open_high=True), "every": Whole(1)}

    def _take(self, value: float) -> bool:
        self.n += 1
        self._insert(value)
        if self.n % self.every:
            return False
        fired = False
        while cut := self._cut():
            fired = True
            for part in (self.counts, self.totals, self.squares):
                del part[:cut]
        return fired

    def _insert(self, value: float) -> None:
        """A bucket of one value; where there are six of a size, the two oldest become one."""
        self.counts.append(1.0)
        self.totals.append(value)
        self.squares.append(0.0)
        size, end = 1.0, len(self.counts)
        while True:
            first = end
            while first > 0 and self.counts[first - 1] == size:
                first -= 1
            if end - first < _MOST_BUCKETS:
                return
            self._join(first)
            size, end = 2 * size, first + 1

    def _join(self, i: int) -> None:
        counts, totals, squares = self.counts, self.totals, self.squares
        n, m = counts[i], counts[i + 1]
        gap = totals[i] / n - totals[i + 1] / m
        squares[i] += squares[i + 1] + gap * gap * n * m / (n + m)
        counts[i] += m
        totals[i] += totals[i + 1]
        for part in (counts, totals, squares):
            del part[i + 1]

    def _cut(self) -> int:
        """Oldest buckets whose mean is another than that of the rest; 0 where there are none."""
        counts, totals = np.array(self.counts), np.array(self.totals)
        n, total = counts.sum(), totals.sum()
        if len(counts) < 2 or n < _LEAST:
            return 0
        within = np.array(self.squares).sum() + (counts * (totals / counts - total / n) ** 2).sum()
        before, sums = np.cumsum(counts)[:-1], np.cumsum(totals)[:-1]
        after = n - before
        m = 1 / (1 / before + 1 / after)
        chance = math.log(2 * math.log(n) / self.delta)
        spread = math.sqrt(within / n)
        room = spread * (np.sqrt(2 / m * chance) + 2 / (3 * m) * _RANGE * chance)
        odd = np.abs(sums / before - (total - sums) / after) - room
        odd[(before < _LEAST_PART) | (after < _LEAST_PART)] = -1.0
        # Where it is clearest: a cut too early would leave some of the old, which would fire again.
        clearest = int(np.argmax(odd))
        return clearest + 1 if odd[clearest] > 0 else 0


@dataclass(slots=True)
class KolmogorovSmirnov(_Test):
    """Are the last values distributed as those of a reference were? The Kolmogorov-Smirnov test, window by window.

    Finds changes of shape and spread too, which the other tests do not see. Where values that follow one another are
    alike, it fires more often for nothing than `alpha` says: give it every tenth.

    Attributes
    ----------
    reference : (n,)
        A sample from when all was as it should be. Without one, it is the first `window` values; after it has fired,
        the values that made it fire.
    window
        Values that are compared together, at least 20.
    alpha
        Chance that a window fires for nothing, in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.series.stream_drift import KolmogorovSmirnov
    >>> random = np.random.default_rng(0)
    >>> test = KolmogorovSmirnov(random.normal(size=1000))
    >>> test.advance(random.normal(size=2000)).tolist(), test.advance(2 * random.normal(size=500)).tolist()
    ([], [199])

    References
    ----------
    Massey, F. J. (1951). The Kolmogorov-Smirnov test for goodness of fit. Journal of the American Statistical
    Association.
    """

    reference: list[float] | Vector = field(default_factory=list)
    window: int = 200
    alpha: float = 1e-4
    recent: list[float] = field(default_factory=list)

    domains: ClassVar = {"window": Whole(20), "alpha": Between(0, 1, open_low=True, open_high=True)}

    def __post_init__(self) -> None:
        _Test.__post_init__(self)
        self.reference = [value for value in np.asarray(self.reference, np.float64).tolist() if value == value]

    def _take(self, value: float) -> bool:
        self.recent.append(value)
        if len(self.recent) < self.window:
            return False
        recent, self.recent = self.recent, []
        if not len(self.reference):
            self.reference = recent
            return False
        a, b = np.sort(self.reference), np.sort(recent)
        both = np.concatenate([a, b])
        gap = np.searchsorted(a, both, "right") / len(a) - np.searchsorted(b, both, "right") / len(b)
        most = math.sqrt(-math.log(self.alpha / 2) / 2 * (1 / len(a) + 1 / len(b)))
        if float(np.abs(gap).max()) <= most:
            return False
        self.reference = recent
        return True
