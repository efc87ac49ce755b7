"""Notifications as lines of JSON in a file or on standard output."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import ClassVar

from amiss.core.errors import TransientError
from amiss.core.notification import Notification
from amiss.core.params import Text
from amiss.io.alarms.option import Option
from amiss.io.alarms.words import as_json, tidy

__all__ = ["NdjsonSink"]


class NdjsonSink:
    """One line a notification, added to the end of a file; it is on the disk when `deliver` returns.

    The file is opened for each line, so that it may be moved away (rotated) at any time.

    Parameters
    ----------
    name
        As the configuration calls it.
    path
        File; "-" is standard output.
    """

    options: ClassVar = {"path": Option(Text(), "-")}

    def __init__(self, name: str, *, path: str = "-", where: str = "channel") -> None:
        self.name, self._path = name, path
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"NdjsonSink({self.name!r}, {self._path})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`; a full disk may be free later."""
        line = as_json(tidy(notification)) + b"\n"
        with self._one_at_a_time:
            try:
                if self._path == "-":
                    sys.stdout.write(line.decode())
                    sys.stdout.flush()
                else:
                    with Path(self._path).open("ab") as file:
                        file.write(line)
                        file.flush()
                        os.fsync(file.fileno())
            except OSError as error:
                raise TransientError(f"cannot write: {error.strerror or error}", where=self._path) from None

    def close(self) -> None:
        """Nothing is held open."""
