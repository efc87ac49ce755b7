"""Records from Kafka topics, taken up at the offsets of the snapshot."""

from __future__ import annotations

import difflib
import socket
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Message, Polled, Position
from amiss.io.address import Address
from amiss.io.kafka.settings import PORT, KafkaOptions, client_settings

__all__ = ["KafkaOptions", "KafkaSource"]

_LOOK_AGAIN_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
_ASK_SECONDS = 1.0


class KafkaSource:
    """Records of one or more topics, from all their partitions or from a share of them.

    Where to go on is read from the position, for partitions that it does not know from the group's committed offsets,
    and otherwise begins with what comes next. Offsets are committed by `commit` alone.

    Parameters
    ----------
    address
        `kafka://user:password@host:9092/topic`, further topics behind commas.
    name
        What the user calls it; the address without its password where "".
    options
        What is asked of it.

    Raises
    ------
    ConnectorError
        The address lacks host or topic.
    """

    def __init__(self, address: Address, *, name: str = "", options: KafkaOptions | None = None) -> None:
        self.name = name or address.shown
        self._address, self._options = address, options or KafkaOptions()
        self._given_name = name
        self._topics = [topic for topic in address.path.split(",") if topic]
        if not address.host or not self._topics:
            raise ConnectorError(
                "the address lacks its host" if not address.host else "the address names no topic",
                where=address.shown, mend="kafka://host:9092/topic",
            )  # fmt: skip
        self._consumer: Any = None
        self._notes: deque[str] = deque(maxlen=100)

    @classmethod
    def at(cls, address: Address, *, name: str, options: KafkaOptions) -> KafkaSource:
        """The source that an address names."""
        return cls(address, name=name, options=options)

    def open(self, position: Position | None) -> None:
        """Connect, look where to go on, and begin to fetch.

        Raises
        ------
        ConnectorError
            Nobody answers, the user is refused, or there is no such topic.
        MissingExtraError
            confluent-kafka is not installed.
        """
        self._kafka = require("confluent_kafka", extra="live", what="receiving from Kafka")
        self._away, self._trouble, self._said = False, "", ""
        self._asked = time.monotonic()
        self._next: dict[tuple[str, int], int] = {}
        self._known = {
            (topic, int(partition)): int(offset)
            for topic, offsets in (position or {}).get("offsets", {}).items()
            for partition, offset in offsets.items()
        }
        self._knock()
        settings = client_settings(self._address, self._options, self._given_name)
        try:
            self._consumer = self._kafka.Consumer(settings | {"error_cb": self._on_error, "on_commit": self._on_commit})
        except self._kafka.KafkaException as error:
            raise ConnectorError(
                f"the options do not fit: {error.args[0].str()}", where=self.name, mend="check tls and its files"
            ) from error
        try:
            self._begin()
        except self._kafka.KafkaException as error:
            self.close()
            raise self._unreachable(error) from error
        except ConnectorError:
            self.close()
            raise

    def _knock(self) -> None:
        """Where there is one broker only, that somebody listens there: the library itself would try on in silence."""
        if self._options.brokers:
            return
        where = self._address.host, self._address.port or PORT
        try:
            with socket.create_connection(where, self._options.connect_timeout_seconds):
                return
        except OSError as error:
            unknown = isinstance(error, socket.gaierror)
            raise ConnectorError(
                f"no host is called {where[0]!r}" if unknown
                else f"the broker cannot be reached: {error.strerror or error}",
                where=self.name, mend="check host and port, and that the broker runs",
            ) from error  # fmt: skip

    def _begin(self) -> None:
        partitions = self._partitions(self._options.connect_timeout_seconds)
        self._looked = time.monotonic()
        # Also of those that others may get: where nothing was committed this is, so that nobody misses what comes now.
        starts = self._starts(partitions)
        if self._options.share_partitions:
            self._consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        else:
            self._take(starts)
            self._consumer.assign([self._kafka.TopicPartition(*where, offset) for where, offset in starts.items()])

    def _partitions(self, timeout_seconds: float) -> list[tuple[str, int]]:
        topics = self._consumer.list_topics(timeout=timeout_seconds).topics
        for topic in self._topics:
            if topic not in topics:
                near = difflib.get_close_matches(topic, topics, 1, 0.5)
                raise ConnectorError(
                    f"there is no topic {topic!r}" + (f"; is it {near[0]!r}?" if near else ""), where=self.name,
                    mend="make it first, or name one that is there",
                )  # fmt: skip
        return [(topic, number) for topic in self._topics for number in sorted(topics[topic].partitions)]

    def _starts(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Where to begin with each partition: position, committed offset, or what was asked for, as still held."""
        wanted = [self._kafka.TopicPartition(*where) for where in partitions]
        if not wanted:
            return {}
        committed = self._consumer.committed(wanted, timeout=self._options.connect_timeout_seconds)
        starts, fresh = {}, []
        for one in committed:
            where = one.topic, one.partition
            low, high = self._consumer.get_watermark_offsets(one, timeout=self._options.connect_timeout_seconds)
            offset = self._known.get(where, one.offset)
            if offset < 0:
                offset = low if self._options.start == "earliest" else high
                fresh.append(self._kafka.TopicPartition(*where, offset))
            elif not low <= offset <= high:
                self._notes.append(_gone(where, offset, low, high))
                offset = low
            starts[where] = offset
        if fresh:
            # So that a start before the first snapshot finds the same place again.
            self._consumer.commit(offsets=fresh, asynchronous=False)
        return starts

    def _take(self, starts: dict[tuple[str, int], int]) -> None:
        self._next |= starts
        for where in starts:
            self._known.pop(where, None)

    def _on_assign(self, consumer: Any, partitions: list[Any]) -> None:
        unknown = [where for one in partitions if (where := (one.topic, one.partition)) not in self._known]
        starts = {
            where: self._known[where] for one in partitions if (where := (one.topic, one.partition)) in self._known
        }
        try:
            starts |= self._starts(unknown)
        except self._kafka.KafkaException as error:
            # Without an offset the library asks the broker for the committed one itself.
            self._notes.append(f"offsets could not be looked up: {error.args[0].str()}")
        self._take(starts)
        self._known.clear()  # what others have now goes on at what they commit
        unset = self._kafka.OFFSET_STORED
        consumer.assign(
            [
                self._kafka.TopicPartition(one.topic, one.partition, starts.get((one.topic, one.partition), unset))
                for one in partitions
            ]
        )

    def _on_revoke(self, consumer: Any, partitions: list[Any]) -> None:
        # Those that the same round gives back to us go on where they are.
        for one in partitions:
            where = one.topic, one.partition
            if where in self._next:
                self._known[where] = self._next.pop(where)

    def _on_lost(self, consumer: Any, partitions: list[Any]) -> None:
        # Whoever had them since has gone on, and so must we.
        for one in partitions:
            self._next.pop((one.topic, one.partition), None)

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` records; waits up to `timeout_seconds` for the first, and for no other."""
        if self._consumer is None:
            raise ConnectorError("the source is not open", where=self.name, mend="call open first")
        records = self._consumer.consume(1, max(0.0, timeout_seconds)) if most > 0 else []
        if records and most > 1:
            records += self._consumer.consume(most - 1, 0)
        messages, n_large = [], 0
        now = time.time()
        for record in records:
            error = record.error()
            if error is not None:
                self._say(f"{record.topic() or 'the broker'}: {error.str()}")
                continue
            self._next[record.topic(), record.partition()] = record.offset() + 1
            body = record.value() or b""
            if len(body) > self._options.max_message_bytes:
                n_large += 1
                continue
            kind, milliseconds = record.timestamp()
            moment = milliseconds / 1000 if kind == self._kafka.TIMESTAMP_LOG_APPEND_TIME else now
            messages.append(Message(body, record.topic(), moment, record.key()))
        self._ask_after_brokers()
        self._look_again()
        return Polled(messages, self._position(), self._lag(), notes=self._drained(n_large))

    def _position(self) -> Position:
        offsets: dict[str, dict[str, int]] = {}
        # What the last snapshot knew stays in it until the partitions are given out.
        for (topic, partition), offset in {**self._known, **self._next}.items():
            offsets.setdefault(topic, {})[str(partition)] = offset
        return {"offsets": offsets}

    def _lag(self) -> int | None:
        total = 0
        for where, offset in self._next.items():
            ends = self._consumer.get_watermark_offsets(self._kafka.TopicPartition(*where), cached=True)
            if ends is not None and ends[1] > offset:
                total += ends[1] - offset
        return total

    def _look_again(self) -> None:
        """Now and then, whether a topic has got more partitions: they are read from their first record."""
        now = time.monotonic()
        if self._options.share_partitions or self._away or now - self._looked < _LOOK_AGAIN_SECONDS:
            return
        self._looked = now
        try:
            new = [where for where in self._partitions(_ANSWER_SECONDS) if where not in self._next]
        except (self._kafka.KafkaException, ConnectorError):
            return  # a broker that is away says so elsewhere
        if new:
            self._take(dict.fromkeys(new, 0))
            self._consumer.incremental_assign([self._kafka.TopicPartition(*where, 0) for where in new])
            self._notes.append(f"{len(new)} new partitions are read from their start")

    def _on_error(self, error: Any) -> None:
        self._trouble = error.str()
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN and not self._away:
            self._away = True
            self._notes.append("all brokers are away; they are tried again with growing pauses")

    def _on_commit(self, error: Any, partitions: list[Any]) -> None:
        if error is not None:
            self._say(f"offsets could not be committed: {error.str()}")

    def _ask_after_brokers(self) -> None:
        """While they are away, now and then whether they are back: records alone may have been fetched before."""
        now = time.monotonic()
        if not self._away or now - self._asked < _ASK_SECONDS:
            return
        self._asked = now
        try:
            self._consumer.list_topics(self._topics[0], timeout=_ASK_SECONDS / 10)
        except self._kafka.KafkaException:
            return
        self._away, self._said = False, ""
        self._notes.append("the brokers are back")

    def _say(self, note: str) -> None:
        """Enter a note unless it was the last one, too."""
        if note != self._said:
            self._notes.append(note)
        self._said = note

    def _drained(self, n_large: int) -> list[str]:
        notes = [f"{self.name}: {self._notes.popleft()}" for _ in range(len(self._notes))]
        if n_large:
            limit = self._options.max_message_bytes
            notes.append(f"{self.name}: {n_large:,} records of more than {limit:,} bytes left out")
        return notes

    def commit(self, position: Position) -> None:
        """Commit the offsets of a position, of those partitions that are ours now."""
        offsets = [
            self._kafka.TopicPartition(topic, int(partition), offset)
            for topic, parts in position["offsets"].items()
            for partition, offset in parts.items()
            if (topic, int(partition)) in self._next
        ]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except self._kafka.KafkaException as error:
                self._say(f"offsets could not be committed: {error.args[0].str()}")

    def _unreachable(self, error: Any) -> ConnectorError:
        why = self._trouble or error.args[0].str()
        return ConnectorError(
            f"Kafka cannot be reached: {why}", where=self.name,
            mend="check host and port, tls, and the user in the address with its password",
        )  # fmt: skip

    def close(self) -> None:
        """Leave the group and close the connections."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


def _gone(where: tuple[str, int], offset: int, low: int, high: int) -> str:
    topic, partition = where
    if offset < low:
        return f"{topic}, partition {partition}: the broker has deleted {low - offset:,} records that were not read yet"
    return f"{topic}, partition {partition}: it ends at {high} and was read to {offset}; it is read from its start"
