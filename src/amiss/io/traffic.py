"""Captures, logs, and folders of both, as one traffic."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from amiss.core.errors import AmissError, ConnectorError, DataError
from amiss.core.frame import Frame
from amiss.core.source import Progress, first_pass, silent
from amiss.core.written import readable
from amiss.io.captures.recognise import looks_like_capture
from amiss.io.captures.source import CaptureSource
from amiss.io.files.place import Place
from amiss.io.files.source import FileSource
from amiss.io.logs.lines import plain_start
from amiss.io.logs.source import LogSource, recognise
from amiss.network.flows import Flows
from amiss.network.table import flows_of_table
from amiss.network.traffic import Traffic, TrafficSource

__all__ = ["FlowTable", "TrafficFolder", "WholeFlows", "open_flows", "traffic_in"]

_START_BYTES = 65_536
_TELLING = (b"src_ip", b"dst_ip", b"flags_out", b"flags_in")


def traffic_in(place: Place) -> TrafficSource | None:
    """What reads the traffic in a file, known by its content; None where it holds none."""
    start = place.start(_START_BYTES)
    if looks_like_capture(plain_start(start)):
        return _named(CaptureSource(place.path), place.name)
    if recognise(start) is not None:
        return _named(LogSource([place.path]), place.name)
    return FlowTable(place) if _holds_flows(place, start) else None


def _named(source: TrafficSource, name: str) -> TrafficSource:
    """The source under the name that people gave it."""
    source.name = name
    return source


class WholeFlows:
    """The flows of a source that is read whole, for those who take them in pieces."""

    def __init__(self, source: TrafficSource) -> None:
        self._source = source
        self.name, self.notes = source.name, source.notes

    def flows(self, progress: Progress = silent) -> Iterator[Flows]:
        """All flows, as one piece."""
        yield self._source.traffic(progress).flows
        self.notes = self._source.notes


def open_flows(
    path: str, *, idle_timeout: float = 120.0, active_timeout: float = 1800.0, seconds: float | None = None
) -> CaptureSource | WholeFlows:
    """What reads the flows of a file, known by its content: of captures in bounded memory, whatever their size.

    Parameters
    ----------
    path
        A file; "-" for a capture on standard input; "pcap+live:eth0" for an interface.
    idle_timeout, active_timeout, seconds
        As of `CaptureSource`.

    Raises
    ------
    ConnectorError
        The file is not there, or may not be read.
    DataError
        It holds no traffic that is known.
    """
    if path != "-" and os.path.isfile(path):
        place = Place(path)
        start = place.start(_START_BYTES)
        if not looks_like_capture(plain_start(start)) and (source := traffic_in(place)) is not None:
            return WholeFlows(source)
    return CaptureSource(path, idle_timeout=idle_timeout, active_timeout=active_timeout, seconds=seconds)


class FlowTable:
    """A table of flows, as `amiss flows` writes it, in any form that tables are read in.

    Attributes
    ----------
    name, notes
        As of all sources of traffic.
    """

    def __init__(self, place: Place) -> None:
        self._source = FileSource(place)
        self.name, self.notes = place.name, self._source.notes

    def traffic(self, progress: Progress = silent) -> Traffic:
        """All of the flows, in the order of time; names and requests are not in such a table.

        Raises
        ------
        SchemaError
            A column that says who spoke with whom is absent.
        """

        def read(batches: Iterator[Frame]) -> list[Flows]:
            found = []
            for frame in batches:
                found.append(flows_of_table(frame))
                progress("reading", self._source.share_read())
            return found

        return Traffic.stacked([Traffic(flows) for flows in first_pass(self._source, read)])

    def share_read(self) -> float:
        """Share of the file read."""
        return self._source.share_read()


def _holds_flows(place: Place, start: bytes) -> bool:
    """Whether a table has the columns of flows: text names them at its start, Parquet and Arrow at the end."""
    with place.path.open("rb") as stream:
        stream.seek(max(0, place.size_bytes - _START_BYTES))
        end = stream.read()
    lines = plain_start(start).splitlines()
    return any(all(name in part for name in _TELLING) for part in (lines[0] if lines else b"", end))


class TrafficFolder:
    """Captures and logs of one time, in files and folders, as one traffic.

    What a capture and a log both tell of is counted twice: put them apart.

    Parameters
    ----------
    paths
        Files and folders; folders are searched to their depth.

    Attributes
    ----------
    name
        The paths as given.
    notes
        A line for each file: what was read, what was not and why.

    Raises
    ------
    ConnectorError
        A path is not there, or a folder holds no file.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.name = ", ".join(readable(str(path)) for path in paths)
        self.notes: list[str] = []
        self._paths = list(_files(paths))
        if not self._paths:
            raise ConnectorError("the folder is empty", where=self.name, mend="name files, or a folder that holds some")
        self._done = 0.0

    def traffic(self, progress: Progress = silent) -> Traffic:
        """All of it.

        Raises
        ------
        DataError
            No file tells of traffic.
        """
        self.notes, logs, parts = [], [], []
        for k, path in enumerate(self._paths):
            try:
                start = Place(path).start(_START_BYTES)
                if looks_like_capture(plain_start(start)):
                    parts.append(self._read(CaptureSource(path), progress))
                elif recognise(start) is not None:
                    logs.append(path)
                elif _holds_flows(Place(path), start):
                    parts.append(self._read(FlowTable(Place(path)), progress))
                else:
                    self.notes.append(f"{readable(str(path))}: not read, it is neither capture nor log of traffic")
            except AmissError as error:
                self.notes.append(f"{readable(str(path))}: not read, {error.what}")
            self._done = (k + 1) / len(self._paths)
            progress("reading", self._done)
        if logs:
            try:
                source = LogSource(logs)
                parts.append(source.traffic(progress))
                self.notes += source.notes
            except AmissError as error:
                self.notes += [f"{readable(str(path))}: not read, {error.what}" for path in logs]
        if not any(part.flows.n_flows for part in parts):
            raise DataError(
                "no file tells of network traffic", where=self.name,
                mend="give captures (pcap, pcapng) or logs in a folder, and tables by their names",
            )  # fmt: skip
        # Its notes, each with the name of its file, stand in those of this source.
        return replace(Traffic.stacked(parts), notes=())

    def _read(self, source: TrafficSource, progress: Progress) -> Traffic:
        found = source.traffic(progress)
        said = source.notes or [f"{source.name}: {found.flows.n_flows:,} flows"]
        self.notes += [note if note.startswith(source.name) else f"{source.name}: {note}" for note in said]
        return found

    def share_read(self) -> float:
        """Share of the files read."""
        return self._done


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        else:
            yield Place(path).path
