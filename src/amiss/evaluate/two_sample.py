"""Two samples against each other: arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = [
    "Tested", "chi_square", "cohen_h", "effective_rows", "ends_of_bins", "gaps", "holm", "in_bins",
    "kolmogorov_smirnov", "population_stability", "proportions",
]  # fmt: skip

Counts = npt.NDArray[np.float64]

_LEAST_EXPECTED = 5.0
"""A chi-square distribution describes cells of at least so many expected rows."""
_EXACT_ROWS = 100
"""Up to so many rows in the smaller sample the Kolmogorov–Smirnov p-value is counted out."""
_EXACT_PAIRS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tested:
    """A statistic and the p-value of the null "both samples are draws from one distribution"."""

    statistic: float
    p_value: float


def gaps(a: Vector, b: Vector) -> tuple[float, float]:
    """The largest gap between two empirical distribution functions, and the area between them.

    The first is the Kolmogorov–Smirnov statistic, in [0, 1]; the second the Wasserstein-1 distance, in the unit of
    the values. Both samples hold at least one value and no NaN.
    """
    both = np.concatenate([np.sort(a), np.sort(b)])
    order = np.argsort(both, kind="stable")  # two sorted runs: merged, not sorted anew
    both, is_a = both[order], order < len(a)
    n_below = np.cumsum(is_a)
    gap = np.abs(n_below / len(a) - (np.arange(1, len(both) + 1) - n_below) / len(b))
    step = np.diff(both)
    gap[:-1][step == 0] = 0.0  # between equal values there is no gap
    with np.errstate(over="ignore"):
        area = float(np.sum(gap[:-1] * step))
    return float(gap.max()), area


def kolmogorov_smirnov(statistic: float, n_a: float, n_b: float) -> Tested:
    """The test by the largest gap between two distribution functions; ties make it cautious.

    Parameters
    ----------
    statistic
        The largest gap, in [0, 1].
    n_a, n_b
        Rows of each sample, or the number of independent rows that they are worth.

    References
    ----------
    Stephens, M. A. (1970). Use of the Kolmogorov–Smirnov, Cramér–von Mises and related statistics without extensive
    tables.
    """
    from scipy.special import kolmogorov

    whole = n_a == int(n_a) and n_b == int(n_b)
    if whole and min(n_a, n_b) <= _EXACT_ROWS and n_a * n_b <= _EXACT_PAIRS:
        return Tested(statistic, _counted_paths(statistic, int(n_a), int(n_b)))
    root = np.sqrt(n_a * n_b / (n_a + n_b))
    return Tested(statistic, float(kolmogorov((root + 0.12 + 0.11 / root) * statistic)))


def _counted_paths(statistic: float, n_a: int, n_b: int) -> float:
    """Share of all orders of two samples without ties whose largest gap is at least `statistic` (Hodges, 1958)."""
    # The recursion walks over the grid of (i of a, j of b); `inside` is the share of paths that have stayed within.
    i = np.arange(n_a + 1)
    far = statistic - 1e-9
    inside = (i / n_a < far).astype(np.float64)
    inside = np.cumprod(inside).astype(np.float64)
    for j in range(1, n_b + 1):
        allowed = np.abs(i / n_a - j / n_b) < far
        line = np.empty(n_a + 1)
        last = 0.0
        from_below, from_left = j / (i + j), i / (i + j)
        for k in range(n_a + 1):
            last = (inside[k] * from_below[k] + last * from_left[k]) if allowed[k] else 0.0
            line[k] = last
        inside = line
    return float(min(max(1.0 - inside[-1], 0.0), 1.0))


def ends_of_bins(values: Vector) -> Vector:
    """Upper ends of ten bins that each hold a tenth of `values`; fewer where values are tied.

    A value that takes up more than a tenth alone gets a bin alone, so that a constant column has three: less, equal,
    more.
    """
    tenths = np.quantile(values, np.arange(0.1, 0.95, 0.1), method="inverted_cdf")
    tied = tenths[:-1][np.diff(tenths) == 0]
    return np.unique(np.concatenate([tenths, np.nextafter(tied, -np.inf)]))


def in_bins(values: Vector, ends: Vector) -> Counts:
    """How many of `values` lie in each bin: (n_ends + 1,)."""
    return np.bincount(np.searchsorted(ends, values, side="left"), minlength=len(ends) + 1).astype(np.float64)


def population_stability(counts_a: Counts, counts_b: Counts) -> float:
    """Population stability index: Σ (share in b − share in a) · ln(share in b / share in a), from 0.

    Half a row is added to each bin that is not empty on both sides, so that an empty one does not make it infinite.
    By custom 0.1 is a shift worth a look and 0.25 a strong one; of a normal column that moves by d standard
    deviations it is about d².
    """
    used = (counts_a + counts_b) > 0
    if not used.any():
        return 0.0
    a, b = counts_a[used] + 0.5, counts_b[used] + 0.5
    a, b = a / a.sum(), b / b.sum()
    return float(np.sum((b - a) * np.log(b / a)))


def chi_square(counts_a: Counts, counts_b: Counts, worth_a: float = 1.0, worth_b: float = 1.0) -> Tested | None:
    """Pearson's test that two rows of counts have the same shares; None where there is nothing to compare.

    Kinds too rare for it (fewer than five rows expected on the smaller side) are pooled into one.

    Parameters
    ----------
    counts_a, counts_b : (n_kinds,)
        Rows of each kind.
    worth_a, worth_b
        Independent rows that a row of each side is worth, in (0, 1].
    """
    from scipy.special import chdtrc

    table = pooled(np.stack([counts_a * worth_a, counts_b * worth_b]))
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Tested(statistic, float(chdtrc(table.shape[1] - 1, statistic)))


def pooled(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The counts (2, n_kinds) with the kinds that are too rare made one; chosen by what both sides have together."""
    total = table.sum(axis=0)
    smaller = table.sum(axis=1).min() / max(total.sum(), 1e-300)
    order = np.argsort(-total, kind="stable")
    table, expected = table[:, order], total[order] * smaller
    n_kept = int((expected >= _LEAST_EXPECTED).sum())
    kept, rest = table[:, :n_kept], table[:, n_kept:].sum(axis=1, keepdims=True)
    if not rest.any():
        return kept
    if n_kept and rest.sum() * smaller < _LEAST_EXPECTED:
        return np.concatenate([kept[:, :-1], kept[:, -1:] + rest], axis=1)
    return np.concatenate([kept, rest], axis=1)


def proportions(k_a: float, n_a: float, k_b: float, n_b: float, worth_a: float = 1.0, worth_b: float = 1.0) -> Tested:
    """The test that `k_a` of `n_a` and `k_b` of `n_b` rows are the same share; the statistic is the difference.

    Fisher's exact test where few rows are expected in a cell, Pearson's elsewhere.
    """
    from scipy.special import chdtrc

    difference = k_b / n_b - k_a / n_a
    table = np.array([[k_a * worth_a, (n_a - k_a) * worth_a], [k_b * worth_b, (n_b - k_b) * worth_b]])
    if not table.sum(axis=0).all():
        return Tested(difference, 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < _LEAST_EXPECTED:
        return Tested(difference, _fisher(np.rint(table)))
    return Tested(difference, float(chdtrc(1, ((table - expected) ** 2 / expected).sum())))


def _fisher(table: npt.NDArray[np.float64]) -> float:
    """Two-sided: all tables with the same margins that are no more likely than this one."""
    from scipy.special import gammaln

    n_a, n_b = table.sum(axis=1)
    k = table[:, 0].sum()
    first = np.arange(max(0.0, k - n_b), min(k, n_a) + 1)
    chance = -(gammaln(first + 1) + gammaln(n_a - first + 1) + gammaln(k - first + 1) + gammaln(n_b - k + first + 1))
    chance = np.exp(chance - chance.max())
    mine = chance[int(table[0, 0] - first[0])]
    return float(min(chance[chance <= mine * (1 + 1e-9)].sum() / chance.sum(), 1.0))


def cohen_h(share_a: float, share_b: float) -> float:
    """Cohen's h, the size of the difference of two shares, from 0 to π; by custom 0.2 is small, 0.5 medium."""
    return abs(2 * float(np.arcsin(np.sqrt(min(share_b, 1.0))) - np.arcsin(np.sqrt(min(share_a, 1.0)))))


def holm(p_values: Vector) -> Vector:
    """Holm's corrected p-values: (n_tests,).

    Rejecting those at or below α errs anywhere with probability at most α, however the tests depend on one another.

    Examples
    --------
    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.06, 0.06])

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure.
    """
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(n)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(n, 0, -1)), 1.0)
    return corrected


def effective_rows(values: Vector) -> float:
    """How many independent rows the mean of `values`, in their order of time, is worth: from 1 to their number.

    The number divided by 1 + 2 Σ autocorrelations, summed in pairs up to the first pair that is not positive.

    References
    ----------
    Geyer, C. J. (1992). Practical Markov chain Monte Carlo.
    """
    n = len(values)
    centred = values - values.mean() if n else values
    power = float(centred @ centred)
    if n < 4 or power <= 1e-12 * n * max(float(np.abs(values).max()) ** 2, 1e-300):
        return float(max(n, 1))
    spectrum = np.fft.rfft(centred, 1 << (2 * n - 1).bit_length())
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: n - n % 2] / power
    pairs = correlation[0::2] + correlation[1::2]
    stop = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    return float(np.clip(n / (2 * pairs[:stop].sum() - 1), 1.0, n))
