"""Where a file lies: on a disk, or come through a pipe and kept for further passes."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from amiss.core.errors import ConnectorError
from amiss.core.written import readable

__all__ = ["Place", "opening"]


class Place:
    """A file that can be read more than once, whatever was given.

    Parameters
    ----------
    given
        Path of a file; "-" for standard input.

    Attributes
    ----------
    name
        What people call it.
    path
        Where it lies; what came through a pipe goes when the place does.
    size_bytes
        Its size.

    Raises
    ------
    ConnectorError
        The file is not there, is a folder, or may not be read.
    """

    def __init__(self, given: str | os.PathLike[str]) -> None:
        path = os.fspath(given)
        self.name = "standard input" if path == "-" else readable(path)
        if not path:
            raise ConnectorError("the name of the file is empty", mend="name a file, or - for standard input")
        if path == "-":
            if sys.stdin is None:
                raise ConnectorError("standard input is closed", mend="pipe the table in, or name a file")
            self.path = _spool(self, sys.stdin.buffer)
        elif _is_pipe(path):
            with open(path, "rb") as pipe:
                self.path = _spool(self, pipe)
        else:
            self.path = Path(path)
        self.size_bytes = _check(self.path, self.name)
        if not _is_text(self.path):
            self.path = _alias(self, self.path)

    def start(self, n_bytes: int) -> bytes:
        """The first bytes."""
        with self.path.open("rb") as stream:
            return stream.read(n_bytes)


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _spool(owner: Place, stream: IO[bytes]) -> Path:
    """What comes through a pipe in a file of its own, because several passes are made over it."""
    handle, name = tempfile.mkstemp(prefix="amiss-stdin-")
    weakref.finalize(owner, Path(name).unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return Path(name)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _alias(owner: Place, path: Path) -> Path:
    """Another name of a file, for libraries that take only names that are text."""
    folder = tempfile.TemporaryDirectory(prefix="amiss-alias-")
    weakref.finalize(owner, folder.cleanup)
    alias = Path(folder.name) / "table"
    alias.symlink_to(path.resolve())
    return alias


@contextmanager
def opening(path: str | os.PathLike[str], name: str, *, suffix: str = "csv") -> Iterator[os.stat_result]:
    """What the system says of a file that is about to be opened; why it cannot be is told as ours tell it.

    Raises
    ------
    ConnectorError
        The file is not there, is a folder, or may not be read.
    """
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise ConnectorError("this is a folder, not a file", where=name, mend=f"name the files: {name}/*.{suffix}")
        yield found
    except FileNotFoundError:
        raise ConnectorError("there is no such file", where=name, mend="check the path") from None
    except PermissionError:
        raise ConnectorError("the file may not be read", where=name, mend=f"chmod +r {name}") from None
    except ConnectorError:
        raise
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConnectorError(f"the file cannot be opened: {why}", where=name, mend="check the path") from error


def _check(path: Path, name: str) -> int:
    with opening(path, name) as found:
        if not stat.S_ISREG(found.st_mode):
            raise ConnectorError(
                "this is no regular file", where=name, mend="give a file, or pipe it: … | amiss detect -"
            )
        with path.open("rb"):
            return found.st_size
