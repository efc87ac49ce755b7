"""Lines from standard input, handed out as they come."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections import deque

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.live import Message, Polled, Position
from amiss.io.address import Address
from amiss.io.line_parts import LineParts

__all__ = ["StdinOptions", "StdinSource"]

_BLOCK = 1 << 18


class StdinOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of standard input.

    Attributes
    ----------
    max_message_bytes
        Lines that are longer are left out and counted.
    """

    max_message_bytes: int = 10_000_000


class StdinSource:
    """Each line of standard input as a message; it ends with its input.

    A pipe cannot be taken up again: what was read from it and is in no snapshot when the process dies is lost, unless
    whoever writes sends it anew. A file given as standard input (`amiss watch - < file`) is taken up where it stood.

    Parameters
    ----------
    name
        What the user calls it.
    options
        What is asked of it.
    descriptor
        The file descriptor to read; that of standard input where None.
    """

    def __init__(
        self, *, name: str = "standard input", options: StdinOptions | None = None, descriptor: int | None = None
    ) -> None:
        self.name = name
        self._options = options or StdinOptions()
        self._given = descriptor
        self._pending: deque[tuple[bytes, int, int]] = deque()

    @classmethod
    def at(cls, address: Address, *, name: str, options: StdinOptions) -> StdinSource:
        """The source that an address names."""
        return cls(name=name or address.shown, options=options)

    def open(self, position: Position | None) -> None:
        """Begin; a regular file is taken up behind `position` where it is the same one.

        Raises
        ------
        ConnectorError
            Standard input is closed.
        """
        if self._given is None and sys.stdin is None:
            raise ConnectorError("standard input is closed", mend="pipe lines in: … | amiss watch -")
        self._descriptor = sys.stdin.fileno() if self._given is None else self._given
        try:
            found = os.fstat(self._descriptor)
        except OSError as error:
            raise ConnectorError("standard input is closed", mend="pipe lines in: … | amiss watch -") from error
        self._parts = LineParts(self._options.max_message_bytes)
        self._told = 0
        self._at: Position = {"lines": 0}
        if stat.S_ISREG(found.st_mode):
            self._at |= {"bytes": 0, "device": found.st_dev, "inode": found.st_ino}
            if position and self._same(position) and found.st_size >= position["bytes"]:
                os.lseek(self._descriptor, position["bytes"], os.SEEK_CUR)
                self._parts.n_bytes, self._parts.n_lines = position["bytes"], position["lines"]
                self._at = dict(position)
        self._over = False

    def _same(self, position: Position) -> bool:
        return all(position.get(name) == self._at[name] for name in ("device", "inode"))

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` lines; waits up to `timeout_seconds` for the first, and for no other."""
        until = time.monotonic() + timeout_seconds
        while len(self._pending) < most and not self._over:
            wait = 0.0 if self._pending else max(0.0, until - time.monotonic())
            if not select.select([self._descriptor], [], [], wait)[0]:
                break
            self._read()
        messages: list[Message] = []
        while self._pending and len(messages) < most:
            line, n_bytes, n_lines = self._pending.popleft()
            messages.append(Message(line))
            self._at = {**self._at, "lines": n_lines}
            if "bytes" in self._at:
                self._at["bytes"] = n_bytes
        return Polled(messages, dict(self._at), ended=self._over and not self._pending, notes=self._notes())

    def _read(self) -> None:
        block = os.read(self._descriptor, _BLOCK)
        self._pending += self._parts.lines(block) if block else self._parts.last()
        self._over = not block

    def _notes(self) -> list[str]:
        new = self._parts.n_too_long - self._told
        self._told = self._parts.n_too_long
        limit = self._options.max_message_bytes
        return [f"{self.name}: {new:,} lines of more than {limit:,} bytes left out"] if new else []

    def commit(self, position: Position) -> None:
        """Nothing is to be told to a pipe."""

    def close(self) -> None:
        """Nothing is held; standard input stays open."""
        self._over = True
