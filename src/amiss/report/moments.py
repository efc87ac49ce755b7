"""Moments as people read them."""

from __future__ import annotations

__all__ = ["moment_words"]


def moment_words(moment: str | None, row: int | None) -> str:
    """An event's time without what needs not be said, or the row where there is no time; empty without both.

    Examples
    --------
    >>> from amiss.report.moments import moment_words
    >>> moment_words("2026-03-15T21:20:00Z", 2000), moment_words(None, 2000)
    ('2026-03-15 21:20', 'row 2000')
    """
    if moment is None:
        return "" if row is None else f"row {row}"
    return moment.replace("T", " ").removesuffix("Z").removesuffix(":00")
