"""Streams for the tests: messages made from arrays, and a source in memory that can be taken up again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from amiss.core.live import Message, Polled, Position
from amiss.store.store import Store
from amiss.stream.band_judge import BandJudge
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.groups import GroupRules, Groups
from amiss.stream.judge import Judge
from amiss.stream.life import Life, LifeRules
from amiss.stream.monitor import Monitor, Pace
from amiss.stream.rules import Rules

NAME = "the stream"
START = 1_700_000_000.0


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self, now: float = START) -> None:
        self.at = now

    def now(self) -> float:
        return self.at

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.at += seconds
        return event.is_set()


class Feed:
    """Messages in memory; a position is how many were handed out."""

    name = NAME

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages, self.place, self.committed = list(messages), 0, 0

    def open(self, position: Position | None) -> None:
        self.place = 0 if position is None else int(position["place"])

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        found = self.messages[self.place : self.place + most]
        self.place += len(found)
        return Polled(found, {"place": self.place}, ended=self.place >= len(self.messages))

    def commit(self, position: Position) -> None:
        self.committed = int(position["place"])

    def close(self) -> None:
        pass


def pumps(
    n_rows: int, *, n_entities: int = 4, seed: int = 0, faults: Sequence[tuple[int, float]] = ()
) -> list[Message]:
    """Readings of pumps in turn, one a second; by row, how much is added to its temperature."""
    rng = np.random.default_rng(seed)
    temp, flow = rng.normal(20, 1, n_rows), rng.normal(5, 0.5, n_rows)
    for row, more in faults:
        temp[row] += more
    return [
        message({"device": f"pump-{i % n_entities}", "time": START + i, "temp": float(temp[i]), "flow": float(flow[i])})
        for i in range(n_rows)
    ]


def message(row: dict[str, Any], topic: str = "") -> Message:
    return Message(msgspec.json.encode(row), topic)


def flow_of(judge: Judge | None = None, rules: Rules | None = None, **life: Any) -> Flow:
    return Flow(judge or BandJudge(1.0, "day"), Life(NAME, LifeRules(**life)), rules or Rules())


def monitor_of(
    feed: Feed, folder: Path | None = None, *, store: Store | None = None, batch_rows: int = 100,
    sinks: Sequence[str] = (), judge: Judge | None = None, snapshot_messages: int = 1,
) -> Monitor:  # fmt: skip
    flow = flow_of(judge)
    flow.life.source = feed.name
    return Monitor(
        feed, Decoder(), flow, Groups(feed.name, GroupRules()), clock=SetClock(START + len(feed.messages)),
        store=store, sinks=sinks, keep_history=True, snapshot=None if folder is None else folder / "snapshot",
        pace=Pace(batch_rows=batch_rows, snapshot_messages=snapshot_messages),
    )  # fmt: skip
