"""The record of a set: what it is, how far it has come, and why it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from amiss.io.files.sink import replaced

__all__ = ["SetFailure", "SetOptions", "SetRecord", "SetState", "read_record", "write_record"]

SetState = Literal["waiting", "working", "ready", "failed"]
_FILE = "set.json"


class SetOptions(msgspec.Struct, frozen=True):
    """What is asked of the detection, as at the command line.

    Attributes
    ----------
    false_alarms
        "1%", "5", "1/day"; None for the default.
    time, entity, label
        Names of columns; None recognises the first two. The label is not ranked by.
    kind
        "table", "series" or "network"; None recognises it.
    """

    false_alarms: str | None = None
    time: str | None = None
    entity: str | None = None
    label: str | None = None
    kind: str | None = None


class SetFailure(msgspec.Struct, frozen=True):
    """Why there is no result."""

    what: str
    where: str | None = None
    mend: str | None = None


class SetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One set.

    Attributes
    ----------
    id
        Names its folder; drawn, and of nothing that a user gave.
    name
        What the file was called: text, and never a path.
    created
        In seconds.
    digest
        SHA-256 of the file, in hexadecimal.
    size_bytes
        Of the file.
    options
        As asked.
    state, progress, message
        How far it has come: a share in [0, 1], and what is being done.
    n_tries
        How often its detection was begun.
    failure
        None unless it failed.
    """

    id: str
    name: str
    created: float
    digest: str = ""
    size_bytes: int = 0
    options: SetOptions = SetOptions()
    state: SetState = "waiting"
    progress: float = 0.0
    message: str = ""
    n_tries: int = 0
    failure: SetFailure | None = None


def write_record(folder: Path, record: SetRecord) -> None:
    """Into the set's folder, whole or not at all."""
    with replaced(folder / _FILE) as aside:
        aside.write_bytes(msgspec.json.encode(record))


def read_record(folder: Path) -> SetRecord | None:
    """What `write_record` wrote; None where there is no sound record."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=SetRecord)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
