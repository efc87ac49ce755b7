"""A file that may be renamed, copied or cut while it is read, known by its inode and its first bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable

from amiss.core.errors import ConnectorError
from amiss.core.live import Position
from amiss.core.written import readable

__all__ = ["Opened", "find_moved", "find_next", "open_file"]

_HEAD_BYTES = 256
_ROTATED = re.compile(r"[.-][\w.:-]*")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")


class Opened:
    """A file that is open for reading, whatever becomes of its name.

    Parameters
    ----------
    descriptor
        Of the open file; it is closed with it.

    Attributes
    ----------
    identity
        Device and inode.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self.identity = found.st_dev, found.st_ino
        self._head: tuple[int, str] = (-1, "")
        self._start = b""

    def read(self, offset: int, n_bytes: int) -> bytes:
        """Bytes from `offset` on; none at the end."""
        block = os.pread(self._descriptor, n_bytes, offset)
        if offset <= len(self._start) < _HEAD_BYTES:
            self._start = (self._start[:offset] + block)[:_HEAD_BYTES]
        return block

    def size_bytes(self) -> int:
        """How long it is now."""
        return os.fstat(self._descriptor).st_size

    def changed(self) -> int:
        """When it was last written to, in nanoseconds since 1970."""
        return os.fstat(self._descriptor).st_mtime_ns

    def position(self, offset: int) -> Position:
        """Where `offset` is, in words that find it again; the first bytes are told only as far as they were read."""
        n_bytes = min(offset, _HEAD_BYTES)
        if self._head[0] != n_bytes:
            # Of what was read, and not of what may stand there since.
            start = self._start if len(self._start) >= n_bytes else self._there(n_bytes)
            self._head = n_bytes, _hash(start[:n_bytes])
        device, inode = self.identity
        return {"device": device, "inode": inode, "offset": offset, "head_bytes": n_bytes, "head": self._head[1]}

    def holds(self, position: Position) -> bool:
        """Whether it is the file of a position, and not cut since."""
        return self.identity == (position["device"], position["inode"]) and self.begins_as(position)

    def begins_as(self, position: Position) -> bool:
        """Whether it has the first bytes of a position's file and reaches as far."""
        if self.size_bytes() < int(position["offset"]):
            return False
        return _hash(self._there(position["head_bytes"])) == str(position["head"])

    def _there(self, n_bytes: int) -> bytes:
        return os.pread(self._descriptor, n_bytes, 0)

    def close(self) -> None:
        """Let go of it; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _hash(start: bytes) -> str:
    return hashlib.blake2b(start, digest_size=12).hexdigest()


def open_file(path: str) -> Opened:
    """Open a regular file.

    Raises
    ------
    ConnectorError
        It is not there, is no regular file, or may not be read.
    """
    name = readable(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ConnectorError("this is no regular file", where=name, mend=f"pipe it in: amiss watch - < {name}")
        return Opened(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        raise ConnectorError("there is no such file", where=name, mend="check the path") from None
    except PermissionError:
        raise ConnectorError("the file may not be read", where=name, mend=f"chmod +r {name}") from None
    except ConnectorError:
        raise
    except OSError as error:
        raise ConnectorError(f"the file cannot be opened: {error.strerror}", where=name) from error


def find_moved(path: str, position: Position, now: Opened) -> Opened | None:
    """The file of a position, under the name that a rotation gave it; None where it is not to be found.

    Parameters
    ----------
    path
        The name that it had.
    position
        Where it was read to.
    now
        The file that has the name now, which is another one.
    """

    def alike(file: Opened) -> bool:
        # A copy is known by its first bytes alone, of which there must be some.
        return file.holds(position) or bool(position["offset"] and file.begins_as(position))

    return _chosen(path, lambda file: file.identity != now.identity and alike(file), lambda file: file.holds(position))


def find_next(path: str, after: Opened) -> Opened | None:
    """The first of the files that were rotated after another one, by the time they were written; None without one."""
    there = _identity(path)

    def newer(file: Opened) -> bool:
        return file.identity not in (there, after.identity) and file.changed() > after.changed()

    return _chosen(path, newer, lambda file: -file.changed())


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _chosen(path: str, fits: Callable[[Opened], bool], rank: Callable[[Opened], float]) -> Opened | None:
    """Of the files beside one that its rotation named, the one of the highest rank that fits."""
    folder, name = os.path.split(os.path.abspath(path))
    found = []
    try:
        entries = sorted(os.listdir(folder))
    except OSError:
        return None
    for entry in entries:
        if entry.startswith(name) and _ROTATED.fullmatch(entry[len(name) :]) and not entry.endswith(_COMPRESSED):
            with contextlib.suppress(ConnectorError):
                found.append(open_file(os.path.join(folder, entry)))
    chosen = max((file for file in found if fits(file)), key=rank, default=None)
    for file in found:
        if file is not chosen:
            file.close()
    return chosen
