"""SetLibrary: files that were brought, their detection, and what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from amiss.core.catalog import detector_class
from amiss.core.errors import AmissError, ConnectorError, DataError
from amiss.server.problems import Problem
from amiss.server.sets.bounds import Bounds
from amiss.server.sets.facts import SetColumn, SetFacts
from amiss.server.sets.files import REPORT, SavedSet
from amiss.server.sets.jobs import Jobs
from amiss.server.sets.record import SetFailure, SetOptions, SetRecord, read_record, write_record
from amiss.server.sets.worker import PART, READY, UPLOAD, Said, recipe_of

__all__ = ["SetLibrary", "SetView", "label_source", "safe_name"]

_ID = re.compile(r"[0-9a-f]{16}\Z")
_PIECE = 1 << 20
_MOST_OPEN = 16
_MOST_WARM = 3
_MOST_TRIES = 3
_LONGEST_NAME = 200


class SetView(msgspec.Struct, frozen=True, kw_only=True):
    """A set as the API tells of it; see `SetRecord` and `SetFacts`.

    Attributes
    ----------
    start, stop
        Named "from" and "to" in JSON.
    label_source
        The source under which labels of its rows are kept: that of its very bytes, so that they are there again when
        the file is.
    error
        Why it failed; None unless it did.
    """

    id: str
    name: str
    kind: str
    state: str
    progress: float
    message: str
    created: float
    n_rows: int = 0
    n_anomalies: int = 0
    columns: list[SetColumn] = []
    time_column: str | None = None
    entities: list[str] = []
    start: float | None = msgspec.field(default=None, name="from")
    stop: float | None = msgspec.field(default=None, name="to")
    has_report: bool = False
    label_source: str = ""
    error: SetFailure | None = None
    notes: list[str] = []


class SetLibrary:
    """Sets in a folder, one folder each.

    Parameters
    ----------
    folder
        Where they lie; it is made if it is not there. One process may use it at a time.
    bounds
        How much is taken in.
    clock
        Gives the seconds since 1970.
    heard
        Called, in any thread, with each set whose state or progress has changed.

    Examples
    --------
    >>> import io, tempfile
    >>> from amiss.server.sets.library import SetLibrary
    >>> with tempfile.TemporaryDirectory() as folder, SetLibrary(folder) as library:
    ...     brought = library.add(io.BytesIO(b"a,b\\n1,2\\n"), "../../pump.csv")
    ...     print(brought.name, brought.state)
    pump.csv waiting
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
        heard: Callable[[SetView], None] | None = None,
    ) -> None:
        self.folder, self.bounds = Path(folder).absolute(), bounds or Bounds()
        self._clock, self._heard = clock, heard
        self._lock = threading.RLock()
        self._records: dict[str, SetRecord] = {}
        self._opened: OrderedDict[str, SavedSet] = OrderedDict()
        self._views: dict[str, SetView] = {}
        self._incoming = self.folder / ".incoming"
        self.folder.mkdir(parents=True, exist_ok=True)
        # What was being brought, or taken away, when a server ended is nobody's.
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(mode=0o700)
        self._jobs = Jobs(self.bounds, begun=self._begin, heard=self._hear, ended=self._end)
        self._take_up()

    def close(self) -> None:
        """End what is being worked on; the next library of this folder takes it up again."""
        self._jobs.close()

    def __enter__(self) -> SetLibrary:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Load what is needed to tell of a row, so that the first who asks does not wait; to be called in a thread."""
        from amiss.pipeline.recipe import SERIES_DEFAULT
        from amiss.server.sets.detail import detail

        for kind in (None, "series"):
            recipe_of(SetOptions(kind=kind))
        detector_class(SERIES_DEFAULT)
        for view in [view for view in self.listed(limit=_MOST_OPEN) if view.state == "ready"][:_MOST_WARM]:
            # A set that goes meanwhile is told of by nobody.
            with contextlib.suppress(AmissError):
                detail(self.saved(view.id), 0)

    def add(self, stream: IO[bytes], name: str, options: SetOptions | None = None) -> SetView:
        """Take in a file; its detection begins when those before it are done.

        Parameters
        ----------
        stream
            The file. It is copied; nothing is left of it where it is refused.
        name
            What it is called; of a path the last part alone, and never used as one.
        options
            What is asked of the detection.

        Raises
        ------
        ParameterError
            An option cannot be.
        DataError
            The file is empty.
        Problem
            It is too large (413), or there are too many sets (429, 507).
        ConnectorError
            The disk is full.
        """
        options = options or SetOptions()
        recipe_of(options)
        self._check_room()
        set_id = secrets.token_hex(8)
        aside = self._incoming / set_id
        aside.mkdir()
        try:
            digest, size = self._copied(stream, aside / UPLOAD)
            record = SetRecord(
                id=set_id, name=safe_name(name), created=self._clock(), digest=digest, size_bytes=size,
                options=options, message="waiting",
            )  # fmt: skip
            write_record(aside, record)
            with self._lock:
                aside.rename(self.folder / set_id)
                self._records[set_id] = record
        except OSError as error:
            if isinstance(error, ConnectorError):
                raise
            raise ConnectorError(f"the file cannot be kept: {error.strerror or error}", mend="free space") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self._jobs.put(set_id)
        return self._told(record)

    def _check_room(self) -> None:
        with self._lock:
            n_waiting = sum(record.state in ("waiting", "working") for record in self._records.values())
            if n_waiting >= self.bounds.n_waiting:
                raise Problem(429, f"{n_waiting} sets are waiting already", mend="wait until some of them are done")
            if len(self._records) >= self.bounds.n_sets:
                raise Problem(507, f"{len(self._records)} sets are kept already", mend="delete some of them")

    def _copied(self, stream: IO[bytes], target: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with target.open("xb") as out:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > self.bounds.size_bytes:
                    what = f"the file is larger than the {self.bounds.size_bytes >> 20:,} MiB that are taken in"
                    raise Problem(413, what, mend="compress it, bring it in parts, or use amiss detect")
                digest.update(piece)
                out.write(piece)
        if not size:
            raise DataError("the file is empty", mend="give a table with a header and rows")
        return digest.hexdigest(), size

    def listed(self, *, limit: int = 100, offset: int = 0) -> list[SetView]:
        """Some of the sets, the newest first."""
        with self._lock:
            records = sorted(self._records.values(), key=lambda record: (-record.created, record.id))
        return [self._view(record) for record in records[offset : offset + limit]]

    @property
    def n_sets(self) -> int:
        """How many there are."""
        return len(self._records)

    def get(self, set_id: str) -> SetView:
        """One set.

        Raises
        ------
        Problem
            There is none of this id (404).
        """
        return self._view(self.record(set_id))

    def record(self, set_id: str) -> SetRecord:
        """The record of a set; as `get`."""
        with self._lock:
            record = self._records.get(set_id) if _ID.match(set_id) else None
        if record is None:
            raise Problem(404, "there is no such set", where=set_id[:64], mend="GET /api/sets lists them")
        return record

    def saved(self, set_id: str) -> SavedSet:
        """The columns of a set that is ready.

        Raises
        ------
        Problem
            There is no such set (404), or it is not ready (409).
        """
        record = self.record(set_id)
        if record.state != "ready":
            mend = "wait until its state is ready" if record.failure is None else "see its error; bring the file again"
            raise Problem(409, f"the set is not ready: it is {record.state}", where=record.name, mend=mend)
        with self._lock:
            if set_id not in self._opened:
                self._opened[set_id] = SavedSet(self.folder / set_id / READY)
                while len(self._opened) > _MOST_OPEN:
                    self._opened.popitem(last=False)
            self._opened.move_to_end(set_id)
            return self._opened[set_id]

    def delete(self, set_id: str) -> None:
        """Take a set away, with all that is of it; its detection is ended if it has begun.

        Raises
        ------
        Problem
            There is no such set (404).
        """
        self.record(set_id)
        with self._lock:
            if self._records.pop(set_id, None) is None:
                return
            self._opened.pop(set_id, None)
            self._views.pop(set_id, None)
        self._jobs.stop(set_id)
        gone = self._incoming / f"{set_id}.{secrets.token_hex(4)}"
        (self.folder / set_id).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _take_up(self) -> None:
        """What is in the folder: sets that are done, and those that an earlier server did not end."""
        for folder in sorted(path for path in self.folder.iterdir() if _ID.match(path.name) and path.is_dir()):
            record = read_record(folder)
            if record is None or record.id != folder.name:
                continue
            self._records[record.id] = record
            if record.state in ("waiting", "working"):
                self._again(record, folder)
            elif record.state == "ready" and not (folder / READY).is_dir():
                self._end(record.id, SetFailure("its result is not there any more", mend="bring the file again"))

    def _again(self, record: SetRecord, folder: Path) -> None:
        if (folder / READY).is_dir():
            # It was done, and the server ended before it could say so.
            self._end(record.id, None)
        elif record.n_tries >= _MOST_TRIES or not (folder / UPLOAD).is_file():
            what = f"its detection was begun {record.n_tries} times, and the server ended each time before it did"
            self._end(record.id, SetFailure(what, mend="bring it again, or fewer rows of it"))
        else:
            self._records[record.id] = msgspec.structs.replace(record, state="waiting", progress=0.0)
            self._jobs.put(record.id)

    def _begin(self, set_id: str) -> Path | None:
        with self._lock:
            record = self._records.get(set_id)
            if record is None or record.state != "waiting":
                return None
            self._keep(msgspec.structs.replace(record, state="working", message="reading", n_tries=record.n_tries + 1))
        self._tell(set_id)
        return self.folder / set_id

    def _hear(self, set_id: str, said: Said) -> None:
        with self._lock:
            record = self._records.get(set_id)
            if record is None or said.what is not None:
                return
            progress = max(record.progress, said.progress)
            message = said.message or record.message
            self._records[set_id] = msgspec.structs.replace(record, progress=progress, message=message)
        self._tell(set_id)

    def _end(self, set_id: str, failure: SetFailure | None) -> None:
        with self._lock:
            record = self._records.get(set_id)
        if record is None:
            return
        done, folder = failure is None, self.folder / set_id
        record = msgspec.structs.replace(
            record, state="ready" if done else "failed", progress=1.0 if done else record.progress,
            message="done" if failure is None else failure.what, failure=failure,
        )  # fmt: skip
        write_record(folder, record)
        shutil.rmtree(folder / PART, ignore_errors=True)
        for name in (UPLOAD, "worker.log"):
            (folder / name).unlink(missing_ok=True)
        # Whoever sees that it has ended finds nothing left over.
        with self._lock:
            self._records[set_id] = record
        self._tell(set_id)

    def _keep(self, record: SetRecord) -> None:
        self._records[record.id] = record
        write_record(self.folder / record.id, record)

    def _tell(self, set_id: str) -> None:
        record = self._records.get(set_id)
        if record is not None and self._heard is not None:
            self._heard(self._view(record))

    def _told(self, record: SetRecord) -> SetView:
        self._tell(record.id)
        return self._view(record)

    def _view(self, record: SetRecord) -> SetView:
        seen = self._views.get(record.id)
        if seen is not None:
            return seen
        facts: SetFacts | None = None
        if record.state == "ready":
            facts = self.saved(record.id).facts
        view = SetView(**(_basics(record) | ({} if facts is None else _of_facts(facts))))
        if facts is not None:
            has_report = (self.folder / record.id / READY / REPORT).is_file()
            view = msgspec.structs.replace(view, has_report=has_report)
            with self._lock:
                if record.id in self._records:
                    self._views[record.id] = view
        return view


def label_source(record: SetRecord) -> str:
    """The source under which labels of a set's rows are kept."""
    return f"file:{record.digest[:16]}"


def safe_name(name: str) -> str:
    """The last part of a path as text that can be shown; "unnamed" where nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    text = "".join(c for c in last if c.isprintable()).strip().encode("utf-8", "replace").decode()
    return text[:_LONGEST_NAME] if text.strip(". ") else "unnamed"


def _basics(record: SetRecord) -> dict[str, Any]:
    return {
        "id": record.id, "name": record.name, "kind": record.options.kind or "table", "state": record.state,
        "progress": record.progress, "message": record.message, "created": record.created,
        "label_source": label_source(record), "error": record.failure,
    }  # fmt: skip


def _of_facts(facts: SetFacts) -> dict[str, Any]:
    return {
        "kind": facts.kind, "n_rows": facts.n_rows, "n_anomalies": facts.n_anomalies, "columns": facts.columns,
        "time_column": facts.time_column, "entities": facts.entities, "start": facts.start, "stop": facts.stop,
        "notes": facts.notes,
    }  # fmt: skip
