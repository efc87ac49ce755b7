"""NetworkResult: what detect hands to the user for network traffic."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.extras import late
from amiss.core.finding import Event
from amiss.network.table import table_of_flows
from amiss.network.traffic import Traffic
from amiss.pipeline.flow_rows import FlowRows
from amiss.pipeline.network_events import HostRank, rank_hosts
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.result import Result

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NetworkResult"]

_BATCH_ROWS = 65_536


class NetworkResult:
    """What hosts do in network traffic: events with their evidence, the gravest first.

    Attributes
    ----------
    source
        What was read.
    traffic
        Its flows, and the names and requests in them.
    events
        What hosts do, one event for each host, kind and stretch of time, the gravest first.
    hidden
        Each exclusion, and how many events it hides.
    n_judged
        How many flows were judged one by one, beside what hosts do; 0 where there were too few to tell what is usual.
    odd
        The result of that, row by row; None where there were too few flows.
    odd_rows : (n_judged,)
        Positions of these flows.
    known_good
        Name of the traffic that is known to be good; None where there was none.
    """

    kind = "network"

    def __init__(
        self,
        *,
        source: FlowRows,
        recipe: Recipe,
        events: list[Event],
        members: list[npt.NDArray[np.int64]],
        hidden: tuple[tuple[str, int], ...],
        odd: Result | None,
        odd_rows: npt.NDArray[np.int64],
        known_good: str | None,
        notes: list[str],
    ) -> None:
        self.source, self.recipe = source, recipe
        self.events, self._members = events, members
        self.hidden, self.odd, self.odd_rows, self.known_good = hidden, odd, odd_rows, known_good
        self._notes = notes

    def __repr__(self) -> str:
        return f"NetworkResult({self.n_events:,} events in {len(self):,} flows of {self.source.name!r})"

    def __len__(self) -> int:
        return self.traffic.flows.n_flows

    @property
    def traffic(self) -> Traffic:
        """The flows, and the names and requests in them."""
        return self.source.traffic()

    @property
    def notes(self) -> list[str]:
        """What was read, what was not, and what is to be said of it, one sentence each."""
        return [*self.source.notes, *self._notes]

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.events)

    @property
    def n_anomalies(self) -> int:
        """Number of events: what `--fail-on` counts."""
        return len(self.events)

    @property
    def n_judged(self) -> int:
        """Flows that were judged one by one."""
        return len(self.odd_rows) if self.odd is not None else 0

    @cached_property
    def hosts(self) -> tuple[HostRank, ...]:
        """The hosts that events are told of, the worst first."""
        return rank_hosts(self.events)

    def top(self, n: int = 10) -> pl.DataFrame:
        """The `n` gravest events as a polars frame, one a row."""
        return self.top_table(n)

    def top_table(self, n: int) -> pl.DataFrame:
        """As `top`."""
        import polars as pl

        shown = self.events[:n]
        evidence = [event.evidence for event in shown]
        return pl.DataFrame(
            {
                "host": [event.entity for event in shown],
                "kind": [event.kind for event in shown],
                "start": [event.start for event in shown],
                "end": [event.end for event in shown],
                "severity": [event.score for event in shown],
                "reason": [event.reason for event in shown],
                "technique": [told.technique if told else None for told in evidence],
                "flows": [event.n_alarms for event in shown],
                "peers": [", ".join(told.peers) if told else "" for told in evidence],
                "display_filter": [told.display_filter if told else "" for told in evidence],
            },
            schema={
                "host": pl.String, "kind": pl.String, "start": pl.String, "end": pl.String, "severity": pl.Float64,
                "reason": pl.String, "technique": pl.String, "flows": pl.Int64, "peers": pl.String,
                "display_filter": pl.String,
            },
        )  # fmt: skip

    def row_table(self, event: int) -> pl.DataFrame:
        """One event, by its place in `events` from 0, as `top_table` has those listed.

        Raises
        ------
        ParameterError
            There is no such event.
        """
        self.explain(event)
        return self.top_table(event + 1).tail(1)

    def explain(self, event: int) -> Event:
        """An event by its place in `events`, from 0.

        Raises
        ------
        ParameterError
            There is no such event.
        """
        if not 0 <= event < len(self.events):
            mend = f"give one from 0 to {len(self.events) - 1}" if self.events else "nothing was found"
            raise ParameterError(f"there is no event {event}", mend=mend)
        return self.events[event]

    def flows_of(self, event: int) -> npt.NDArray[np.int64]:
        """Positions of all flows of an event, by its place in `events`."""
        self.explain(event)
        return self._members[event]

    def scored(self) -> Iterator[pl.DataFrame]:
        """The flows with `anomaly_score`, `p_value`, `is_anomaly`, `reason` and `event_kind`, batch by batch.

        Score and p-value are those of the flow by itself, missing where it was not judged so; the others are those of
        the gravest event that it belongs to.
        """
        import polars as pl

        n = len(self)
        scores, p_values = np.full(n, np.nan), np.full(n, np.nan)
        if self.odd is not None:
            scores[self.odd_rows], p_values[self.odd_rows] = self.odd.scores, self.odd.p_values
        event = np.full(n, -1, np.int64)
        for k in reversed(range(len(self.events))):
            event[self._members[k]] = k
        table = table_of_flows(self.traffic.flows).table
        for start in range(0, n, _BATCH_ROWS):
            here = slice(start, start + _BATCH_ROWS)
            told = [self.events[k] if k >= 0 else None for k in event[here].tolist()]
            yield table[here].with_columns(
                pl.Series("anomaly_score", scores[here], nan_to_null=True),
                pl.Series("p_value", p_values[here], nan_to_null=True),
                pl.Series("is_anomaly", event[here] >= 0),
                pl.Series("event_kind", [e.kind if e else None for e in told], dtype=pl.String),
                pl.Series("reason", [e.reason if e else None for e in told], dtype=pl.String),
            )

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report: one file that needs no network."""
        late("amiss.report.frame:write_page")(path, late("amiss.report.network_page:network_html"), self)

    def _repr_html_(self) -> str:
        html: str = late("amiss.report.network_page:network_snippet")(self)
        return html

    def records(self) -> Any:
        """What `--format json` prints."""
        return late("amiss.report.network_record:network_record")(self)
