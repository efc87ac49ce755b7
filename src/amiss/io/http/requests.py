"""Which pushed requests were handed out, which of them are safe, and who waits for an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

__all__ = ["Request", "Requests"]

_MOST_WAITING = 10_000
_REMEMBERED_SECONDS = 600.0
"""Senders that were not answered before a restart come again within this time, or not at all."""


class Request:
    """A request whose messages wait to be handed out, lie in no snapshot yet, or are safe.

    Parameters
    ----------
    number
        Its place among all requests.
    digest
        Hash of its path and body, or of the key that its sender gave it.
    n_messages
        How many it holds.
    n_before
        How many of them were handed out before a restart.
    """

    def __init__(self, number: int, digest: str, n_messages: int, n_before: int) -> None:
        self.number, self.digest, self.n_messages, self.n_handed_out = number, digest, n_messages, n_before
        self.answered = False
        self.outcome: int | None = None
        self._loop = asyncio.get_running_loop()
        self._decided = asyncio.Event()

    def decide(self, status: int) -> None:
        """Say how it is to be answered; from any thread."""
        if self.outcome is None:
            self.outcome = status
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._decided.set)

    async def decision(self, timeout_seconds: float) -> int | None:
        """How to answer it; None where nobody says so in time."""
        try:
            await asyncio.wait_for(self._decided.wait(), timeout_seconds)
        except TimeoutError:
            return None
        return self.outcome


class Requests:
    """Books of the requests, for one thread that receives and one that polls.

    Parameters
    ----------
    number
        The last request of the runs before.
    handed_out
        Digest and number of messages of each request that lies in the snapshot and may come again.
    """

    def __init__(self, number: int, handed_out: Sequence[Sequence[object]]) -> None:
        self._number = self._complete = number
        self._before = [(str(digest), int(str(n_messages))) for digest, n_messages in handed_out][-_MOST_WAITING:]
        self._forget = time.monotonic() + _REMEMBERED_SECONDS
        self._open: list[Request] = []
        self._orphans: dict[str, Request] = {}

    # By the thread that receives.

    def enter(self, digest: str, n_messages: int) -> tuple[Request, int]:
        """Enter a request that came; also how many of its first messages are not to be handed out again."""
        if (orphan := self._orphans.pop(digest, None)) is not None:
            return orphan, n_messages
        n_before = min(self._handed_out_before(digest), n_messages)
        if n_before < n_messages:
            self._number += 1
        request = Request(self._number, digest, n_messages, n_before)
        if n_before == n_messages:
            request.decide(204)
        return request, n_before

    def _handed_out_before(self, digest: str) -> int:
        if self._before and time.monotonic() > self._forget:
            self._before = []
        for entry in self._before:
            if entry[0] == digest:
                self._before = [other for other in self._before if other is not entry]
                return entry[1]
        return 0

    def forsake(self, request: Request) -> None:
        """Enter that its sender was told to come again, as it will."""
        self._orphans[request.digest] = request
        while len(self._orphans) > _MOST_WAITING:
            self._orphans.pop(next(iter(self._orphans))).answered = True

    # By the thread that polls.

    def handing_out(self, request: Request) -> None:
        """Enter that one more of its messages is handed out."""
        if not self._open or self._open[-1] is not request:
            self._open.append(request)
        request.n_handed_out += 1
        if request.n_handed_out >= request.n_messages:
            self._complete = request.number

    def position(self) -> dict[str, object]:
        """The last request handed out as a whole, and all that are handed out, if in part, and not answered."""
        waiting = [[one.digest, one.n_handed_out] for one in self._open if not one.answered]
        return {"request": self._complete, "handed_out": [*map(list, self._before), *waiting]}

    def safe(self, number: int) -> None:
        """Enter that all requests up to a number lie in a snapshot."""
        for one in self._open:
            if one.number <= number:
                one.decide(204)
        self._open = [one for one in self._open if not one.answered]

    def abandon(self) -> None:
        """Tell all who wait to come again."""
        for one in self._open:
            one.decide(503)
