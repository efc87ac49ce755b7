"""Lines from a file that grows, over rotations and restarts."""

from __future__ import annotations

import os
import time
from collections import deque

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.live import Message, Polled, Position
from amiss.core.written import readable
from amiss.io.address import Address
from amiss.io.line_parts import LineParts
from amiss.io.tail.opened import Opened, find_moved, find_next, open_file

__all__ = ["TailOptions", "TailSource"]

_BLOCK = 1 << 18
_PAUSE_SECONDS = 0.05


class TailOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of a file.

    Attributes
    ----------
    max_message_bytes
        Lines that are longer are left out and counted.
    """

    max_message_bytes: int = 10_000_000


class TailSource:
    """Each line of a file as a message, from its first line on; half a line waits for its end.

    A file that is renamed while a new one takes its name is read to its end first, and one that is copied and cut
    (`copytruncate`) goes on in its copy, both also where it happened between two runs. Compressed files are not read.

    Parameters
    ----------
    path
        The file.
    name
        What the user calls it; "file:" and the path where "".
    options
        What is asked of it.
    """

    def __init__(self, path: str, *, name: str = "", options: TailOptions | None = None) -> None:
        self.name = name or f"file:{readable(path)}"
        self._path = path
        self._options = options or TailOptions()
        self._pending: deque[tuple[bytes, int, int]] = deque()
        self._notes: list[str] = []
        self._file: Opened | None = None

    @classmethod
    def at(cls, address: Address, *, name: str, options: TailOptions) -> TailSource:
        """The source that an address names: `file:PATH`, or `file:///PATH` with all its slashes."""
        path = address.path
        return cls(path[2:] if path.startswith("///") else path, name=name, options=options)

    def open(self, position: Position | None) -> None:
        """Begin with the first line, or behind `position`, in whatever file what is there now lies.

        Raises
        ------
        ConnectorError
            The file is not there, is none, or may not be read.
        """
        now = open_file(self._path)
        self._gone = False
        if position is None or now.holds(position):
            self._begin(now, position["offset"] if position else 0)
            return
        before = find_moved(self._path, position, now)
        self._notes.append(_rotated(self.name, before is not None))
        if before is None:
            self._begin(now, 0)
        else:
            now.close()
            self._begin(before, position["offset"])

    def _begin(self, file: Opened, offset: int) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file
        self._read_at = self._handed = offset
        self._parts = LineParts(self._options.max_message_bytes)
        self._parts.n_bytes = offset

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` lines; waits up to `timeout_seconds` for the first, and for no other."""
        until = time.monotonic() + timeout_seconds
        while not self._pending and not self._fill() and (left := until - time.monotonic()) > 0:
            time.sleep(min(_PAUSE_SECONDS, left))
        messages: list[Message] = []
        while self._pending and len(messages) < most:
            line, self._handed, _ = self._pending.popleft()
            messages.append(Message(line))
        if not self._pending:
            self._handed = self._parts.n_bytes  # lines that were left out are behind us, too
        notes, self._notes = self._notes, []
        return Polled(messages, self._now.position(self._handed), self._waiting(), notes=notes)

    @property
    def _now(self) -> Opened:
        if self._file is None:
            raise ConnectorError("the file is not open", where=self.name, mend="call open first")
        return self._file

    def _waiting(self) -> int | None:
        return None if self._now.size_bytes() > self._read_at else len(self._pending)

    def _fill(self) -> bool:
        """Read until lines are there; whether any came."""
        while not self._pending:
            if self._cut():
                continue
            if not self._read() and not self._next():
                return False
        return True

    def _read(self) -> bool:
        block = self._now.read(self._read_at, _BLOCK)
        before = self._parts.n_too_long
        self._pending += self._parts.lines(block)
        self._read_at += len(block)
        if new := self._parts.n_too_long - before:
            limit = self._options.max_message_bytes
            self._notes.append(f"{self.name}: {new:,} lines of more than {limit:,} bytes left out")
        return bool(block)

    def _cut(self) -> bool:
        """Whether the file was cut or written anew in its place; then go on in its copy, or with its new start."""
        here = self._now.position(self._handed)
        if self._now.holds({**here, "offset": self._read_at}):
            return False
        fresh = self._fresh()
        if fresh is None:
            return False
        copy = find_moved(self._path, here, fresh)
        self._notes.append(_rotated(self.name, copy is not None))
        if copy is None:
            self._begin(fresh, 0)
        else:
            fresh.close()
            self._begin(copy, self._handed)
        return True

    def _next(self) -> bool:
        """At the end of a file that was rotated: go on with the next one; whether there is one."""
        try:
            there = os.stat(self._path)
        except OSError:
            there = None
        if there is not None and (there.st_dev, there.st_ino) == self._now.identity:
            return False
        following = find_next(self._path, self._now)
        if following is None and (there is None or not there.st_size):
            # Whoever wrote to the old file may still do so, until the new one holds something.
            if there is None and not self._gone:
                self._notes.append(f"{self.name}: the file is gone; it is waited for")
            self._gone = there is None
            return False
        self._gone = False
        # What was written between our last look and the next file, and a last line without an end.
        if not self._read():
            self._pending += self._parts.last()
            if not self._pending:
                following = following or self._fresh()
                if following is None:
                    return False
                self._notes.append(f"{self.name}: the file was rotated, the next one is read on")
                self._begin(following, 0)
                return True
        if following is not None:
            following.close()
        return True

    def _fresh(self) -> Opened | None:
        """The file that has the name now; None, and a note, where it cannot be opened."""
        try:
            return open_file(self._path)
        except ConnectorError as error:
            if not self._gone:
                self._notes.append(f"{self.name}: {error.what}; it is waited for")
            self._gone = True
            return None

    def commit(self, position: Position) -> None:
        """Nobody is to be told."""

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _rotated(name: str, found: bool) -> str:
    if found:
        return f"{name}: the file was rotated, its older part is read first"
    return f"{name}: the file was replaced and its older part is not to be found; it is read from its first line"
