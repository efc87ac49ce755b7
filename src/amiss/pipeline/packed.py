"""Many states of one form as few arrays, so that a model of 10,000 series is no file of 100,000 parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["pack", "unpack"]

_DIMENSIONS = 3


def pack(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One array of values, and one of shapes, for each name that occurs; numbers and words become arrays too.

    Raises
    ------
    TypeError
        A state holds what is neither a number nor an array of numbers.
    """
    packed: dict[str, Any] = {}
    for name in dict.fromkeys(name for state in states for name in state):
        found = [(k, np.asarray(state[name])) for k, state in enumerate(states) if name in state]
        if any(array.dtype.kind not in "biuf" for _, array in found):
            raise TypeError(f"{name!r} is no number")
        shapes = [[k, array.ndim, *array.shape, *[1] * (_DIMENSIONS - array.ndim)] for k, array in found]
        kind = np.result_type(*[array.dtype for _, array in found])
        packed[f"{name}.values"] = np.concatenate([array.ravel().astype(kind) for _, array in found])
        packed[f"{name}.shapes"] = np.array(shapes, np.int64)
    return packed


def unpack(packed: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """The states that were packed; ValueError if the arrays do not fit together."""
    states: list[dict[str, Any]] = [{} for _ in range(n)]
    for key, shapes in packed.items():
        if not key.endswith(".shapes"):
            continue
        name = key.removesuffix(".shapes")
        values = packed[f"{name}.values"]
        if shapes.ndim != 2 or shapes.shape[1] != 2 + _DIMENSIONS or (shapes < 0).any():
            raise ValueError("the states of the series do not fit together")
        sizes = np.prod(shapes[:, 2:], axis=1)
        if sizes.sum() != len(values) or (shapes[:, 0] >= n).any() or (shapes[:, 1] > _DIMENSIONS).any():
            raise ValueError("the states of the series do not fit together")
        ends = np.cumsum(sizes)
        for (k, n_dims, *shape), end, size in zip(shapes.tolist(), ends.tolist(), sizes.tolist(), strict=True):
            part = values[end - size : end].reshape(shape[:n_dims])
            states[k][name] = part.item() if n_dims == 0 else np.ascontiguousarray(part)
    return states
