"""One stream of readings: decoded, put in order, judged, and what changes in its events."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from amiss.core.summary import Matrix
from amiss.pipeline.series_rows import duration_words
from amiss.stream.events import Change
from amiss.stream.judge import Batch, Cause, Judge, Judgement
from amiss.stream.life import Life
from amiss.stream.presence import Presence, Stuck
from amiss.stream.readings import Readings, Refused
from amiss.stream.roster import Roster
from amiss.stream.rules import Rules
from amiss.stream.waiting import Waiting

__all__ = ["Flow", "Taken"]

_FUTURE_SECONDS = 60.0
_SETTLING_SECONDS = 10.0
"""After a restart nobody is held to be silent for so long, unless something has come: what waited is on its way."""


class Taken:
    """What came of some readings.

    Attributes
    ----------
    changes
        Events that opened or ended.
    refused
        Records that were not judged, with their reason.
    batch, judged
        Rows that were judged, and what was said of them; None where there were none.
    """

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.refused: list[Refused] = []
        self.batch: Batch | None = None
        self.judged: Judgement | None = None


class Flow:
    """From readings to events. No clock, no disk, no network: what it does depends on what it is handed alone.

    Parameters
    ----------
    judge
        What is said of each row.
    life, rules
        How alarms become events, and which do not.
    most_entities
        So many are told apart; where more come, the longest silent are forgotten.
    lateness_seconds
        Rows wait for those that come late, by so much at most.

    Attributes
    ----------
    counts
        Rows by what became of them.
    """

    def __init__(
        self, judge: Judge, life: Life, rules: Rules, *, most_entities: int = 1_000_000, lateness_seconds: float = 0.0
    ) -> None:
        self.judge, self.life, self.rules = judge, life, rules
        self.roster, self.presence = Roster(most_entities), Presence()
        self.waiting = Waiting(lateness_seconds)
        self.counts: Counter[str] = Counter()
        self._latest = (-np.inf, -np.inf)
        self._resumed = False

    def take(self, readings: Readings, now: float, *, last: bool = False) -> Taken:
        """Judge readings that came at `now`, in seconds since 1970, and none wait where they are the last."""
        taken = Taken()
        taken.refused = list(readings.refused)
        if not readings.n_rows and not self.waiting.n_rows:
            return taken
        future = readings.times > now + _FUTURE_SECONDS
        if future.any():
            taken.refused += _refused(readings, np.flatnonzero(future), "dated in the future")
            readings = readings.at(np.flatnonzero(~future))
        # Where lateness is no longer granted, what was waiting under another start still has to go.
        if self.waiting.lateness_seconds or self.waiting.n_rows:
            readings = self.waiting.push(readings, now, last=last)
            self.counts["not waited for longer, as too many wait"] = self.waiting.n_early
            if not readings.n_rows:
                return taken
        if not self.judge.columns:
            self.judge.begin(_number_columns(readings))
        if not self.judge.columns or not readings.n_rows:
            self.counts["rows without a number"] += readings.n_rows
            return taken
        X, n_odd = readings.matrix(self.judge.columns)
        self.counts["values that are no numbers"] += n_odd
        self._judge(readings, X, taken)
        self._latest, self._resumed = max(self._latest, (float(readings.times.max()), now)), False
        return taken

    def _judge(self, readings: Readings, X: Matrix, taken: Taken) -> None:
        roster, names = self.roster, self.roster.names
        gone = roster.number(readings.entities, readings.n_rows)
        if gone is not None:
            taken.changes += self.life.forget(gone.codes)
            self.presence.forget(gone.codes)
            self.judge.forget(gone.codes, gone.names)
        roster.grow()
        self.presence.grow(len(names), X.shape[1])
        placed = roster.place(readings.times, X)
        for rows, reason in ((placed.late, "older than the last of its entity"), (placed.repeated, "came before"),
                             (placed.crowded, "of one entity too many")):  # fmt: skip
            self.counts[reason] += len(rows)
        if not len(placed.rows):
            return
        whole = len(placed.rows) == readings.n_rows and bool((np.diff(placed.rows) == 1).all())
        here, X = (readings, X) if whole else (readings.at(placed.rows), np.ascontiguousarray(X[placed.rows]))
        codes, times = placed.codes, here.times
        taken.batch = batch = Batch(here, X, codes, names, self.judge.columns)
        back = self.presence.hear(codes, times, roster.last_time)
        for code in back.tolist():
            if self.life.is_on(code, "no_data"):
                taken.changes.append(self.life.end(code, "no_data", float(times[codes == code][0])))
        stuck = self.presence.watch(codes, X)
        taken.judged = self.rules.applied(batch, self.judge.advance(batch))
        taken.changes += self.life.advance(codes, names, times, roster.n_rows, taken.judged)
        for each in stuck:
            taken.changes += self._stuck(each, batch)
        for row, cause in taken.judged.drifts:
            taken.changes += self._drift(row, cause, batch)
        roster.advance(codes, times, X)
        self.counts["rows judged"] += len(codes)

    def _stuck(self, each: Stuck, batch: Batch) -> list[Change]:
        name, column = batch.names[each.code], self.judge.columns[each.column]
        kind, time = f"stuck {column}", float(batch.readings.times[each.row])
        if not each.begins:
            return [self.life.end(each.code, kind, time)] if self.life.is_on(each.code, kind) else []
        value = float(batch.X[each.row, each.column])
        usual = self.presence.longest_stay(each.code, each.column)
        reason = f"{column} has stayed at {value:.6g} for {each.run} rows, so far {usual} at most"
        cause = Cause(reason, {column: value}, {column: f"at most {usual} rows alike"})
        row = int(self.roster.n_rows[each.code]) + each.row
        return [self.life.begin(each.code, name, kind, time, row, cause)]

    def _drift(self, row: int, cause: Cause, batch: Batch) -> list[Change]:
        """An event that is over as it begins: from here on the new level is usual."""
        code, time = int(batch.codes[row]), float(batch.readings.times[row])
        place = int(self.roster.n_rows[code]) + int((batch.codes[:row] == code).sum())
        begun = self.life.begin(code, batch.names[code], "drift", time, place, cause)
        return [begun, self.life.end(code, "drift", time)]

    def silences(self, now: float) -> list[Change]:
        """Events of entities that have been silent for too long at `now`."""
        if self._resumed:
            self._latest, self._resumed = (self._latest[0], now + _SETTLING_SECONDS), False
        latest, at = self._latest
        if not np.isfinite(latest):
            return []
        moment = latest + max(now - at, 0.0)
        found = []
        for code in self.presence.falls_silent(moment, self.roster.last_time).tolist():
            usual = duration_words(float(self.presence.interval[code]))
            last = float(self.roster.last_time[code])
            reason = f"nothing came for {duration_words(moment - last)}, usually something comes every {usual}"
            found.append(self.life.begin(code, self.roster.names[code], "no_data", last, int(self.roster.n_rows[code]),
                                         Cause(reason, {}, {})))  # fmt: skip
        return found

    def resume(self, now: float, since: float | None = None) -> None:
        """Nobody has listened from `since` until `now`: what was not heard meanwhile is no silence."""
        self.waiting.resume(now, now if since is None else since)
        self._latest = (self._latest[0], max(self._latest[1], now))

    def state(self) -> dict[str, Any]:
        """All that it knows."""
        return {
            "judge": self.judge.state(), "life": self.life.state(), "roster": self.roster.state(),
            "presence": self.presence.state(), "counts": dict(self.counts), "latest": list(self._latest),
            "waiting": self.waiting.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`; ValueError if its parts do not fit together."""
        self.judge.restore(state["judge"])
        self.roster.restore(state["roster"])
        self.presence.restore(state["presence"])
        self.life.restore(state["life"], len(self.roster.names))
        if "waiting" in state:
            self.waiting.restore(state["waiting"])
        self.counts = Counter(state["counts"])
        self.waiting.n_early = self.counts["not waited for longer, as too many wait"]
        # While we were away nobody was silent: the messages of that time may wait at the broker.
        self._latest, self._resumed = (state["latest"][0], state["latest"][1]), True


def _number_columns(readings: Readings) -> list[str]:
    """Columns that hold numbers, and nothing else."""
    found = []
    for name, values in readings.columns.items():
        there = [value for value in values if value is not None]
        if there and all(type(value) in (int, float, bool) for value in there):
            found.append(name)
    return found


def _refused(readings: Readings, rows: Any, reason: str) -> list[Refused]:
    import msgspec

    who = readings.entities
    return [
        Refused(msgspec.json.encode({name: values[i] for name, values in readings.columns.items()}), reason,
                "" if who is None else who[i])
        for i in rows.tolist()
    ]  # fmt: skip
