"""The files of some paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["files_of"]


def files_of(paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The files of some paths, folders opened up in the order of names, and whether each was named itself."""
    for path in paths:
        if path != "-" and os.path.isdir(path):
            yield from ((str(file), False) for file in sorted(Path(path).rglob("*")) if file.is_file())
        else:
            yield path, True
