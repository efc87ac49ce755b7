"""Moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment_words", "seconds_of"]


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


def seconds_of(moment: str | None) -> float | None:
    """Seconds since 1970 of an event's time; one without a zone is counted as if it were in UTC, wherever we are."""
    return None if moment is None else datetime.fromisoformat(moment.removesuffix("Z")).replace(tzinfo=UTC).timestamp()
