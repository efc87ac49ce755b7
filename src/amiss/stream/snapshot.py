"""A snapshot: all state and the positions of the sources in one file, whole or not there."""

from __future__ import annotations

import math
import os
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from amiss.core.errors import StoreError

__all__ = ["read_snapshot", "write_snapshot"]

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
    header = msgspec.json.encode(_packed(state, arrays))
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
        aside.unlink(missing_ok=True)
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
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the snapshot cannot be read: {error.strerror}", where=str(path), mend="check it") from error
    n = len(_MAGIC)
    size, check = int.from_bytes(raw[n : n + 8], "little"), int.from_bytes(raw[n + 8 : n + 12], "little")
    header = raw[n + 12 : n + 12 + size]
    if not raw.startswith(_MAGIC) or len(header) != size or zlib.crc32(header) != check:
        raise _damaged(path)
    try:
        # The arrays are views into the file's bytes, which can be written to as nobody else has them.
        state: dict[str, Any]
        state, end = _unpacked(msgspec.json.decode(header), memoryview(bytearray(raw[n + 12 + size :])))
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


def _unpacked(value: Any, body: memoryview) -> tuple[Any, int]:
    """The state, and how many bytes its arrays take."""
    place = 0

    def built(inner: Any) -> Any:
        nonlocal place
        if isinstance(inner, list):
            return [built(each) for each in inner]
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
        array = np.frombuffer(body[place:end], kind).reshape(shape)
        place = end
        return array

    return built(value), place
