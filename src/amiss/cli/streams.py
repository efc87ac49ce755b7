"""Standard output and standard error: whatever their encoding, and whether or not they can be written to."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from contextlib import suppress

from amiss.core.written import readable

__all__ = ["as_json_text", "let_carry_everything", "say", "say_last", "settled"]

_CANNOT_WRITE = 3
_PLAIN = {"●": "*", "→": "->", "…": "...", "−": "-", "–": "-", "×": "x", "²": "^2", "°": "deg"}


def let_carry_everything() -> None:
    """Have characters that an output stream has no bytes for written plainly: ● as *, others as their numbers."""
    codecs.register_error("amiss-plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="amiss-plain")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character) or _number(character) for character in lost), error.end


def _number(character: str) -> str:
    # Bytes of a file name that are no text come as lone surrogates.
    return character.encode("ascii", "backslashreplace").decode().replace("\\udc", "\\x")


def as_json_text(text: str) -> str:
    """JSON that standard output can carry: characters that it has no bytes for become JSON's own escapes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(c if c.isascii() else _escape(c) for c in text)
    return text


def _escape(character: str) -> str:
    pairs = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[i : i + 2].hex()}" for i in range(0, len(pairs), 2))


def say(text: str) -> None:
    """Print to standard error, where it is open; control characters, as in the name of a file, do nothing there."""
    if sys.stderr is not None:
        print("\n".join(map(readable, text.split("\n"))), file=sys.stderr, flush=True)


def say_last(text: str) -> None:
    """`say`, if anyone can be told."""
    with suppress(OSError, ValueError):
        say(text)


def settled(ended: BaseException) -> int:
    """The exit code of a command that ended in `ended`, after what is still unwritten was written or given up."""
    code = _code(ended)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            # Python would try again at its end, and say so.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            code = code or (0 if _reader_has_gone(error) else _CANNOT_WRITE)
    return code


def _code(ended: BaseException) -> int:
    if isinstance(ended, SystemExit):
        # The reader of our output has gone, as `head` does: that is no error of anyone's.
        gone = _reader_has_gone(ended.__context__) and ended.code == 1
        return 0 if gone or ended.code is None else int(ended.code)
    if _reader_has_gone(ended):
        return 0
    say_last(f"amiss: cannot write: {getattr(ended, 'strerror', None) or ended}")
    # What could not be said, such as the error of a wrong option, still has its code.
    said = getattr(ended.__context__, "exit_code", None)
    return said if isinstance(said, int) and said else _CANNOT_WRITE


def _reader_has_gone(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE
