"""Parts of networks, each written once: torch trains them, NumPy scores by them.

The first argument `xp` is the library, `torch` or `numpy`; weights and inputs are its tensors or arrays. So a model is
arrays, and a machine that only scores needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "CELLS",
    "Given",
    "Weights",
    "attention",
    "cell_outputs",
    "dense",
    "fresh_attention",
    "fresh_cell",
    "fresh_dense",
    "linear",
    "sigmoid",
]

Weights = dict[str, npt.NDArray[Any]]
"""Arrays of weights by name: `PART.weight`, `PART.bias` …"""
Given = Mapping[str, Any]
"""Weights by name, of either library."""
Random = np.random.Generator

CELLS = ("lstm", "gru", "tcn")
_GATES = {"lstm": 4, "gru": 3}
_KERNEL = 3
_DILATIONS = (1, 2, 4, 8)
_HEADS = 2
_EPSILON = 1e-5


def sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(−x)), which overflows nowhere."""
    return 0.5 * xp.tanh(0.5 * x) + 0.5


def dense(xp: Any, weights: Given, name: str, x: Any) -> Any:
    """A layer on rows, (n_rows, n_out); without a bias where it has none.

    Scores come by einsum, not by matmul: a row's result must not depend on how many rows stand beside it.
    """
    weight = weights[f"{name}.weight"]
    out = xp.einsum("ij,kj->ik", x, weight) if xp is np else x @ weight.T
    return out + weights[f"{name}.bias"] if f"{name}.bias" in weights else out


def fresh_dense(random: Random, name: str, n_in: int, n_out: int, *, bias: bool = True) -> Weights:
    """A random layer of the width that keeps the variance of what passes (Glorot and Bengio, 2010)."""
    made: Weights = {f"{name}.weight": random.normal(0.0, np.sqrt(2 / (n_in + n_out)), size=(n_out, n_in))}
    return made | {f"{name}.bias": np.zeros(n_out)} if bias else made


def linear(weights: Given, name: str, x: Any) -> Any:
    """A layer on the last axis of whatever stands before."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def cell_outputs(xp: Any, cell: str, weights: Given, name: str, x: Any) -> Any:
    """What a network that reads forward says at each step: (n_windows, n_steps, n_in) to (…, n_hidden)."""
    if cell == "tcn":
        return _convolved(xp, weights, name, x)
    parts = [weights[f"{name}.{part}"] for part in _PARTS]
    if xp is np:
        return _lstm(x, *parts) if cell == "lstm" else _gru(x, *parts)
    # The library's own loops: an order of magnitude faster than ours, step by step, and held to them by a test.
    start = x.new_zeros(1, len(x), parts[1].shape[1])
    if cell == "lstm":
        return xp.lstm(x, (start, start), parts, True, 1, 0.0, True, False, True)[0]
    return xp.gru(x, start, parts, True, 1, 0.0, True, False, True)[0]


_PARTS = ("weight", "recurrent", "bias", "recurrent_bias")


def fresh_cell(random: Random, cell: str, name: str, n_in: int, n_hidden: int) -> Weights:
    """Random weights of `cell_outputs`."""
    if cell == "tcn":
        return _fresh_convolutions(random, name, n_in, n_hidden)
    n, width = _GATES[cell] * n_hidden, n_hidden**-0.5
    shapes = ((n, n_in), (n, n_hidden), (n,), (n,))
    return {f"{name}.{part}": random.uniform(-width, width, s) for part, s in zip(_PARTS, shapes, strict=True)}


def _lstm(x: Any, weight: Any, recurrent: Any, bias: Any, recurrent_bias: Any) -> Any:
    n, steps, _ = x.shape
    size = recurrent.shape[1]
    said = x @ weight.T + (bias + recurrent_bias)
    hidden, memory, out = np.zeros((n, size)), np.zeros((n, size)), np.empty((n, steps, size))
    for k in range(steps):
        take, keep, new, show = np.split(said[:, k] + hidden @ recurrent.T, 4, axis=1)
        memory = sigmoid(np, keep) * memory + sigmoid(np, take) * np.tanh(new)
        hidden = out[:, k] = sigmoid(np, show) * np.tanh(memory)
    return out


def _gru(x: Any, weight: Any, recurrent: Any, bias: Any, recurrent_bias: Any) -> Any:
    n, steps, _ = x.shape
    size = recurrent.shape[1]
    said = x @ weight.T + bias
    hidden, out = np.zeros((n, size)), np.empty((n, steps, size))
    for k in range(steps):
        forget, keep, new = np.split(said[:, k], 3, axis=1)
        was_forget, was_keep, was_new = np.split(hidden @ recurrent.T + recurrent_bias, 3, axis=1)
        share = sigmoid(np, keep + was_keep)
        fresh = np.tanh(new + sigmoid(np, forget + was_forget) * was_new)
        hidden = out[:, k] = (1.0 - share) * fresh + share * hidden
    return out


def _convolved(xp: Any, weights: Given, name: str, x: Any) -> Any:
    """Causal convolutions, each looking twice as far back as the one before, added to what they are given."""
    out = linear(weights, f"{name}.in", x)
    for k, dilation in enumerate(_DILATIONS):
        # What would stand before the first step is the first step.
        n, reach = out.shape[1], dilation * (_KERNEL - 1)
        long = xp.concatenate([out[:, [0] * reach], out], axis=1)
        taps = [long[:, dilation * j : dilation * j + n] for j in range(_KERNEL)]
        out = out + xp.tanh(linear(weights, f"{name}.{k}", xp.concatenate(taps, axis=-1)))
    return out


def _fresh_convolutions(random: Random, name: str, n_in: int, n_hidden: int) -> Weights:
    made = fresh_dense(random, f"{name}.in", n_in, n_hidden)
    for k in range(len(_DILATIONS)):
        made |= fresh_dense(random, f"{name}.{k}", _KERNEL * n_hidden, n_hidden)
    return made


def attention(xp: Any, weights: Given, name: str, x: Any) -> Any:
    """A block of a transformer: each step looks at all others, then passes two layers; both added to what came in."""
    n, steps, size = x.shape
    parts = linear(weights, f"{name}.look", _normal(weights, f"{name}.first", x))
    asked, offered, told = (
        parts[..., k * size : (k + 1) * size].reshape(n, steps, _HEADS, -1).swapaxes(1, 2) for k in range(3)
    )
    alike = (asked @ offered.swapaxes(-1, -2)) * (size // _HEADS) ** -0.5
    weight = xp.exp(alike - xp.amax(alike, axis=-1, keepdims=True))
    seen = (weight / weight.sum(-1)[..., None]) @ told
    x = x + linear(weights, f"{name}.join", seen.swapaxes(1, 2).reshape(n, steps, size))
    inner = linear(weights, f"{name}.wide", _normal(weights, f"{name}.second", x))
    return x + linear(weights, f"{name}.narrow", inner * sigmoid(xp, 1.702 * inner))


def fresh_attention(random: Random, name: str, size: int) -> Weights:
    """Random weights of `attention` for steps of `size` numbers, an even count."""
    made = fresh_dense(random, f"{name}.look", size, 3 * size) | fresh_dense(random, f"{name}.join", size, size)
    made |= fresh_dense(random, f"{name}.wide", size, 2 * size) | fresh_dense(random, f"{name}.narrow", 2 * size, size)
    for part in ("first", "second"):
        made |= {f"{name}.{part}.weight": np.ones(size), f"{name}.{part}.bias": np.zeros(size)}
    return made


def _normal(weights: Given, name: str, x: Any) -> Any:
    """Each step with a mean of 0 and a variance of 1 (Ba, Kiros and Hinton, 2016), then scaled anew."""
    gap = x - (x.sum(-1) / x.shape[-1])[..., None]
    variance = ((gap * gap).sum(-1) / x.shape[-1])[..., None]
    return gap * (variance + _EPSILON) ** -0.5 * weights[f"{name}.weight"] + weights[f"{name}.bias"]
