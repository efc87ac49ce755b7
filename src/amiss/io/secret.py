"""Passwords and tokens: from an option, a file or the environment, and never into a message."""

from __future__ import annotations

import os
from pathlib import Path

from amiss.core.errors import ConnectorError

__all__ = ["secret"]


def secret(given: str | None, file: str | None, variable: str) -> str | None:
    """The first that is there: what was given, the first line of a file, a variable of the environment.

    Raises
    ------
    ConnectorError
        The file cannot be read.
    """
    if given is not None:
        return given
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ConnectorError(
                f"the file with the password cannot be read: {why}", where=file, mend="check the path and its rights"
            ) from error
    return os.environ.get(variable)
