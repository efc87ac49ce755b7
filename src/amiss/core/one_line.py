"""Text from data, made fit for one line of another protocol."""

from __future__ import annotations

__all__ = ["cef_field", "cef_head", "one_line"]


def one_line(word: str) -> str:
    r"""What comes from the data may hold anything, even the end of a line and with it another message: spaces instead.

    Examples
    --------
    >>> from amiss.core.one_line import one_line
    >>> one_line("hot\r\nBcc: all")
    'hot  Bcc: all'
    """
    return "".join(c if c.isprintable() else " " for c in word)


def cef_head(word: str) -> str:
    """A word for the head of a message in the Common Event Format."""
    return one_line(word).replace("\\", "\\\\").replace("|", "\\|")


def cef_field(word: str) -> str:
    """The value of a field in the Common Event Format."""
    return one_line(word).replace("\\", "\\\\").replace("=", "\\=")
