"""The LiveSource contract: messages as they come, and the position to take them up at after a crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

__all__ = ["LiveSource", "Message", "Polled", "Position"]

Position = dict[str, Any]
"""Where a source stands, in words, numbers, lists and further such dictionaries: it goes into the snapshot as JSON."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """What came at once: some bytes, and where they came from.

    Attributes
    ----------
    body
        As it came; what it means is for the decoder to say.
    topic
        Topic, path or the like, without the server; "" where there is none.
    received
        When the broker or this machine had it, in seconds since 1970-01-01 UTC; None where nobody says.
    key
        The message's key, where its protocol has keys.
    """

    body: bytes
    topic: str = ""
    received: float | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """Messages that a source handed out together.

    Attributes
    ----------
    messages
        In the order in which they came; at most as many as were asked for.
    position
        Where to take up the source once these are in a snapshot.
    lag
        How many more are known to wait; None where the source cannot say.
    ended
        Whether nothing more will ever come, as at the end of standard input.
    notes
        What is to be said, one sentence each: a broker that is away, a file that was rotated, messages too large.
    """

    messages: list[Message]
    position: Position
    lag: int | None = None
    ended: bool = False
    notes: list[str] = field(default_factory=list)


class LiveSource(Protocol):
    """Messages without end, taken up where a snapshot left them.

    Order of use: `open`, then again and again `poll` and, once what was polled lies in a snapshot, `commit`; at last
    `close`. A message that was polled and is not in the position given to `open` comes again; one that is, does not,
    even where the source's protocol sends it a second time. A connection that is lost is made again by the source
    itself, with growing pauses; `poll` then gives nothing, and says so in `notes` once.

    Attributes
    ----------
    name
        What the user calls it, without passwords.
    """

    name: str

    def open(self, position: Position | None) -> None:
        """Connect, and go on behind `position`; None begins with what comes next, a file with its first line.

        Raises
        ------
        ConnectorError
            The address is wrong, the password is refused, or nobody is there: at the first connection nothing is
            waited for.
        """
        ...

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` messages; waits up to `timeout_seconds` for the first, and for no other."""
        ...

    def commit(self, position: Position) -> None:
        """Tell the source that all up to `position` is safe: acknowledge, commit offsets."""
        ...

    def close(self) -> None:
        """Let go of connections and files; may be called twice."""
        ...
