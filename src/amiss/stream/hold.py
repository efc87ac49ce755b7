"""A store that refuses for a while: what goes on waits for it, and asks again with growing pauses."""

from __future__ import annotations

from amiss.core.errors import StoreError
from amiss.core.one_line import one_line
from amiss.pipeline.series_rows import duration_words

__all__ = ["Hold"]

_FIRST_SECONDS, _MOST_SECONDS = 0.5, 15.0


class Hold:
    """Since when, and why, nothing more is read: half a second until it is tried again, then twice as long each time.

    Attributes
    ----------
    since
        When the store first refused, in seconds since 1970; None while it takes what it is given.
    reason
        What it said last.
    n_refused
        How often it has refused so far, in all.

    Examples
    --------
    >>> from amiss.core.errors import StoreError
    >>> from amiss.stream.hold import Hold
    >>> hold = Hold()
    >>> hold.refused(StoreError("the store cannot be written: database is locked"), 100.0)
    'the store cannot be written: database is locked; nothing more is read until it is back'
    >>> hold.refused(StoreError("the store cannot be written: database is locked"), 100.5), hold.left(100.5)
    ('', 1.0)
    >>> hold.over(160.0), hold.is_on
    ('the store is back after 1 min: it goes on where it was', False)
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self.reason = ""
        self.n_refused = 0
        self._tries, self._asked_at = 0, 0.0

    @property
    def is_on(self) -> bool:
        """Whether the store has refused, and not taken anything since."""
        return self.since is not None

    def refused(self, error: StoreError, now: float) -> str:
        """The store has refused, once more or for the first time: then there is a sentence to be said of it."""
        first = self.since is None
        self.since = now if self.since is None else self.since
        self._tries = 1 if first else self._tries + 1
        self._asked_at, self.n_refused, self.reason = now, self.n_refused + 1, one_line(error.what)
        return f"{self.reason}; nothing more is read until it is back" if first else ""

    def left(self, now: float) -> float:
        """Seconds until it is to be tried again."""
        pause = min(_FIRST_SECONDS * 2.0 ** min(self._tries - 1, 40), _MOST_SECONDS)
        # A clock that was set back must not make it wait for ever.
        return pause if now < self._asked_at else max(self._asked_at + pause - now, 0.0)

    def over(self, now: float) -> str:
        """The store has taken what it refused; gives what is to be said of it, "" where it had not refused."""
        if self.since is None:
            return ""
        lasted, self.since = max(now - self.since, 0.0), None
        return f"the store is back after {duration_words(lasted)}: it goes on where it was"
