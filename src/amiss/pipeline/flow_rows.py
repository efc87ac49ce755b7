"""Flows of a capture or a log as the rows of a table, so that every verb for tables takes them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import MemorySource, Progress, silent
from amiss.network.context import WARM_UP, flow_features
from amiss.network.traffic import Traffic, TrafficSource

__all__ = ["FlowRows"]


class FlowRows:
    """One row a flow: what it was and what surrounded it, without addresses; satisfies `Source`.

    Its notes are complete when the traffic has been read.

    Parameters
    ----------
    reader
        Where the traffic comes from. It is read once, when it is first needed.
    kept
        What must live as long as the reader does.
    """

    def __init__(self, reader: TrafficSource, kept: Any = None) -> None:
        self._reader, self._kept = reader, kept
        self._traffic: Traffic | None = None
        self.name = reader.name
        self.notes: list[str] = []

    @classmethod
    def of(cls, traffic: Traffic, name: str = "the traffic") -> FlowRows:
        """Flows that are in memory already."""
        return cls(_Given(traffic, name))

    def traffic(self, progress: Progress = silent) -> Traffic:
        """All of the traffic.

        Raises
        ------
        DataError
            There is no flow in it.
        """
        if self._traffic is None:
            self._traffic = self._reader.traffic(progress)
            self.notes = list(dict.fromkeys([*self._reader.notes, *self._traffic.notes]))
            if not self._traffic.flows.n_flows:
                raise DataError("there are no flows in it", where=self.name, mend="give a capture or log of traffic")
        return self._traffic

    @cached_property
    def rows(self) -> Frame:
        """All rows; see `rows_after`."""
        return self.rows_after(None)

    def rows_after(self, usual: Traffic | None) -> Frame:
        """Time and hosts of each flow, `network.context.flow_features`, and the labels where the source has any.

        With `usual`, traffic known to be good, that is taken as having gone before.
        """
        import polars as pl

        flows = self.traffic().flows
        words = pl.Series(flows.hosts.words, dtype=pl.String)
        known = np.where(np.isnan(flows.start), 0.0, flows.start)
        hosts = {"src_ip": words.gather(flows.src), "dst_ip": words.gather(flows.dst)}
        rows = Frame(pl.DataFrame({"time": (known * 1e6).astype("datetime64[us]"), **hosts}))
        rows = rows.beside(flow_features(self.traffic(), usual))
        return rows.beside(Frame.of({"label": [word or None for word in flows.label]})) if flows.label else rows

    @property
    def learnt(self) -> MemorySource:
        """The rows to learn from: the first ones have too little before them to be like any other."""
        rows = self.rows
        first = WARM_UP if rows.n_rows > 2 * WARM_UP else 0
        found = MemorySource(rows.rows(np.arange(first, rows.n_rows)), self.name)
        found.notes = self.notes
        return found

    def batches(self) -> Iterator[Frame]:
        """The rows in the order of time."""
        yield from MemorySource(self.rows, self.name).batches()

    def share_read(self) -> float:
        """Share of the source that has been read."""
        return 1.0 if self._traffic is not None else self._reader.share_read()


class _Given:
    def __init__(self, traffic: Traffic, name: str) -> None:
        self._traffic, self.name = traffic, name
        self.notes: list[str] = []

    def traffic(self, progress: Progress) -> Traffic:
        return self._traffic

    def share_read(self) -> float:
        return 1.0
