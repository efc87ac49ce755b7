"""What a watch says on standard error: lines for people, or one JSON object a line, and never a flood of the same."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from amiss.cli.streams import as_json_text, say

__all__ = ["Log", "LogForm", "Seldom"]

_BURST, _WINDOW_SECONDS, _MOST_KEYS = 20, 60.0, 1_000


class LogForm(StrEnum):
    """How lines on standard error are written."""

    text = "text"
    json = "json"


class Seldom:
    """Lets lines of one kind through up to so many a minute, and counts those that it keeps back.

    Parameters
    ----------
    burst, window_seconds
        So many of a kind within such a time.

    Examples
    --------
    >>> from amiss.cli.log import Seldom
    >>> seldom = Seldom(burst=2, window_seconds=60.0)
    >>> [seldom.ask("away", now) for now in (0.0, 1.0, 2.0, 3.0, 61.0, 62.0)]
    [0, 0, None, None, 2, 0]
    """

    def __init__(self, burst: int = _BURST, window_seconds: float = _WINDOW_SECONDS) -> None:
        self._burst, self._window = burst, window_seconds
        self._kinds: dict[str, list[float]] = {}

    def ask(self, kind: str, now: float) -> int | None:
        """None where the line is to be kept back, otherwise how many like it were since the last."""
        if kind not in self._kinds and len(self._kinds) >= _MOST_KEYS:
            self._kinds = {k: seen for k, seen in self._kinds.items() if 0 <= now - seen[0] < self._window or seen[2]}
            kind = kind if len(self._kinds) < _MOST_KEYS else ""
        seen = self._kinds.setdefault(kind, [now, 0.0, 0.0])
        if not 0 <= now - seen[0] < self._window:
            left, seen[:] = int(seen[2]), [now, 1.0, 0.0]
            return left
        if seen[1] >= self._burst:
            seen[2] += 1
            return None
        seen[1] += 1
        return 0

    def kept_back(self) -> dict[str, int]:
        """By kind, how many are kept back that nothing was said of yet."""
        return {kind: int(seen[2]) for kind, seen in self._kinds.items() if seen[2]}


class Log:
    """Lines on standard error, of the watch and of the libraries that it stands on.

    Each has a time, a level, the name of what has happened, and its fields. Of one name and source no more than 20 a
    minute are written; the next one says how many were left out.

    Parameters
    ----------
    form
        "text": time, level, name and sentence; "json": an object a line. None writes the sentences alone, and not what
        is seen elsewhere: that an event opens, how many records are refused.
    write
        Where lines go.
    now
        What time it is.
    """

    def __init__(
        self, form: LogForm | None = None, *, write: Callable[[str], None] = say, now: Callable[[], float] = time.time
    ) -> None:
        self._form, self._write, self._now = form, write, now
        self._seldom = Seldom()
        self._turn = threading.Lock()

    def note(
        self, event: str, message: str, fields: Mapping[str, Any] | None = None, *, level: str = "info",
        source: str = "", named: bool = True, plain: bool = True,
    ) -> None:  # fmt: skip
        """Say that something has happened.

        Parameters
        ----------
        event
            Its name, the same for all of its kind.
        message
            A sentence.
        fields
            Further ones, of the object.
        level
            "info", "warning" or "error".
        source
            Of which source; "" for none.
        named
            Whether its name stands in a line for people too.
        plain
            Whether people are told of it where no form was asked for.
        """
        if self._form is None and not plain:
            return
        with self._turn:
            now = self._now()
            left = self._seldom.ask(f"{event} {source}", now)
            if left is None:
                return
            told = ({"source": source} if source and (named or self._form) else {}) | dict(fields or {})
            self._print(now, level, event, message, told | ({"left_out": left} if left else {}))

    def _print(self, now: float, level: str, event: str, message: str, fields: dict[str, Any]) -> None:
        import msgspec

        from amiss.core.one_line import one_line
        from amiss.stream.moments import utc_words

        if self._form is LogForm.json:
            told = {"time": utc_words(round(now, 3)), "level": level, "event": event, "message": message, **fields}
            self._write(as_json_text(msgspec.json.encode(told, enc_hook=str).decode()))
            return
        source, left = fields.get("source", ""), fields.get("left_out", 0)
        line = (
            (f"{source}: " if source else "") + message + (f" ({left:,} more like this were left out)" if left else "")
        )
        head = "" if self._form is None else f"{utc_words(float(int(now)))} {level} {event}: "
        self._write(head + (line if self._form is None else one_line(line)))

    def close(self) -> None:
        """Say what was left out and nothing was said of."""
        with self._turn:
            for kind, n in self._seldom.kept_back().items():
                event, _, source = kind.partition(" ")
                fields = {"source": source} if source else {}
                self._print(self._now(), "warning", event or "others", f"{n:,} more of these were left out", fields)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Write what libraries and other threads have to say too, from warnings on, for the time of the block."""
        root, handler = logging.getLogger(), _Handler(self)
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


class _Handler(logging.Handler):
    """Takes what is logged by Python's own means, with the name and the fields that its `extra` may hold."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; its traceback is left to AMISS_DEBUG."""
        try:
            event = getattr(record, "event", record.name.removeprefix("amiss."))
            fields = getattr(record, "fields", {})
            level = "error" if record.levelno >= logging.ERROR else "warning"
            self._log.note(event, record.getMessage(), fields, level=level)
        # As every handler does: a line that cannot be written must not end the thread that had something to say.
        except Exception:
            self.handleError(record)
