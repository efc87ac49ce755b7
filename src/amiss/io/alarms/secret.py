"""Secrets: from the environment or a file, and `***` wherever they are shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from amiss.core.errors import RecipeError

__all__ = ["HIDDEN", "Secret", "hidden", "read_secret"]

HIDDEN = "***"
_LARGEST = 64 * 1024


class Secret:
    """Text that is not shown by accident: its `repr` and `str` are `***`.

    Parameters
    ----------
    text
        The secret itself.

    Examples
    --------
    >>> from amiss.io.alarms.secret import Secret
    >>> Secret("hunter2"), f"{Secret('hunter2')}", Secret("hunter2").reveal()
    (***, '***', 'hunter2')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written to files")


def read_secret(value: Any, where: str) -> Secret:
    """The secret that `{ env = "NAME" }` or `{ file = "/path" }` stands for; the end of the file's last line is cut.

    Raises
    ------
    RecipeError
        It stands there itself, is not found, is empty, or holds the end of a line. Its text is in no message.
    """
    if isinstance(value, Secret):
        return value
    mend = 'write { env = "NAME" } or { file = "/path" }'
    if not isinstance(value, dict) or len(value) != 1 or not isinstance(next(iter(value.values())), str):
        what = "a secret stands in the configuration itself" if isinstance(value, str) else "this names no secret"
        raise RecipeError(what, where=where, mend=mend)
    way, place = next(iter(value.items()))
    if way == "env":
        text, found = os.environ.get(place, ""), f"environment variable {place}"
    elif way == "file":
        text, found = _of_file(Path(place), where), f"file {place}"
    else:
        raise RecipeError(f"a secret cannot come from {way!r}", where=where, mend=mend)
    if not text:
        raise RecipeError(f"{found} is empty or not there", where=where, mend="set it before the start")
    if any(c in text for c in "\r\n\0"):
        raise RecipeError(f"{found} holds more than one line", where=where, mend="leave the secret alone in it")
    return Secret(text)


def hidden(text: str, secrets: tuple[Secret | None, ...]) -> str:
    """`text` with `***` in place of each of the secrets."""
    for secret in secrets:
        if secret is not None and secret.reveal():
            text = text.replace(secret.reveal(), HIDDEN)
    return text


def _of_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecipeError(
            f"cannot read the secret: {reason}", where=f"{where}: {path}", mend="check the path"
        ) from None
