"""All that the routes stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from amiss.server.access import Access
from amiss.server.adaptation import Adaptation
from amiss.server.hub import Hub
from amiss.server.ingest import Ingest
from amiss.server.sets.backtest import Backtests
from amiss.server.sets.library import SetLibrary
from amiss.server.sets.live import LiveSets
from amiss.server.shield import Limits
from amiss.server.triage import Triage
from amiss.store.store import Store
from amiss.stream.clock import Clock

__all__ = ["Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """What a server is made of.

    Attributes
    ----------
    folder
        Where its files are.
    store
        Events, labels, silences, models and history.
    access
        Who may come in.
    triage
        The queue.
    hub
        Who is told of what changes.
    ingest
        Streams that are pushed to it.
    adaptation
        Learns models of pushed streams anew.
    library, live, backtests
        Files that were brought, live series, and what each would have said at another threshold.
    clock
        What time it is.
    limits
        How much is taken.
    secure
        Whether it is reached by TLS, so that cookies are sent by nothing else.
    hosts
        Names under which it may be called; none lets every name through.
    """

    folder: Path
    store: Store
    access: Access
    triage: Triage
    hub: Hub
    ingest: Ingest
    adaptation: Adaptation
    library: SetLibrary
    live: LiveSets
    backtests: Backtests
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    secure: bool = False
    hosts: tuple[str, ...] = ()
