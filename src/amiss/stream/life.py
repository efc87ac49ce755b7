"""The life of alarms: when they become an event, how long it goes on, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from amiss.core.notification import Severity
from amiss.core.summary import Vector
from amiss.stream.events import Change, LiveEvent, event_id, fingerprint, severity_word
from amiss.stream.judge import Cause, Judgement
from amiss.stream.moments import utc_words
from amiss.stream.presence import Codes
from amiss.stream.roster import grown

__all__ = ["Life", "LifeRules"]

_GRAVITY: tuple[Severity, ...] = ("critical", "error", "warning", "info")
_DAY = 86_400.0
_SOON = 7200.0
_HOLD = 3.0
"""An event that comes back soon, or for the second time in a day, is held open for so many times the time in which it
did."""


class LifeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How alarms become events.

    Attributes
    ----------
    alarms, of_rows
        An event opens when so many of its entity's last rows are alarms.
    keep_rows
        It is over after so many rows of its entity without an alarm.
    """

    alarms: int = 1
    of_rows: int = 1
    keep_rows: int = 5


class _Open(msgspec.Struct):
    """An event that is on, and rows since it last was."""

    event: LiveEvent
    last_time: float
    quiet: int = 0


class _Memory(msgspec.Struct):
    """When an event of one entity and kind last opened, how often within a day, and for how long it is held open."""

    opened: float
    n_opened: int
    hold: float


class Life:
    """Events of one stream. What it holds grows with the entities that are in trouble, not with the stream.

    An event that comes back within two hours, or for the second time in a day, is held open for three times the time
    that it took: so a signal that flaps opens two events, and not one for each turn. Should it become graver while it
    is merely held open, a new event begins.

    Parameters
    ----------
    source
        Name of the stream.
    rules
        How alarms become events.

    Attributes
    ----------
    run
        Where the data have no times of their own: words of this run that the ids of its events are made with.
    """

    def __init__(self, source: str, rules: LifeRules) -> None:
        self.source, self.rules = source, rules
        self.run: str | None = None
        self.open: dict[tuple[int, str], _Open] = {}
        self._memory: dict[tuple[int, str], _Memory] = {}
        self._recent: dict[int, list[int]] = {}
        self._on = np.zeros(0, np.bool_)

    def advance(
        self, codes: Codes, names: Sequence[str], times: Vector, n_rows: Codes, judged: Judgement
    ) -> list[Change]:
        """What rows that were judged change.

        Parameters
        ----------
        codes, times : (n_rows,)
            Number of each row's entity, and its time.
        names
            Of the entities.
        n_rows
            Rows of each entity before these.
        judged
            What is said of the rows.
        """
        self._make_room(len(names))
        watched = judged.is_anomaly | self._on[codes]
        changes: list[Change] = []
        if not watched.any():
            return changes
        row_of = n_rows[codes] + _ordinal(codes)
        # An event that opens in this batch goes on with later rows of the same entity.
        touched = np.isin(codes, np.unique(codes[watched]))
        for i in np.flatnonzero(touched).tolist():
            changes += self._row(int(codes[i]), names, float(times[i]), int(row_of[i]), judged, i)
        return changes

    def _row(self, code: int, names: Sequence[str], time: float, row: int, judged: Judgement, i: int) -> list[Change]:
        key = (code, "anomaly")
        current = self.open.get(key)
        alarm = bool(judged.is_anomaly[i])
        if current is None:
            if not self._enough(code, alarm, row):
                return []
            return [self.begin(code, names[code], "anomaly", time, row, judged.cause(i), float(judged.scores[i]),
                               float(judged.p_values[i]))]  # fmt: skip
        event = current.event
        p_value = float(judged.p_values[i])
        if alarm and current.quiet >= self.rules.keep_rows and _graver(severity_word(p_value), event.severity):
            return [self.end(code, "anomaly", current.last_time),
                    self.begin(code, names[code], "anomaly", time, row, judged.cause(i), float(judged.scores[i]),
                               p_value)]  # fmt: skip
        if alarm or judged.lasting[i]:
            current.quiet, current.last_time = 0, time
            event.n_alarms += alarm
            event.score = max(event.score, float(judged.scores[i]))
            event.p_value = min(event.p_value, p_value)
            event.severity = severity_word(event.p_value)
            return []
        current.quiet += 1
        memory = self._memory.get(key)
        held = memory is not None and time - current.last_time < memory.hold
        return [] if current.quiet < self.rules.keep_rows or held else [self.end(code, "anomaly", current.last_time)]

    def _enough(self, code: int, alarm: bool, row: int) -> bool:
        """Whether alarms of the last rows are enough for an event."""
        if self.rules.alarms <= 1:
            return alarm
        recent = self._recent.get(code, [])
        recent = [r for r in recent if r > row - self.rules.of_rows] + ([row] if alarm else [])
        if recent and len(recent) < self.rules.alarms:
            self._recent[code] = recent
            self._on[code] = True
            return False
        self._recent.pop(code, None)
        self._on[code] = False
        return len(recent) >= self.rules.alarms

    def begin(
        self, code: int, entity: str, kind: str, time: float, row: int, cause: Cause, score: float = 0.0,
        p_value: float = 0.0,
    ) -> Change:  # fmt: skip
        """Open an event of an entity."""
        start = utc_words(time)
        event = LiveEvent(
            id=event_id(self.source, entity, kind, self.run or start, row), state="firing", source=self.source,
            fingerprint=fingerprint(self.source, entity, kind), entity=entity, kind=kind, start=start, end=None,
            score=score, p_value=p_value, n_alarms=1, reason=cause.reason, values=cause.values, usual=cause.usual,
            severity=_severity(kind, p_value),
        )  # fmt: skip
        key = (code, kind)
        self.open[key] = _Open(event, time)
        self._make_room(code + 1)
        self._on[code] |= kind == "anomaly"
        before = self._memory.get(key)
        again = before is not None and time - before.opened < _DAY
        self._memory[key] = _remembered(before if again else None, time)
        if len(self._memory) > 2 * len(self.open) + 1000:
            self._memory = {k: m for k, m in self._memory.items() if time - m.opened < _DAY or k in self.open}
        return Change(msgspec.structs.replace(event), True, again)

    def end(self, code: int, kind: str, time: float) -> Change:
        """End an event that is on, with the time of its last alarm."""
        event = self.open.pop((code, kind)).event
        if kind == "anomaly":
            self._on[code] = False
        event.state, event.end = "resolved", utc_words(time)
        return Change(event, False)

    def forget(self, codes: Codes) -> list[Change]:
        """End what is on of entities that have gone, and unlearn them, so that others can have their numbers."""
        gone, changes = set(codes.tolist()), []
        for code, kind in [key for key in self.open if key[0] in gone]:
            event = self.end(code, kind, self.open[code, kind].last_time).event
            event.reason += "; given up, as the entity was silent for longest when there were too many"
            changes.append(Change(event, False, forgotten=True))
        self._memory = {key: memory for key, memory in self._memory.items() if key[0] not in gone}
        self._recent = {code: rows for code, rows in self._recent.items() if code not in gone}
        self._on[codes[codes < len(self._on)]] = False
        return changes

    def _make_room(self, n: int) -> None:
        if n > len(self._on):
            self._on = grown(self._on, n, False)

    def is_on(self, code: int, kind: str) -> bool:
        """Whether an event of an entity is on."""
        return (code, kind) in self.open

    def state(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "open": [[code, kind, msgspec.to_builtins(o)] for (code, kind), o in self.open.items()],
            "memory": [[code, kind, msgspec.to_builtins(m)] for (code, kind), m in self._memory.items()],
            "recent": [[code, rows] for code, rows in self._recent.items()],
        }

    def restore(self, state: dict[str, Any], n_entities: int) -> None:
        """Take up a `state` of a stream with so many entities."""
        convert: Callable[..., Any] = msgspec.convert
        self.open = {(code, kind): convert(o, _Open) for code, kind, o in state["open"]}
        self._memory = {(code, kind): convert(m, _Memory) for code, kind, m in state["memory"]}
        self._recent = {code: list(rows) for code, rows in state["recent"]}
        self._on = np.zeros(n_entities, np.bool_)
        self._on[[code for code, kind in self.open if kind == "anomaly"] + list(self._recent)] = True


def _severity(kind: str, p_value: float) -> Severity:
    if kind == "anomaly":
        return severity_word(p_value)
    return "info" if kind == "drift" else "warning"


def _remembered(before: _Memory | None, time: float) -> _Memory:
    """What is kept of an event that opens now, of one before it within a day."""
    if before is None:
        return _Memory(time, 1, 0.0)
    gap = time - before.opened
    flaps = gap < _SOON or before.n_opened > 1
    return _Memory(time, before.n_opened + 1, max(before.hold, _HOLD * gap) if flaps else 0.0)


def _graver(severity: Severity, than: Severity) -> bool:
    return _GRAVITY.index(severity) < _GRAVITY.index(than)


def _ordinal(codes: Codes) -> Codes:
    """How many rows of the same entity stand before each."""
    order = np.argsort(codes, kind="stable")
    there = codes[order]
    first = np.searchsorted(there, there)
    number = np.empty(len(codes), np.int64)
    number[order] = np.arange(len(codes)) - first
    return number
