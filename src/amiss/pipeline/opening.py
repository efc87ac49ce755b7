"""Opens whatever a user hands over."""

from __future__ import annotations

import os
from typing import Any

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import MemorySource, Source

__all__ = ["open_source"]


def open_source(data: Any) -> Source:
    """A source of rows from a path, "-", or a table in memory.

    Raises
    ------
    DataError, ConnectorError
        There is nothing to read, or nothing in it.
    """
    if isinstance(data, (str, os.PathLike)):
        from amiss.io.files.source import FileSource

        return FileSource(data)
    if hasattr(data, "batches") and hasattr(data, "share_read"):
        source: Source = data
        return source
    frame = Frame.of(data)
    if not frame.names or not frame.n_rows:
        raise DataError("the table is empty", mend="give rows and columns")
    return MemorySource(frame)
