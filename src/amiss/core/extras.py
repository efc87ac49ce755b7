"""Optional parts, asked for where they are used; and late doors to higher floors."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from amiss.core.errors import MissingExtraError

__all__ = ["EXTRAS", "late", "require"]

EXTRAS = {
    "approximate": "voyager", "boost": "lightgbm", "deep": "torch", "excel": "fastexcel", "live": "sqlalchemy",
    "notify": "apprise", "pyod": "pyod", "serve": "fastapi", "sql": "duckdb", "tune": "optuna",
}  # fmt: skip
"""Name of each extra and the module that shows it is there."""


def require(module: str, *, extra: str, what: str) -> ModuleType:
    """Import `module`, or say which extra installs it.

    Raises
    ------
    MissingExtraError
        It is not installed; the message holds the command that mends it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{what} needs {module}, which is not installed", mend=f"pip install 'amiss[{extra}]'"
        ) from error


def late(door: str) -> Any:
    """The object at `module:name`, imported at the moment of the call.

    The first objects that a user holds (a result, say) offer what higher floors do (a report).
    These few calls go through here, by name, so that the floors themselves still import downwards only.
    """
    module, _, name = door.partition(":")
    return getattr(importlib.import_module(module), name)
