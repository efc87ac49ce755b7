"""From messages to rows: JSON, lines of InfluxDB, CSV, bare numbers, told apart by what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from amiss.core.live import Message
from amiss.core.summary import Vector
from amiss.stream.lines import CsvLines, LineError, line_protocol
from amiss.stream.moments import moments_of
from amiss.stream.readings import Readings, Refused

__all__ = ["ENTITY_NAMES", "TIME_NAMES", "Decoder"]

TIME_NAMES = ("time", "timestamp", "ts", "datetime", "date", "@timestamp", "_time", "t")
ENTITY_NAMES = ("entity", "device", "device_id", "sensor", "sensor_id", "host", "hostname", "machine", "machine_id")
_VALUE = "value"
_MOST_FIELDS = 256
_MOST_ROWS = 100_000
"""Of one message: more is an attack, or a file that should be read by detect."""
_DEEPEST = 4

Scalar = float | int | str | bool | None
Row = dict[str, Any]


class Decoder:
    """Reads messages as rows; what cannot be read is refused with its reason, and never stops the rest.

    Once the fields are known, the messages of a batch are decoded together, 2 µs a row or so; a batch that has one bad
    message is decoded one by one.

    Parameters
    ----------
    time, entity
        Field that holds them; None recognises a usual name. Without an entity the topics are the entities, where there
        are several.
    ignore
        Fields to leave out.

    Attributes
    ----------
    fields
        Fields seen, in the order in which they came.
    counts
        How many rows, and how many records were refused, by reason.
    """

    def __init__(self, *, time: str | None = None, entity: str | None = None, ignore: Sequence[str] = ()) -> None:
        self.time, self.entity, self.ignore = time, entity, frozenset(ignore)
        self.fields: dict[str, None] = {}
        self.counts: Counter[str] = Counter()
        self._csv = CsvLines()
        self._joined: msgspec.json.Decoder[Any] | None = None
        self._flat = True
        self._topics: set[str] = set()

    def decode(self, messages: Sequence[Message], now: float) -> Readings:
        """The rows of some messages.

        Parameters
        ----------
        messages
            In their order.
        now
            The time where neither a row nor its message has one, in seconds since 1970.
        """
        refused: list[Refused] = []
        origin: Sequence[int]
        quick = self._together(messages)
        if quick is not None:
            columns, origin = quick, range(len(messages))
        else:
            rows, origin = self._one_by_one(messages, refused)
            self._learn(rows)
            columns = {name: [row.get(name) for row in rows] for name in self.fields}
        for each in refused:
            self.counts[each.reason] += 1
        self.counts["rows"] += len(origin)
        return self._readings(messages, origin, columns, refused, now)

    # Many at once --------------------------------------------------------------------------------------

    def _together(self, messages: Sequence[Message]) -> dict[str, list[Any]] | None:
        """Columns of messages that are all one flat JSON object of fields known; None where they may not be."""
        if self._joined is None or not messages or not self._flat:
            return None
        try:
            rows = self._joined.decode(b"[" + b",".join([m.body for m in messages]) + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        # What is no JSON by itself may be so when joined: then there are not as many rows as messages.
        if len(rows) != len(messages):
            return None
        names = list(self.fields)
        return {name: [getattr(row, f"f{k}") for row in rows] for k, name in enumerate(names)}

    def _learn(self, rows: Sequence[Row]) -> None:
        n = len(self.fields)
        for row in rows:
            for name, value in row.items():
                if name not in self.fields and name not in self.ignore and len(self.fields) < _MOST_FIELDS:
                    self.fields[name] = None
                if isinstance(value, (dict, list)):
                    self._flat = False
        if len(self.fields) == n and self._joined is not None:
            return
        if self.fields:
            made = [(f"f{k}", Scalar, None) for k in range(len(self.fields))]
            names = {f"f{k}": name for k, name in enumerate(self.fields)}
            row_type = msgspec.defstruct("Row", made, rename=names, gc=False)
            self._joined = msgspec.json.Decoder(list[row_type])  # type: ignore[valid-type]

    # One by one ----------------------------------------------------------------------------------------

    def _one_by_one(self, messages: Sequence[Message], refused: list[Refused]) -> tuple[list[Row], list[int]]:
        rows: list[Row] = []
        origin: list[int] = []
        for i, message in enumerate(messages):
            try:
                found = self._rows_of(message)
            except LineError as error:
                refused.append(Refused(message.body, str(error), message.topic))
                continue
            rows += found
            origin += [i] * len(found)
        return rows, origin

    def _rows_of(self, message: Message) -> list[Row]:
        body = message.body.strip()
        if not body:
            return []
        first = body[:1]
        if first == b"{" and b"\n" in body and not _is_json(body):
            return [row for line in body.splitlines() for row in self._rows_of(Message(line, message.topic))]
        if first in (b"{", b"["):
            return self._json(body)
        number = _bare_number(body)
        if number is not None:
            return [{_VALUE: number}]
        lines = line_protocol(body)
        if lines is not None:
            return lines
        return self._csv.rows(message.topic, body)

    def _json(self, body: bytes) -> list[Row]:
        try:
            found = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LineError("no JSON") from error
        rows = found if isinstance(found, list) else [found]
        if len(rows) > _MOST_ROWS:
            raise LineError(f"more than {_MOST_ROWS:,} rows in one message")
        if not all(isinstance(row, dict) for row in rows):
            raise LineError("JSON that is no object, nor a list of objects")
        flat = []
        for row in rows:
            values: Row = {}
            self._flatten(row, "", values, 0)
            flat.append(values)
        return flat

    def _flatten(self, row: Row, prefix: str, into: Row, depth: int) -> None:
        """Inner objects as fields `outer.inner`; lists are no fields."""
        for name, value in row.items():
            if isinstance(value, dict):
                self._flat = False
                if depth < _DEEPEST:
                    self._flatten(value, f"{prefix}{name}.", into, depth + 1)
            elif not isinstance(value, list):
                into[prefix + name] = value
            else:
                self._flat = False

    # Time and entity -----------------------------------------------------------------------------------

    def _readings(
        self,
        messages: Sequence[Message],
        origin: Sequence[int],
        columns: dict[str, list[Any]],
        refused: list[Refused],
        now: float,
    ) -> Readings:
        self.time = self.time or next((name for name in TIME_NAMES if name in self.fields), None)
        self.entity = self.entity or next((name for name in ENTITY_NAMES if name in self.fields), None)
        values = {name: column for name, column in columns.items() if name not in (self.time, self.entity)}
        times = self._times(messages, origin, columns, now)
        return Readings(self._entities(messages, origin, columns), times, values, refused)

    def _times(
        self, messages: Sequence[Message], origin: Sequence[int], columns: dict[str, list[Any]], now: float
    ) -> Vector:
        if self.time is not None and self.time in columns:
            times = moments_of(columns[self.time])
            missing = np.isnan(times)
            self.counts["without a time that can be read"] += int(missing.sum())
        else:
            times, missing = np.full(len(origin), np.nan), np.ones(len(origin), np.bool_)
        for i in np.flatnonzero(missing).tolist():
            received = messages[origin[i]].received
            times[i] = now if received is None else received
        return times

    def _entities(
        self, messages: Sequence[Message], origin: Sequence[int], columns: dict[str, list[Any]]
    ) -> list[str] | None:
        if self.entity is not None and self.entity in columns:
            return ["" if v is None else v if type(v) is str else str(v) for v in columns[self.entity]]
        if len(self._topics) < 2:
            self._topics.update(message.topic for message in messages)
        if len(self._topics) < 2:
            return None
        return [messages[i].topic for i in origin]

    def hint(self, readings: Readings) -> str:
        """What a user may want to know of the form of these rows; "" for nothing."""
        if self.entity is not None or readings.entities is not None:
            return ""
        words = [name for name, values in readings.columns.items() if any(type(v) is str for v in values)]
        if not words:
            return ""
        return f"no entity is known; if {words[0]} says whose a row is, name it with --entity {words[0]}"

    def state(self) -> dict[str, Any]:
        """What has been learnt of the stream's form, as JSON."""
        return {
            "fields": list(self.fields), "time": self.time, "entity": self.entity, "flat": self._flat,
            "topics": sorted(self._topics)[:2], "csv": self._csv.headers,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`."""
        self.fields = dict.fromkeys(state["fields"])
        self.time, self.entity = self.time or state["time"], self.entity or state["entity"]
        self._flat, self._topics = bool(state["flat"]), set(state["topics"])
        self._csv.headers.update(state["csv"])


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _bare_number(body: bytes) -> float | None:
    if len(body) > 64 or body[:1] not in b"+-.0123456789nN":
        return None
    try:
        return float(body)
    except ValueError:
        return None
