"""Numbers as people write them."""

from __future__ import annotations

import math

__all__ = ["number_word", "range_words"]


def number_word(value: float, decimals: int, width: float | None = None) -> str:
    """A number with at most `decimals` digits after the point; with three digits' precision within `width`."""
    if width is not None and abs(value) < 1e-9 * width:
        value = 0.0  # what scaling there and back has left of a zero
    if value != 0 and (abs(value) >= 1e15 or abs(value) < 1e-4):
        return f"{value:.4g}"
    if width is not None and width > 0:
        decimals = min(decimals, max(0, 2 - math.floor(math.log10(width))))
    text = f"{value:.{min(decimals, 6)}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def range_words(low: float, high: float, decimals: int) -> str:
    """A range as "61.2 to 68.9"; one number where both ends are written alike."""
    width = high - low
    left, right = number_word(low, decimals, width), number_word(high, decimals, width)
    return left if left == right else f"{left} to {right}"
