"""Errors that say what happened, where, and how to mend it.

```
AmissError                     exit code at the command line
├── ParameterError   ValueError        2
├── RecipeError      ValueError        2
├── MissingExtraError ImportError      2
├── DataError        ValueError        3
│   ├── SchemaError
│   └── PromiseError
├── ConnectorError   OSError           3
│   ├── TransientError
│   └── TerminalError
├── StoreError       OSError           3
├── ModelFileError   ValueError        4
└── NotFittedError   ValueError, AttributeError   5
```
"""

from __future__ import annotations

import sys
from typing import ClassVar

__all__ = [
    "AmissError",
    "ConnectorError",
    "DataError",
    "MissingExtraError",
    "ModelFileError",
    "NotFittedError",
    "ParameterError",
    "PromiseError",
    "RecipeError",
    "SchemaError",
    "StoreError",
    "TerminalError",
    "TransientError",
    "not_fitted",
]


class AmissError(Exception):
    """Any error that `amiss` raises on purpose.

    Parameters
    ----------
    what
        One sentence: what happened.
    where
        Column, row, file and line, or path in the recipe.
    mend
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 5

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.what, self.where, self.mend = what, where, mend
        lines = [what]
        if where:
            lines.append(f"  where: {where}")
        if mend:
            lines.append(f"  mend:  {mend}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.mend)


def _rebuild(kind: type[AmissError], what: str, where: str | None, mend: str | None) -> AmissError:
    return kind(what, where=where, mend=mend)


class ParameterError(AmissError, ValueError):
    """An option or parameter has a value that it cannot take."""

    exit_code = 2


class RecipeError(AmissError, ValueError):
    """A recipe or configuration file cannot be understood."""

    exit_code = 2


class MissingExtraError(AmissError, ImportError):
    """A part that is installed on request is needed and absent."""

    exit_code = 2


class DataError(AmissError, ValueError):
    """The data cannot be read, or nothing can be learnt from it."""

    exit_code = 3


class SchemaError(DataError):
    """Columns are not what the model or the options say."""


class PromiseError(DataError):
    """The data cannot support the promise that was asked for."""


class ConnectorError(AmissError, OSError):
    """A file or service cannot be reached, read or written."""

    exit_code = 3


class TransientError(ConnectorError):
    """A service did not do what was asked, and may do it later.

    Attributes
    ----------
    retry_after_seconds
        How long it asks to be left alone; None where it says nothing.
    """

    retry_after_seconds: float | None = None


class TerminalError(ConnectorError):
    """A service refuses what was asked, and will refuse it again."""


class StoreError(AmissError, OSError):
    """The store cannot be opened, is of a version that is not known, or refuses to write."""

    exit_code = 3


class ModelFileError(AmissError, ValueError):
    """A model file is cut, damaged, hostile or from another format."""

    exit_code = 4


class NotFittedError(AmissError, ValueError, AttributeError):
    """A detector or model is asked for scores before it has learnt."""


def not_fitted(name: str) -> Exception:
    """The error for `name` used before `fit`; also scikit-learn's own where that is loaded."""
    what, mend = f"This {name} instance is not fitted yet", "call fit first"
    if "sklearn" not in sys.modules:
        return NotFittedError(what, mend=mend)
    from sklearn.exceptions import NotFittedError as Foreign

    both = type("NotFittedError", (NotFittedError, Foreign), {"__module__": __name__})
    error: Exception = both(what, mend=mend)
    return error
