"""Which loops serve: the compiled ones, or their NumPy twins."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

__all__ = ["address", "compiled", "why_not"]

lib: Any = None
_ffi: Any = None
_reason: str | None = None

if os.environ.get("AMISS_NO_KERNELS"):
    _reason = "switched off by the environment variable AMISS_NO_KERNELS"
else:
    try:
        _loops: Any = importlib.import_module("amiss.kernels._loops")
        lib, _ffi = _loops.lib, _loops.ffi
    except ImportError as error:
        _reason = f"not built at install time (no C compiler?): {error}"

_TYPES = {
    np.dtype(np.float64): "double *",
    np.dtype(np.int32): "int32_t *",
    np.dtype(np.int64): "int64_t *",
}


def compiled() -> bool:
    """Whether the compiled loops are in use."""
    return lib is not None


def why_not() -> str | None:
    """Why the compiled loops are not in use; None if they are."""
    return _reason


def address(array: np.ndarray[Any, Any]) -> Any:
    """A typed pointer to the first element of a C-contiguous array."""
    if not array.flags.c_contiguous:
        raise ValueError("a kernel needs a C-contiguous array")
    return _ffi.cast(_TYPES[array.dtype], array.ctypes.data)
