"""Random numbers that depend on a row's position only, so that chunks, streams and clusters agree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["next_uniform", "priorities", "small_seed"]

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_MASK = 0xFFFFFFFFFFFFFFFF


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
    value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
    return value ^ (value >> 31)


def priorities(positions: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """One uniform 64-bit number for each position; equal positions and seeds give equal numbers.

    The mixing function is SplitMix64 (Steele, Lea and Flood, 2014).
    """
    start = _mix((seed + _GOLDEN) & _MASK)
    value = positions.astype(np.uint64)
    with np.errstate(over="ignore"):
        value *= np.uint64(_GOLDEN)
        value += np.uint64(start)
        value ^= value >> np.uint64(30)
        value *= np.uint64(_MIX_1)
        value ^= value >> np.uint64(27)
        value *= np.uint64(_MIX_2)
        value ^= value >> np.uint64(31)
    return value


def small_seed(seed: int) -> int:
    """A seed for libraries that take 32 bits: itself if it has no more, else one that hangs on all of its bits."""
    return seed if seed < 1 << 32 else int(np.random.SeedSequence(seed).generate_state(1)[0])


def next_uniform(state: int) -> tuple[int, float]:
    """The state after one step of SplitMix64, and its number in [0, 1); kernels/random.h has the same."""
    state = (state + _GOLDEN) & _MASK
    return state, (_mix(state) >> 11) * 2.0**-53
