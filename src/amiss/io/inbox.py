"""A queue between a thread that receives and the one that polls, bounded by number and by size."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Inbox"]

T = TypeVar("T")


class Inbox(Generic[T]):
    """What one thread puts in and one other takes out, in order; the bounds are for the first to look at.

    Parameters
    ----------
    most
        How many there is room for.
    most_bytes
        For how many bytes there is room.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._waiting: deque[tuple[T, int]] = deque()
        self._come = threading.Event()
        # Each is written by one thread alone, so that no lock is needed for their difference.
        self._bytes_in = self._bytes_out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more should be put in."""
        return len(self._waiting) >= self._most or self._bytes_in - self._bytes_out >= self._most_bytes

    def put(self, item: T, size_bytes: int = 0) -> None:
        """Put one in, full or not."""
        self._bytes_in += size_bytes
        self._waiting.append((item, size_bytes))
        if not self._come.is_set():
            self._come.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether there is one, or comes within the time."""
        if self._waiting:
            return True
        self._come.clear()
        if not self._waiting and timeout_seconds > 0:
            self._come.wait(timeout_seconds)
        return bool(self._waiting)

    def wake(self) -> None:
        """End a wait though nothing came."""
        self._come.set()

    def take(self) -> T | None:
        """The first, or None where there is none."""
        try:
            item, size_bytes = self._waiting.popleft()
        except IndexError:
            return None
        self._bytes_out += size_bytes
        return item
