"""One set's detection, in a process of its own: `python -m amiss.server.sets.worker FOLDER`.

It says how far it is in lines of JSON, and ends when whoever started it is no more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import msgspec

from amiss.core.errors import AmissError
from amiss.core.source import Progress
from amiss.server.sets.bounds import BoundedSource, Bounds, check_unpacked
from amiss.server.sets.record import SetOptions, SetRecord, read_record

__all__ = ["PART", "READY", "UPLOAD", "Said", "detect_into", "main"]

UPLOAD, PART, READY = "upload", "result.part", "result"
_PAUSE = 0.1
_LONGEST = 500
_NEARLY = 0.99
_STAGES = {"reading": 0.05, "learning": 0.3, "scoring": 0.6, "writing": 0.75, "report": 0.85}


class Said(msgspec.Struct, frozen=True):
    """A line of the worker: how far it is, that it is done, or why it is not."""

    progress: float = 0.0
    message: str = ""
    done: bool = False
    what: str | None = None
    where: str | None = None
    mend: str | None = None


def main(folder: str) -> int:
    """Detect, write the result, and say so; the exit code."""
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever else prints does not speak to the server.
    os.dup2(2, 1)
    threading.Thread(target=_end_with_server, daemon=True).start()
    bounds = msgspec.json.decode(os.environ.get("AMISS_SET_BOUNDS", "{}"), type=Bounds)
    _bind(bounds)
    place = Path(folder)
    record = read_record(place)
    try:
        if record is None:
            raise AmissError("the set has no record")
        detect_into(place, record, bounds, _Telling(said).progress)
    except AmissError as error:
        where = _named(error.where, record)
        _say(said, Said(what=_short(error.what), where=_short(where), mend=_short(error.mend)))
        return 1
    except MemoryError:
        mend = "bring fewer rows or columns at once"
        _say(said, Said(what="the detection needs more memory than it may take", mend=mend))
        return 1
    except OSError as error:
        _say(said, Said(what=f"the set cannot be written: {error.strerror or error}", mend="free space on the disk"))
        return 1
    _say(said, Said(progress=1.0, done=True))
    return 0


def detect_into(folder: Path, record: SetRecord, bounds: Bounds, progress: Progress) -> None:
    """Judge the upload of a set and write the result beside it, whole or not at all.

    Raises
    ------
    AmissError
        Whatever `amiss detect` says of such a file, or that it holds too much.
    """
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.flow_rows import FlowRows
    from amiss.pipeline.opening import open_source
    from amiss.server.sets.saving import save_result

    progress("reading", 0.0)
    upload = folder / UPLOAD
    check_unpacked(upload, bounds)
    opened = open_source(upload)
    opened.name = record.name
    source = opened if isinstance(opened, FlowRows) else BoundedSource(opened, bounds)
    result = detect_source(source, recipe_of(record.options), progress=progress)
    part = folder / PART
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_result(result, part, progress)
    part.rename(folder / READY)


def recipe_of(options: SetOptions) -> Any:
    """The recipe that the options stand for."""
    from amiss.core.errors import ParameterError
    from amiss.pipeline.recipe import Recipe

    said = {name: value for name, value in msgspec.structs.asdict(options).items() if value is not None}
    label = said.pop("label", None)
    wish = said.get("false_alarms")
    if wish is not None and wish.isdigit():
        said["false_alarms"] = int(wish)
    if label is not None:
        # What a person has said of rows is nothing to rank them by.
        said["roles"] = {label: "label"}
    try:
        return msgspec.convert(said, Recipe).checked()
    except msgspec.ValidationError as error:
        raise ParameterError(f"an option has the wrong type: {error}") from error


class _Telling:
    """Says progress, not too often, and never less than before."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._at, self._share = stream, 0.0, 0.0

    def progress(self, stage: str, share: float) -> None:
        """As `amiss.core.source.Progress`."""
        now = time.monotonic()
        if now - self._at < _PAUSE:
            return
        self._at = now
        begin = next((begin for word, begin in _STAGES.items() if stage.startswith(word)), self._share)
        end = min((begin_of for begin_of in _STAGES.values() if begin_of > begin), default=1.0)
        self._share = max(self._share, min(begin + (end - begin) * min(max(share, 0.0), 1.0), _NEARLY))
        _say(self._stream, Said(progress=round(self._share, 4), message=stage))


def _say(stream: IO[str], said: Said) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.write(msgspec.json.encode(said).decode() + "\n")
        stream.flush()


def _short(text: str | None) -> str | None:
    """A file can be such that all of it is quoted."""
    return text if text is None or len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _named(where: str | None, record: SetRecord | None) -> str | None:
    """A place without the path of the upload, which says nothing to people."""
    if where is None or record is None:
        return None if record is None else record.name
    head, upload, tail = where.partition(UPLOAD)
    return record.name + tail if upload and (not head or head.endswith(os.sep)) else where


def _end_with_server() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(9)


def _bind(bounds: Bounds) -> None:
    """Bound what the process may take; a file longer than all of the unpacked data is none of a set's."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    most = bounds.unpacked_bytes * 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    memory = bounds.memory_bytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
