"""What the user hands over, as a source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from amiss.core.errors import DataError, ParameterError
from amiss.core.frame import Frame
from amiss.core.source import MemorySource, Source
from amiss.io.sql.address import is_address
from amiss.network.traffic import Traffic
from amiss.pipeline.flow_rows import FlowRows

__all__ = ["known_traffic", "open_source"]


def open_source(data: Any, query: str | None = None) -> Source:
    """A source of rows from a path, "-", the address of a database, a table in memory, or traffic.

    Captures and logs of network traffic, and folders of them, become `FlowRows`.

    Parameters
    ----------
    query
        One SELECT, where `data` is the address of a database; without it the address names a table behind a #.

    Raises
    ------
    ParameterError
        There is a query, and no database.
    DataError, ConnectorError
        There is nothing to read, or nothing in it.
    """
    if isinstance(data, str) and is_address(data):
        from amiss.io.sql.source import SqlSource

        return SqlSource(data, query)
    if query is not None:
        raise ParameterError("a query is for a database", mend="give sqlite:///file.db, duckdb:///… or postgresql://…")
    if isinstance(data, (str, os.PathLike)):
        return _open_path(data)
    if isinstance(data, Traffic):
        return FlowRows.of(data)
    if hasattr(data, "batches") and hasattr(data, "share_read"):
        source: Source = data
        return source
    frame = Frame.of(data)
    if not frame.names or not frame.n_rows:
        raise DataError("the table is empty", mend="give rows and columns")
    return MemorySource(frame)


def _open_path(path: str | os.PathLike[str]) -> Source:
    from amiss.io.files.place import Place
    from amiss.io.files.source import FileSource
    from amiss.io.traffic import TrafficFolder, traffic_in

    if os.fspath(path) not in ("", "-") and Path(path).is_dir():
        return FlowRows(TrafficFolder([Path(path)]))
    place = Place(path)
    traffic = traffic_in(place)
    # The place is handed on: what came through a pipe is there as long as it is.
    return FlowRows(traffic, place) if traffic is not None else FileSource(place)


def known_traffic(given: Any) -> FlowRows | None:
    """Traffic that is known to be good, from a path, several of them, or `Traffic`; None for nothing.

    Raises
    ------
    ParameterError
        A file is no capture and no log.
    """
    if given is None or (isinstance(given, (list, tuple)) and not given):
        return None
    if isinstance(given, (list, tuple)) and len(given) > 1:
        from amiss.io.traffic import TrafficFolder

        return FlowRows(TrafficFolder([Path(one) for one in given]))
    opened = open_source(given[0] if isinstance(given, (list, tuple)) else given)
    if not isinstance(opened, FlowRows):
        raise ParameterError(
            "what is known to be good is no network traffic", where=opened.name, mend="give a capture or a log of it"
        )
    return opened
