"""What has changed in a column, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amiss.core.summary import Vector
from amiss.evaluate.findings import ColumnDrift
from amiss.evaluate.two_sample import ends_of_bins, in_bins
from amiss.explain.words import number_word, range_words

__all__ = ["chance", "chance_words", "kind_words", "missing_words", "number_words", "percent", "value_words"]

_MOST_NAMED = 3


def percent(share: float) -> str:
    """A share as people read it."""
    if 0 < share < 0.1:
        return f"{100 * share:.2g}%"
    return f"{100 * share:.1f}%" if 0.99 < share < 1 else f"{100 * share:.0f}%"


def chance(p_value: float) -> str:
    """A p-value as people read it."""
    return f"p {p_value:.2g}" if p_value >= 1e-99 else "p below 1e-99"


def chance_words(found: ColumnDrift) -> str:
    """Why a change that looks large is not called one."""
    n_a, n_b = (f"{n:,.0f}" for n in (found.rows_worth_a, found.rows_worth_b))
    return f"but {n_a} independent rows against {n_b} cannot tell that from chance"


def missing_words(share_a: float, share_b: float) -> str:
    """What to say of the share of missing values."""
    return f"is missing in {percent(share_b)} of the rows (before: {percent(share_a)})"


def number_words(a: Vector, b: Vector, decimals: int, area: float, psi: float) -> tuple[str, str]:
    """What to say of numbers if they have changed, and if they have not.

    `area` is their Wasserstein distance, `psi` their population stability index.
    """
    tail = (0.01, 0.25, 0.5, 0.75, 0.99)
    last_a, low_a, middle_a, high_a, top_a = np.quantile(a, tail).tolist()
    last_b, low_b, middle_b, high_b, top_b = np.quantile(b, tail).tolist()
    shift = middle_b - middle_a
    width = max(high_a - low_a, high_b - low_b, abs(shift))
    digits = decimals if round(abs(shift), decimals) or not shift else decimals + 2

    def word(value: float) -> str:
        return number_word(value, digits, width or None)

    alike = f"is alike (median {word(middle_a)} → {word(middle_b)})"
    if a.min() == a.max():
        if b.min() == b.max():
            same = a[0] == b[0]
            return f"was always {word(middle_a)}, is now always {word(middle_b)}", (
                f"is always {word(middle_a)}" if same else alike
            )
        within = range_words(float(b.min()), float(b.max()), decimals)
        return f"was always {word(middle_a)}, lies now within {within}", alike
    if b.min() == b.max():
        return (
            f"is now always {word(middle_b)} (before: {range_words(float(a.min()), float(a.max()), decimals)})",
            alike,
        )
    with np.errstate(over="ignore", invalid="ignore"):
        mean_shift = float(b.mean() - a.mean())
    # Where one of two heaps grows, the median leaps; where a few values run away, the mean does. A shift moves both.
    apart = b.min() > a.max() or b.max() < a.min()
    if shift and (apart or min(shift * np.sign(mean_shift), abs(mean_shift)) >= 0.5 * area):
        verb = "risen" if shift > 0 else "fallen"
        return f"has {verb} by about {word(abs(shift))} (median {word(middle_a)} → {word(middle_b)})", alike
    if not 0.8 * (high_a - low_a) <= high_b - low_b <= 1.25 * (high_a - low_a):
        verb = "more" if high_b - low_b > high_a - low_a else "less"
        halves = range_words(low_b, high_b, decimals), range_words(low_a, high_a, decimals)
        return f"varies {verb}: half of its values lie within {halves[0]} (before: {halves[1]})", alike
    if psi < 0.1:
        if abs(top_b - top_a) >= abs(last_b - last_a):
            return f"has other extremes: 1% lie above {word(top_b)} (before: {word(top_a)})", alike
        return f"has other extremes: 1% lie below {word(last_b)} (before: {word(last_a)})", alike
    return f"is spread otherwise: {_most_changed(a, b, decimals)}", alike


def _most_changed(a: Vector, b: Vector, decimals: int) -> str:
    """The bin whose share has changed most, in words."""
    ends = ends_of_bins(a)
    share_a, share_b = in_bins(a, ends) / len(a), in_bins(b, ends) / len(b)
    k = int(np.argmax(np.abs(share_b - share_a)))
    shares = f"(before: {percent(float(share_a[k]))})"
    if k == 0:
        place = f"up to {range_words(ends[0], ends[0], decimals)}"
    elif k == len(ends):
        place = f"above {range_words(ends[-1], ends[-1], decimals)}"
    else:
        place = f"within {range_words(float(ends[k - 1]), float(ends[k]), decimals)}"
    return f"{percent(float(share_b[k]))} lie {place} {shares}"


def value_words(a: Vector, b: Vector, decimals: int) -> str:
    """What to say of numbers that take only a few values, if they have changed."""
    kinds = []
    for values in (a, b):
        found, n = np.unique(values, return_counts=True)
        kinds.append({number_word(v, decimals): k for v, k in zip(found.tolist(), n.tolist(), strict=True)})
    return kind_words(kinds[0], kinds[1], [word for word in kinds[1] if word not in kinds[0]])[0]


def kind_words(a: dict[str, int], b: dict[str, int], fresh: Sequence[str]) -> tuple[str, str]:
    """What to say of kinds if they have changed, and if they have not; `fresh` are those that only b has."""
    n_a, n_b = sum(a.values()), sum(b.values())
    change = {kind: b.get(kind, 0) / n_b - n / n_a for kind, n in a.items()}
    most = sorted(change, key=lambda kind: -abs(change[kind]))[:_MOST_NAMED]
    said = [f"{_short(k)} {percent(a[k] / n_a)} → {percent(b.get(k, 0) / n_b)}" for k in most if abs(change[k]) > 0.01]
    parts = [f"has other shares: {', '.join(said)}"] if said else []
    if fresh:
        named = ", ".join(_short(kind) for kind in fresh[:_MOST_NAMED])
        more = f" and {len(fresh) - _MOST_NAMED:,} more" if len(fresh) > _MOST_NAMED else ""
        share = sum(b[kind] for kind in fresh) / n_b
        parts.append(f"has kinds never seen before: {named}{more} ({percent(share)} of the values)")
    return "; ".join(parts) or "has other shares of rare kinds", "is alike"


def _short(kind: str) -> str:
    return repr(kind if len(kind) <= 30 else kind[:29] + "…")
