"""A snapshot: all state and the positions of the sources in one file, whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import threading
import zlib
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from amiss.core.errors import StoreError

__all__ = ["Saver", "read_snapshot", "write_snapshot"]

_MAGIC = b"AMISSNAP1\n"
_ARRAY, _NOT_FINITE = "\x00array", "\x00float"
_WRITTEN_AT_ONCE = 512
_KINDS = "biuf"


def write_snapshot(path: Path, state: dict[str, Any]) -> None:
    """Write a state of arrays, numbers, words and further such dictionaries and lists, in place of an earlier one.

    The file is written aside, forced onto the disk and renamed: whoever reads it finds the old one or the new one.

    Raises
    ------
    StoreError
        It cannot be written; the earlier one is as it was.
    """
    arrays: list[np.ndarray[Any, Any]] = []
    _write(path, msgspec.json.encode(_packed(state, arrays)), arrays)


class Saver:
    """Writes one snapshot after another in a thread of its own: what goes on waits for a copy of the state alone.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: IO[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._error: StoreError | None = None

    def lock(self) -> None:
        """Keep others from writing there, until `close` or the end of the process.

        Raises
        ------
        StoreError
            Another process does, or the folder cannot be written to.
        """
        place = self._path.with_name(self._path.name + ".lock")
        try:
            self._lock = place.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StoreError(
                "another watch goes on from this snapshot", where=str(self._path),
                mend="stop it, or give this one another folder with --state",
            ) from None  # fmt: skip
        except OSError as error:
            raise StoreError(
                f"the snapshot cannot be written: {error.strerror}", where=str(self._path),
                mend="give a folder that can be written to",
            ) from error  # fmt: skip

    def close(self) -> None:
        """Let a write that is on end, and others write there; may be called twice."""
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def has_failed(self) -> bool:
        """Whether the last could not be written, which `wait` will tell; waits for one that is being written."""
        if self._thread is not None:
            self._thread.join()
        return self._error is not None

    def save(self, state: dict[str, Any]) -> None:
        """Copy a state and begin to write it, behind the one that is being written."""
        self.wait()
        arrays: list[np.ndarray[Any, Any]] = []
        header = msgspec.json.encode(_packed(state, arrays))
        copies = [array.copy() for array in arrays]
        self._thread = threading.Thread(target=self._run, args=(header, copies), name="amiss-snapshot")
        self._thread.start()

    def wait(self) -> None:
        """Return once what was begun is safe.

        Raises
        ------
        StoreError
            It could not be written.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self, header: bytes, arrays: list[np.ndarray[Any, Any]]) -> None:
        try:
            _write(self._path, header, arrays)
        except StoreError as error:
            self._error = error


def _write(path: Path, header: bytes, arrays: list[np.ndarray[Any, Any]]) -> None:
    aside = path.with_name(path.name + ".part")
    try:
        with aside.open("wb", buffering=0) as file:
            start = _MAGIC + len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(4, "little") + header
            _write_all(file.fileno(), [memoryview(start), *(a.data.cast("B") for a in arrays if a.nbytes)])
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise StoreError(
            f"the snapshot cannot be written: {error.strerror}", where=str(path),
            mend="make room, or give a folder that can be written to",
        ) from error  # fmt: skip


def read_snapshot(path: Path) -> dict[str, Any] | None:
    """The state that was written; None where there is no file.

    Raises
    ------
    StoreError
        The file is no snapshot, or cut.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the snapshot cannot be read: {error.strerror}", where=str(path), mend="check it") from error
    n = len(_MAGIC)
    start = raw[: n + 12].tobytes()
    size, check = int.from_bytes(start[n : n + 8], "little"), int.from_bytes(start[n + 8 :], "little")
    header = raw[n + 12 : n + 12 + size].tobytes() if size < len(raw) else b""
    if not start.startswith(_MAGIC) or len(header) != size or zlib.crc32(header) != check:
        raise _damaged(path)
    try:
        state: dict[str, Any]
        # The arrays are views into what was read, which nobody else has.
        state, end = _unpacked(msgspec.json.decode(header), raw[n + 12 + size :])
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path) from error
    if end != len(raw) - n - 12 - size:
        raise _damaged(path)
    return state


def _damaged(path: Path) -> StoreError:
    return StoreError(
        "this is no snapshot, or a damaged one", where=str(path),
        mend="move it away; the watch then begins anew, and what was learnt since the start is lost",
    )  # fmt: skip


def _write_all(descriptor: int, parts: list[memoryview]) -> None:
    """Write without copying, as many parts at once as the system takes."""
    while parts:
        written = os.writev(descriptor, parts[:_WRITTEN_AT_ONCE])
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if written:
            parts[0] = parts[0][written:]


def _packed(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """The value as JSON takes it; arrays are put aside."""
    if isinstance(value, dict):
        return {str(name): _packed(inner, arrays) for name, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value
    if isinstance(value, (list, tuple)):
        return [_packed(inner, arrays) for inner in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        arrays.append(np.ascontiguousarray(value))
        return {_ARRAY: [value.dtype.str, list(value.shape)]}
    if isinstance(value, np.ndarray):
        return _packed(value.tolist(), arrays)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_NOT_FINITE: str(value)}
    return value


def _unpacked(value: Any, body: np.ndarray[Any, Any]) -> tuple[Any, int]:
    """The state, and how many bytes its arrays take."""
    place = 0

    def built(inner: Any) -> Any:
        nonlocal place
        if isinstance(inner, list):
            # Long lists are names: plain words need no look at each.
            return inner if inner and isinstance(inner[0], str) else [built(each) for each in inner]
        if not isinstance(inner, dict):
            return inner
        if _NOT_FINITE in inner:
            return float(inner[_NOT_FINITE])
        if _ARRAY not in inner:
            return {name: built(each) for name, each in inner.items()}
        kind, shape = np.dtype(inner[_ARRAY][0]), tuple(inner[_ARRAY][1])
        if kind.kind not in _KINDS or any(n < 0 for n in shape):
            raise ValueError("no such array")
        end = place + kind.itemsize * math.prod(shape)
        array = np.frombuffer(body[place:end].data, kind).reshape(shape)
        place = end
        return array

    return built(value), place
