"""What watches say of themselves."""

from __future__ import annotations

import msgspec

from amiss.store.json_text import from_json
from amiss.store.room import Room

__all__ = ["WatchRecord", "Watches"]


class WatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a watch is doing, as it said last.

    Attributes
    ----------
    source
        What it watches.
    seen_at
        When it said so, in seconds.
    started
        When it began, in seconds.
    n_messages, n_rows, n_refused
        Read, judged and refused since then.
    rate
        Rows a second, lately.
    lag
        Messages known to wait; None where the source cannot say.
    n_entities, n_open
        Entities known, events that are on.
    readiness
        How much of what it needs it has learnt, 0 to 1.
    judge
        What judges, in words.
    asked
        The promise, as asked.
    stopped
        Whether it has ended in order.
    notes
        What it said last, the newest last.
    """

    source: str
    seen_at: float
    started: float
    n_messages: int = 0
    n_rows: int = 0
    n_refused: int = 0
    rate: float = 0.0
    lag: int | None = None
    n_entities: int = 0
    n_open: int = 0
    readiness: float = 0.0
    judge: str = ""
    asked: str = ""
    stopped: bool = False
    notes: tuple[str, ...] = ()


class Watches(Room):
    """How each watch is doing."""

    def watches(self) -> list[WatchRecord]:
        """What each source's watch said last, by the source's name."""
        from sqlalchemy import select

        from amiss.store.tables import WATCHES

        rows = self._rows(select(WATCHES.c.body).order_by(WATCHES.c.source))
        return [msgspec.convert(from_json(row["body"]), WatchRecord) for row in rows]
