"""Which of some files and folders hold traffic, and opening them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from amiss.io.captures.source import CaptureSource

__all__ = ["files_of", "open_traffic"]


def files_of(paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The files of some paths, folders opened up in the order of names, and whether each was named itself."""
    for path in paths:
        if path != "-" and os.path.isdir(path):
            yield from ((str(file), False) for file in sorted(Path(path).rglob("*")) if file.is_file())
        else:
            yield path, True


def open_traffic(path: str, *, idle_timeout: float = 120.0, active_timeout: float = 1800.0) -> CaptureSource:
    """What reads a file of traffic, recognised by its content.

    Raises
    ------
    ConnectorError
        The file is not there, or may not be read.
    DataError
        It holds no traffic that is known.
    """
    return CaptureSource(path, idle_timeout=idle_timeout, active_timeout=active_timeout)
