"""This machine as a source: its load, memory, disks, network and temperatures, every so many seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Message, Polled, Position
from amiss.io.address import Address

__all__ = ["HostOptions", "HostSource"]


class HostOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of this machine.

    Attributes
    ----------
    interval_seconds
        Time from one message to the next.
    disk
        A path on the file system whose used share is told.
    """

    interval_seconds: float = 1.0
    disk: str = "/"


class HostSource:
    """A message of JSON every so many seconds: the time, and one number for each thing measured.

    Rates are over the time since the message before. What a machine does not have, such as fans, has no name in the
    message. There is no position: what was not measured while nobody watched does not come.

    Parameters
    ----------
    name
        What the user calls it.
    options
        What is asked of it.

    Examples
    --------
    >>> from amiss.io.host.source import HostOptions, HostSource
    >>> source = HostSource(options=HostOptions(interval_seconds=0.1))
    >>> source.open(None)
    >>> message = source.poll(1, 1.0).messages[0]
    >>> b'"cpu_percent":' in message.body
    True
    >>> source.close()
    """

    def __init__(self, *, name: str = "host:", options: HostOptions | None = None) -> None:
        self.name = name
        self._options = options or HostOptions()

    @classmethod
    def at(cls, address: Address, *, name: str, options: HostOptions) -> HostSource:
        """The source that an address names."""
        return cls(name=name or address.shown, options=options)

    def open(self, position: Position | None) -> None:
        """Measure once, for the rates of the first message.

        Raises
        ------
        ConnectorError
            The interval is not over 0, or the disk is not there.
        MissingExtraError
            psutil is not installed.
        """
        if not self._options.interval_seconds > 0:
            raise ConnectorError("the interval is not over 0", where=self.name, mend="interval_seconds = 1")
        self._psutil = require("psutil", extra="live", what="watching this machine")
        try:
            self._psutil.disk_usage(self._options.disk)
        except OSError as error:
            raise ConnectorError(
                f"the disk cannot be looked at: {error.strerror}", where=self._options.disk, mend='disk = "/"'
            ) from error
        self._psutil.cpu_percent(percpu=True)
        self._before, self._moment = self._counters(), time.monotonic()
        self._due = self._moment + self._options.interval_seconds

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """One message if it is time for it within `timeout_seconds`."""
        time.sleep(max(0.0, min(timeout_seconds, self._due - time.monotonic())))
        now = time.monotonic()
        if now < self._due or most < 1:
            return Polled([], {})
        # What was missed, as by a machine that slept, is not made up for.
        self._due = max(self._due + self._options.interval_seconds, now)
        moment = time.time()
        said = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = msgspec.json.encode({"time": said, **self._measured(now)})
        return Polled([Message(body, received=moment)], {})

    def _measured(self, now: float) -> dict[str, float]:
        ps = self._psutil
        cores = ps.cpu_percent(percpu=True)
        found = {
            "cpu_percent": sum(cores) / len(cores),
            "cpu_percent_busiest_core": max(cores),
            "load_1m": ps.getloadavg()[0],
            "memory_percent": ps.virtual_memory().percent,
            "swap_percent": ps.swap_memory().percent,
            "disk_used_percent": ps.disk_usage(self._options.disk).percent,
            "n_processes": len(ps.pids()),
        }
        counters, span = self._counters(), now - self._moment
        for name, count in counters.items():
            # A device that went takes its count along: then there is no rate.
            if span > 0 and (moved := count - self._before.get(name, count)) >= 0:
                found[name] = moved / span
        self._before, self._moment = counters, now
        return {name: round(float(value), 3) for name, value in (found | self._sensors()).items()}

    def _counters(self) -> dict[str, int]:
        found = {}
        if disk := self._psutil.disk_io_counters():
            found["disk_read_bytes_per_s"] = disk.read_bytes
            found["disk_write_bytes_per_s"] = disk.write_bytes
        cards = [card for name, card in self._psutil.net_io_counters(pernic=True).items() if name != "lo"]
        found["network_in_bytes_per_s"] = sum(card.bytes_recv for card in cards)
        found["network_out_bytes_per_s"] = sum(card.bytes_sent for card in cards)
        return found

    def _sensors(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for prefix, unit, asked in (("temperature", "", "sensors_temperatures"), ("fan", "_rpm", "sensors_fans")):
            for chip, parts in _asked(getattr(self._psutil, asked, dict)).items():
                if parts:
                    found[f"{prefix}_{chip}{unit}"] = max(part.current for part in parts)
        return found

    def commit(self, position: Position) -> None:
        """Nobody is to be told."""

    def close(self) -> None:
        """Nothing is held."""


def _asked(sensors: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return sensors()
    except OSError:  # a chip that went away while it was read
        return {}
