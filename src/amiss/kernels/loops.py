"""Which loops serve: the compiled ones, or their NumPy twins."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

__all__ = ["address", "compiled", "doubles", "layout", "nothing", "record", "why_not"]

lib: Any = None
_ffi: Any = None
_types: dict[Any, Any] = {}
_doubles: Any = None
_reason: str | None = None

if os.environ.get("AMISS_NO_KERNELS"):
    _reason = "switched off by the environment variable AMISS_NO_KERNELS"
else:
    try:
        _loops: Any = importlib.import_module("amiss.kernels._loops")
        lib, _ffi = _loops.lib, _loops.ffi
        _types = {
            np.dtype(kind): _ffi.typeof(f"{name}[]")
            for kind, name in (
                ("f8", "double"),
                ("f4", "float"),
                ("i4", "int32_t"),
                ("i8", "int64_t"),
                ("u1", "uint8_t"),
                ("u2", "uint16_t"),
                ("u4", "uint32_t"),
                ("u8", "uint64_t"),
            )
        }
        _doubles = _types[np.dtype(np.float64)]
    except ImportError as error:
        _reason = f"not built at install time (no C compiler?): {error}"


def compiled() -> bool:
    """Whether the compiled loops are in use."""
    return lib is not None


def why_not() -> str | None:
    """Why the compiled loops are not in use; None if they are."""
    return _reason


def address(array: np.ndarray[Any, Any], struct: str | None = None) -> Any:
    """A typed pointer to the first element of a C-contiguous array, which it keeps alive.

    `struct` names what the loops call its elements, where they are records.
    """
    if not array.flags.c_contiguous:
        raise ValueError("a kernel needs a C-contiguous array")
    return _ffi.from_buffer(f"{struct}[]" if struct else _types[array.dtype], array)


def doubles(array: np.ndarray[Any, Any] | None) -> Any:
    """`address` of float64 numbers, in half the time; the null pointer for None."""
    return _ffi.NULL if array is None else _ffi.from_buffer(_doubles, array)


def record(struct: str, *fields: Any) -> Any:
    """One of the loops' records made of its fields, in order: numbers, and arrays, which must outlive it."""
    values = [_as_pointer(each) if isinstance(each, np.ndarray) else each for each in fields]
    return _ffi.new(f"{struct} *", values)


def _as_pointer(array: np.ndarray[Any, Any]) -> Any:
    return _ffi.cast(f"{_types[array.dtype].item.cname} *", address(array))


def nothing() -> Any:
    """The null pointer, for an array that is not asked for."""
    return _ffi.NULL


def layout(struct: str) -> tuple[int, dict[str, int]]:
    """Bytes of one of the loops' records, and where each of its fields begins."""
    kind = _ffi.typeof(struct)
    return _ffi.sizeof(kind), {name: field.offset for name, field in kind.fields}
