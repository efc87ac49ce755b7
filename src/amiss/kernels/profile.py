"""The matrix profile of a series: the compiled loop and its NumPy twin."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.kernels import loops

__all__ = ["Profile", "matrix_profile"]

_FLAT = 1e-10
"""Of the unit: a window that moves less is constant but for rounding."""
_PARTS_A_THREAD = 4


@dataclass(frozen=True, slots=True)
class Profile:
    """How far each window is from the one most like it, both brought to mean 0 and deviation 1.

    Attributes
    ----------
    distance, left : (n_windows,)
        To any other window, and to one that begins earlier; infinite where there is none.
    place, left_place : (n_windows,)
        Where the nearest one begins; −1 where there is none.
    """

    distance: Vector
    place: npt.NDArray[np.int64]
    left: Vector
    left_place: npt.NDArray[np.int64]


def matrix_profile(
    x: Vector,
    window: int,
    *,
    exclusion: int | None = None,
    seam: int | None = None,
    unit: float | None = None,
    n_jobs: int | None = None,
) -> Profile:
    """The nearest neighbour of each window of a series; exact, O(n_rows²) time and O(n_rows) memory.

    A constant window is at distance 0 from another constant one, and at √window from any other.

    Parameters
    ----------
    x : (n_rows,)
        Finite numbers.
    window
        Rows in a window, at least 3 and at most n_rows.
    exclusion
        Windows that begin fewer than so many rows apart are not compared; None for a quarter of the window.
    seam
        Row with which another series begins that was put behind the first: no window across it is like anything.
    unit
        Size that rounding errors are measured by; None for the range of the series.
    n_jobs
        Threads; −1 uses every processor.

    References
    ----------
    Yeh, C.-C. M. et al. (2016). Matrix profile I: all pairs similarity joins for time series. ICDM.
    Zhu, Y. et al. (2016). Matrix profile II: exploiting a novel algorithm and GPUs. ICDM.
    """
    n_windows = len(x) - window + 1
    zone = max(1, -(-window // 4) + 1 if exclusion is None else exclusion)
    mean, norm = _moments(x, window)
    unit = float(np.ptp(x)) if unit is None else unit
    flat = norm <= _FLAT * np.sqrt(window) * max(unit, np.finfo(float).tiny)
    inverse = np.divide(1.0, norm, out=np.zeros(n_windows), where=~flat)
    if seam is not None:
        across = slice(max(seam - window + 1, 0), seam)
        flat[across], inverse[across] = False, 0.0
    df, dg = np.zeros(n_windows), np.zeros(n_windows)
    df[1:] = 0.5 * (x[window:] - x[: n_windows - 1])
    dg[1:] = (x[window:] - mean[1:]) + (x[: n_windows - 1] - mean[:-1])
    best = _Best.none(n_windows)
    if zone < n_windows:
        first = np.lib.stride_tricks.sliding_window_view(x, window)[zone:] @ (x[:window] - mean[0])
        parts = _cuts(n_windows, zone, n_jobs)
        best = _Best.of(_searches(df, dg, inverse, first, zone, parts))
    return _distances(best, flat, window, zone)


def _moments(x: Vector, window: int) -> tuple[Vector, Vector]:
    """Mean and norm about it of each window, in two passes so that nothing is lost where the level is high."""
    windows = np.lib.stride_tricks.sliding_window_view(x, window)
    mean = np.empty(len(windows))
    norm = np.empty(len(windows))
    block = max(1, 2_000_000 // window)
    for start in range(0, len(windows), block):
        part = windows[start : start + block]
        here = part.mean(axis=1)
        gap = part - here[:, None]
        mean[start : start + block] = here
        norm[start : start + block] = np.sqrt(np.einsum("ij,ij->i", gap, gap))
    return mean, norm


@dataclass(frozen=True, slots=True)
class _Best:
    """The highest correlation with an earlier and a later window, and where those begin."""

    left: Vector
    left_place: npt.NDArray[np.int64]
    right: Vector
    right_place: npt.NDArray[np.int64]

    @classmethod
    def none(cls, n: int) -> _Best:
        return cls(np.full(n, -np.inf), np.full(n, -1), np.full(n, -np.inf), np.full(n, -1))

    @classmethod
    def of(cls, parts: Iterable[_Best]) -> _Best:
        whole, *rest = parts
        for part in rest:
            for mine, place, other, other_place in (
                (whole.left, whole.left_place, part.left, part.left_place),
                (whole.right, whole.right_place, part.right, part.right_place),
            ):
                higher = other > mine
                mine[higher], place[higher] = other[higher], other_place[higher]
        return whole


def _cuts(n_windows: int, zone: int, n_jobs: int | None) -> list[tuple[int, int]]:
    """Ranges of diagonals with like numbers of pairs."""
    n_threads = len(os.sched_getaffinity(0)) if n_jobs == -1 else (n_jobs or 1)
    if n_threads == 1:
        return [(zone, n_windows)]
    n_parts = min(n_threads * _PARTS_A_THREAD, n_windows - zone)
    # The pairs beyond a diagonal grow with the square of how many diagonals are left.
    left = (n_windows - zone) * np.sqrt(np.linspace(1, 0, n_parts + 1))
    cuts = (n_windows - np.round(left)).astype(int)
    return [(int(a), int(b)) for a, b in zip(cuts[:-1], cuts[1:], strict=True) if a < b]


def _searches(
    df: Vector, dg: Vector, inverse: Vector, first: Vector, zone: int, parts: list[tuple[int, int]]
) -> list[_Best]:
    def search(part: tuple[int, int]) -> _Best:
        a, b = part
        return _search(df, dg, inverse, np.ascontiguousarray(first[a - zone : b - zone]), a, b)

    if len(parts) == 1:
        return [search(parts[0])]
    with ThreadPoolExecutor(max(1, len(parts) // _PARTS_A_THREAD)) as pool:
        return list(pool.map(search, parts))


def _search(df: Vector, dg: Vector, inverse: Vector, first: Vector, diagonal: int, end: int) -> _Best:
    best = _Best.none(len(df))
    if not loops.compiled():
        _search_by_numpy(df, dg, inverse, first, diagonal, end, best)
        return best
    loops.lib.amiss_profile(
        *map(loops.address, (df, dg, inverse)), len(df), loops.address(first), diagonal, end,
        *map(loops.address, (best.left, best.left_place, best.right, best.right_place)),
    )  # fmt: skip
    return best


def _search_by_numpy(
    df: Vector, dg: Vector, inverse: Vector, first: Vector, diagonal: int, end: int, best: _Best
) -> None:
    n_windows = len(df)
    covariance = first.copy()
    for i in range(n_windows - diagonal):
        covariance = covariance[: n_windows - i - diagonal]
        j = slice(i + diagonal, min(i + end, n_windows))
        covariance += df[i] * dg[j] + df[j] * dg[i]
        correlation = covariance * (inverse[j] * inverse[i])
        higher = correlation > best.left[j]
        best.left[j][higher] = correlation[higher]
        best.left_place[j][higher] = i
        most = int(np.argmax(correlation))
        if correlation[most] > best.right[i]:
            best.right[i], best.right_place[i] = correlation[most], i + diagonal + most


def _distances(best: _Best, flat: npt.NDArray[np.bool_], window: int, zone: int) -> Profile:
    left, left_place = _distance(best.left, window), best.left_place.copy()
    right, right_place = _distance(best.right, window), best.right_place.copy()
    if flat.any():
        constant = np.flatnonzero(flat)
        _beside_constant(left, left_place, flat, constant, window, zone, earlier=True)
        _beside_constant(right, right_place, flat, constant, window, zone, earlier=False)
    nearer = right < left
    return Profile(np.where(nearer, right, left), np.where(nearer, right_place, left_place), left, left_place)


def _distance(correlation: Vector, window: int) -> Vector:
    distance: Vector = np.sqrt(2.0 * window * np.maximum(1.0 - correlation, 0.0))
    return distance


def _beside_constant(
    distance: Vector,
    place: npt.NDArray[np.int64],
    flat: npt.NDArray[np.bool_],
    constant: npt.NDArray[np.int64],
    window: int,
    zone: int,
    *,
    earlier: bool,
) -> None:
    """Put right what a norm of 0 cannot tell: a constant window is like another one, and unlike all others."""
    n = len(flat)
    at = np.arange(n)
    if earlier:
        nearest = np.searchsorted(constant, at - zone, side="right") - 1
        there = nearest >= 0
    else:
        nearest = np.searchsorted(constant, at + zone, side="left")
        there = nearest < len(constant)
    found = np.where(there, constant[np.clip(nearest, 0, len(constant) - 1)], -1)
    apart = np.where(flat & there, 0.0, np.sqrt(window))
    # A constant window has been given distance √(2 window) to all others: it is √window.
    distance[flat & np.isfinite(distance)] = np.sqrt(window)
    closer = there & (apart < distance)
    distance[closer], place[closer] = apart[closer], found[closer]
