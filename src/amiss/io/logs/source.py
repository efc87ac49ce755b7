"""Opens logs by their content, and makes one traffic of those that belong together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from amiss.core.errors import ConnectorError, DataError
from amiss.core.source import Progress, silent
from amiss.core.written import readable
from amiss.io.logs.cicflowmeter import CicFlowMeter
from amiss.io.logs.lines import Log, plain_start
from amiss.io.logs.nfdump import Nfdump, NfdumpText
from amiss.io.logs.parts import Parts
from amiss.io.logs.suricata import Suricata
from amiss.io.logs.zeek import Zeek, ZeekJson
from amiss.network.traffic import Traffic

__all__ = ["LogSource", "Reader", "recognise"]


class Reader(Protocol):
    """Reads one form of logs; a file each in this folder."""

    @property
    def name(self) -> str:
        """What the form is called."""
        ...

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so has this form."""
        ...

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the log tells to the parts; lines that cannot be read are noted in the log."""
        ...


_READERS: tuple[type[Reader], ...] = (Zeek, ZeekJson, Suricata, CicFlowMeter, Nfdump, NfdumpText)


def recognise(start: bytes) -> Reader | None:
    """What reads a file that begins so; None if it is no log of traffic, as a table without addresses.

    Parameters
    ----------
    start
        The first bytes, some thousands; they may be compressed.

    Examples
    --------
    >>> from amiss.io.logs.source import recognise
    >>> recognise(b"#separator \\\\x09\\n#path\\tconn\\n").name
    'Zeek'
    >>> recognise(b"duration,protocol_type,service\\n") is None
    True
    """
    plain = plain_start(start)
    return next((reader() for reader in _READERS if reader.recognises(plain)), None)


class LogSource:
    """Logs that tell of the same traffic: files, or folders of them.

    Connections, names and requests of all files are brought together by the identities that the logs themselves use.

    Parameters
    ----------
    paths
        Files or folders; in a folder, files that are no such logs are passed over with a note.

    Attributes
    ----------
    name
        The paths as given.
    notes
        What was read and what was not, one sentence each.

    Raises
    ------
    ConnectorError
        A path is not there or may not be read.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        given = [Path(path) for path in paths]
        self.name = ", ".join(readable(str(path)) for path in given)
        self.notes: list[str] = []
        self._files = list(_files(given))
        self._size = sum(_size(path) for path, _ in self._files)
        self._done = 0
        self._open: Log | None = None

    def traffic(self, progress: Progress = silent) -> Traffic:
        """All that the logs tell.

        Raises
        ------
        DataError
            Nothing in them can be read.
        """
        parts, self.notes, self._done = Parts(), [], 0
        for path, sought in self._files:
            self._open = log = Log(path)
            try:
                reader = recognise(log.start())
            except ConnectorError as error:
                if len(self._files) == 1:
                    raise
                self.notes.append(f"{log.name}: not read, {error.what}")
                continue
            if reader is None:
                if not sought:
                    self._refuse(log, "this is no log of network traffic that is known")
                self.notes.append(f"{log.name}: passed over, it is no log of network traffic that is known")
            else:
                before = parts.n_rows
                reader.read(log, parts)
                self.notes += log.notes(reader.name)
                if len(self._files) == 1 and parts.n_rows == before:
                    self._refuse(log, f"no line of this log ({reader.name}) can be read")
            self._done += _size(path)
            self._open = None
            progress("reading", self.share_read())
        if not parts.n_rows:
            raise DataError(
                "none of the files tells of network traffic", where=self.name,
                mend="give logs of Zeek or Suricata, or flows as CSV",
            )  # fmt: skip
        return parts.traffic(self.notes)

    def _refuse(self, log: Log, what: str) -> None:
        found = log.notes("it")[1:]
        raise DataError(
            what, where=found[0] if found else log.name, mend="export it again with its header, or leave it out"
        )

    def share_read(self) -> float:
        """Share of the bytes read."""
        now = self._done + (self._open.position() if self._open is not None else 0)
        return min(now / max(self._size, 1), 1.0)


def _size(path: Path) -> int:
    """Bytes of a file, 0 where it has gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _files(given: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """All files, and whether they were found in a folder."""
    for path in given:
        if path.is_dir():
            yield from ((one, True) for one in sorted(path.rglob("*")) if one.is_file())
        elif path.exists():
            yield path, False
        else:
            raise ConnectorError("there is no such file", where=readable(str(path)), mend="check the path")
