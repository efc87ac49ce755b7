"""Which messages were handed out, which of them are safe, and which the broker surely knows to be."""

from __future__ import annotations

from collections import OrderedDict, deque
from enum import Enum

from amiss.core.live import Position

__all__ = ["Arrival", "Ledger"]


class Arrival(Enum):
    """What is to be done with a message that has come."""

    NEW = "hand it out"
    AGAIN = "it was handed out, and waits for its snapshot"
    SAFE = "it lies in a snapshot: acknowledge it and be silent"


class Ledger:
    """Books of one session with a broker; a message is known by its packet identifier and a hash.

    The broker may send a message again until it has our acknowledgement, and only then may it use the identifier for
    another. So what was handed out stays in the position until the broker has surely taken the acknowledgement.

    Parameters
    ----------
    most
        So many may be without acknowledgement; twice as many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, str] = {}
        self._safe: OrderedDict[str, None] = OrderedDict()  # the oldest first
        self._here: set[str] = set()
        self._sent: deque[tuple[int, int, str, str]] = deque()
        self._number = 0
        self.connection = 0

    def position(self) -> dict[str, str]:
        """Hash of each message handed out and not surely acknowledged, by its identifier."""
        return self._open.copy()

    def taken_up(self, handed_out: Position) -> None:
        """Begin with what a snapshot says."""
        self._open = dict(handed_out)
        self._safe = OrderedDict.fromkeys(self._open)

    def connected(self, connection: int, *, resumed: bool) -> None:
        """Another connection: nothing has come by it yet, and a broker that forgot us sends nothing again."""
        self.connection = connection
        self._here.clear()
        if not resumed:
            self._open.clear()
            self._safe.clear()

    def arrived(self, identifier: int, digest: str, *, again: bool) -> Arrival:
        """Enter a message that came; `again` is the broker's word that it may have sent it before."""
        key = str(identifier)
        self._here.add(key)
        if again and self._open.get(key) == digest:
            return Arrival.SAFE if key in self._safe else Arrival.AGAIN
        self._open.pop(key, None)
        self._open[key] = digest
        self._safe.pop(key, None)
        if len(self._open) > 2 * self._most and self._safe:
            oldest, _ = self._safe.popitem(last=False)
            del self._open[oldest]
        return Arrival.NEW

    def safe(self, position: Position) -> list[int]:
        """Enter that all of a position lies in a snapshot; the identifiers to acknowledge at this connection."""
        found = []
        for key, digest in position.items():
            if key not in self._safe and self._open.get(key) == digest:
                self._safe[key] = None
                if key in self._here:
                    found.append(int(key))
        return found

    def acknowledging(self, identifier: int) -> int:
        """Enter that an acknowledgement is on its way; its number."""
        self._number += 1
        key = str(identifier)
        self._sent.append((self._number, self.connection, key, self._open.get(key, "")))
        return self._number

    def settled(self, connection: int, number: int) -> None:
        """Enter that the broker has all acknowledgements of a connection up to this one: they may be forgotten."""
        while self._sent and self._sent[0][0] <= number:
            _, sent_by, key, digest = self._sent.popleft()
            if sent_by == connection and key in self._safe and self._open.get(key) == digest:
                del self._open[key]
                del self._safe[key]
