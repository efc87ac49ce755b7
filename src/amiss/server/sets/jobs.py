"""Detections one after another, each in a process of its own that may fail, hang or be killed."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from amiss.server.sets.bounds import Bounds
from amiss.server.sets.record import SetFailure
from amiss.server.sets.worker import Said

__all__ = ["Jobs"]

_LOG = logging.getLogger("amiss.server")
_CRASHED = "bring it again; if it fails once more, bring fewer rows: it may have needed more memory than there is"

_TRACE_BYTES = 2000


class Jobs:
    """A queue, a thread that waits, and at most one process that works.

    Parameters
    ----------
    bounds
        How long a process may take, and how much.
    begun
        Called with a set's id before its process starts; the set's folder, or None where it is to be left.
    heard
        Called with the id and what the process says of its progress.
    ended
        Called with the id and why it failed; None where it did not.
    """

    def __init__(
        self,
        bounds: Bounds,
        *,
        begun: Callable[[str], Path | None],
        heard: Callable[[str, Said], None],
        ended: Callable[[str, SetFailure | None], None],
    ) -> None:
        self._bounds, self._begun, self._heard, self._ended = bounds, begun, heard, ended
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._current: str | None = None
        self._closed = False

    def put(self, set_id: str) -> None:
        """Let a set be worked on when those before it are done."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="amiss-sets", daemon=True)
                self._thread.start()
        self._waiting.put(set_id)

    def stop(self, set_id: str) -> None:
        """End the process that works on a set, if one does."""
        with self._lock:
            if self._current == set_id and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End; what was not done is done by whoever opens the folder next."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _work(self) -> None:
        while (set_id := self._waiting.get()) is not None and not self._closed:
            # Whatever goes wrong with one set must not keep those after it from their turn.
            try:
                folder = self._begun(set_id)
                failure = None if folder is None else self._run(set_id, folder)
                if folder is not None and not self._closed:
                    self._ended(set_id, failure)
            except Exception as error:
                _LOG.exception("the detection of set %s could not be run", set_id)
                with contextlib.suppress(Exception):
                    self._ended(set_id, SetFailure(f"the detection could not be run: {error}"[:300]))

    def _run(self, set_id: str, folder: Path) -> SetFailure | None:
        command = [sys.executable, "-m", "amiss.server.sets.worker", str(folder)]
        environment = {**os.environ, "AMISS_SET_BOUNDS": msgspec.json.encode(self._bounds).decode()}
        log = folder / "worker.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True,
                encoding="utf-8", cwd=folder,
            )  # fmt: skip
        with self._lock:
            self._process, self._current = process, set_id
            if self._closed:
                process.kill()
        timer = threading.Timer(self._bounds.seconds, process.kill)
        timer.daemon = True
        begun = time.monotonic()
        timer.start()
        last = Said()
        try:
            for line in process.stdout or ():
                last = _read(line) or last
                self._heard(set_id, last)
            code = process.wait()
        finally:
            timer.cancel()
            with self._lock:
                self._process = self._current = None
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        return _failure(last, code, time.monotonic() - begun >= self._bounds.seconds, self._bounds, log)


def _read(line: str) -> Said | None:
    try:
        return msgspec.json.decode(line, type=Said)
    except (msgspec.MsgspecError, ValueError):
        return None


def _failure(last: Said, code: int, late: bool, bounds: Bounds, log: Path) -> SetFailure | None:
    if last.done and code == 0:
        return None
    if last.what is not None:
        return SetFailure(last.what, last.where, last.mend)
    if late:
        what = f"the detection took more than {bounds.seconds:,.0f} seconds and was ended"
        return SetFailure(what, mend="bring fewer rows or columns at once, or use amiss detect")
    if code < 0:
        return SetFailure(f"the detection was ended by {_signal_word(-code)}", mend=_CRASHED)
    trace = log.read_bytes()[-_TRACE_BYTES:] if log.exists() else b""
    told = trace.decode("utf-8", "replace").strip().splitlines()
    return SetFailure(f"the detection failed: {told[-1][:300] if told else f'exit code {code}'}", mend=_CRASHED)


def _signal_word(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
