"""An office network that is simulated: what its hosts do is looked at as `amiss detect` looks at a capture."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime

import numpy as np

from amiss.core.finding import Event
from amiss.core.notification import Severity
from amiss.datasets.network import make_network
from amiss.pipeline.api import detect
from amiss.store.records import EventRecord
from amiss.store.store import Store
from amiss.store.watches import WatchRecord
from amiss.stream.clock import Clock

__all__ = ["OFFICE", "SimulatedOffice"]

OFFICE = "simulated office"
_N_HOSTS = 20
_FIRST_HOURS, _HOURS = 2.0, 0.5
_EACH_SECONDS = 20.0
_FIRST = ("vertical_scan", "dns_tunnel", "brute_force", "beaconing")
_KINDS = ("horizontal_scan", "brute_force", "dns_tunnel", "generated_names", "vertical_scan", "odd_protocol")
_GRAVE: tuple[tuple[float, Severity], ...] = ((0.9, "critical"), (0.8, "error"), (0.5, "warning"))
_NOTE = "each look is at the last half hour"


class SimulatedOffice:
    """Traffic of the last hours at first, then of the last half hour every twenty seconds, each with a behaviour in it.

    Parameters
    ----------
    store
        Where events go.
    clock
        What time it is.
    seed
        Equal seeds give equal offices.
    """

    def __init__(self, store: Store, clock: Clock, *, seed: int = 0) -> None:
        self._store, self._clock, self._seed = store, clock, seed
        self._random = np.random.default_rng(seed)
        self._started, self._n_looks, self._n_flows = clock.now(), 0, 0

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            self.look()
            self._clock.wait(stop, _EACH_SECONDS)
        self._say(self._clock.now(), stopped=True)

    def look(self) -> list[EventRecord]:
        """Make traffic up to now, and keep what its hosts have done; gives that."""
        now, first = self._clock.now(), not self._n_looks
        hours = _FIRST_HOURS if first else _HOURS
        network = make_network(
            n_hosts=_N_HOSTS, hours=hours, behaviours=_FIRST if first else (str(self._random.choice(_KINDS)),),
            seed=self._seed + self._n_looks, site=self._seed, start=now - hours * 3_600.0,
        )  # fmt: skip
        result = detect(network.traffic)
        events = [_record(event, now) for event in result.events if event.entity is not None]
        self._n_looks, self._n_flows = self._n_looks + 1, self._n_flows + len(result)
        with self._store.writing() as writer:
            writer.put_events(events)
        self._say(now)
        return events

    def _say(self, now: float, *, stopped: bool = False) -> None:
        record = WatchRecord(
            source=OFFICE, seen_at=now, started=self._started, n_messages=self._n_flows, n_rows=self._n_flows,
            rate=self._n_flows / max(now - self._started, _EACH_SECONDS), n_entities=_N_HOSTS, readiness=1.0,
            judge="behaviours of hosts", asked="one event in ten host-days", stopped=stopped, notes=(_NOTE,),
        )  # fmt: skip
        with self._store.writing() as writer:
            writer.put_watch(record)


def _record(event: Event, now: float) -> EventRecord:
    opened, ended = (datetime.fromisoformat(str(moment)).timestamp() for moment in (event.start, event.end))
    name = f"{OFFICE}\x1f{event.entity}\x1f{event.kind}\x1f{event.start}"
    measures = () if event.evidence is None else event.evidence.measures
    return EventRecord(
        id=hashlib.sha256(name.encode()).hexdigest()[:16], source=OFFICE, entity=event.entity,
        kind=str(event.kind).replace("_", " "), opened=opened, updated=now, ended=ended, state="resolved",
        severity=next((word for least, word in _GRAVE if event.score >= least), "info"), score=event.score,
        n_alarms=event.n_alarms, reason=event.reason,
        fingerprint=hashlib.sha256(f"{event.entity}\x1f{event.kind}".encode()).hexdigest()[:16],
        body={
            "values": {each.name: each.value for each in measures},
            "usual": {each.name: each.typical for each in measures if each.typical},
        },
    )  # fmt: skip
