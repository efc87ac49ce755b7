"""A plant and an office that are simulated, watched as any other would be."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec

from amiss.core.live import Message, Polled, Position
from amiss.datasets.plant_stream import PlantStream
from amiss.server.demo_office import SimulatedOffice
from amiss.store.store import Store
from amiss.stream.band_judge import BandJudge
from amiss.stream.clock import WallClock
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.groups import GroupRules, Groups
from amiss.stream.life import Life, LifeRules
from amiss.stream.monitor import Monitor, Pace
from amiss.stream.rules import Rules
from amiss.stream.standing import Standing

__all__ = ["Demo", "SimulatedPlant"]

_PLANT = "simulated plant"
_STEP_SECONDS = 2.0
_PAST_STEPS = 2_016
_FAULTY_PAST = 600
"""Steps of the past that have faults already, so that there is something to judge at once."""
_ALARMS_A_DAY = 50.0


class SimulatedPlant:
    """A plant of which a day passes in five minutes; first its past, at once, then a step every two seconds.

    Parameters
    ----------
    stream
        What it reads.
    now
        When it begins, in seconds.
    """

    name = _PLANT

    def __init__(self, stream: PlantStream, now: float) -> None:
        self._stream, self._step, self._start = stream, 0, now - _PAST_STEPS * _STEP_SECONDS

    def open(self, position: Position | None) -> None:
        """Begin; a simulation is not taken up again."""

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """The steps that are due."""
        messages: list[Message] = []
        until = time.time() + timeout_seconds
        while len(messages) < most:
            due = self._start + self._step * _STEP_SECONDS
            if due > time.time():
                if messages or due > until:
                    break
                time.sleep(max(0.0, due - time.time()))
            messages += [
                Message(msgspec.json.encode({"time": due} | row), received=due) for row in self._stream.rows(self._step)
            ]
            self._step += 1
        if not messages:
            time.sleep(max(0.0, until - time.time()))
        return Polled(messages, {"step": self._step})

    def commit(self, position: Position) -> None:
        """Nothing is to be told."""

    def close(self) -> None:
        """Nothing is held."""


class Demo:
    """Watches the simulations in threads while the block lasts.

    Parameters
    ----------
    store
        Where what is found goes.
    folder
        Of the server; the simulation keeps nothing there.
    seed
        Equal seeds give equal plants and offices.
    """

    def __init__(self, store: Store, folder: Path, *, seed: int = 0) -> None:
        clock, flow = WallClock(), Flow(BandJudge(_ALARMS_A_DAY, "day"), Life(_PLANT, LifeRules()), Rules())
        stream = PlantStream(quiet_steps=_PAST_STEPS - _FAULTY_PAST, steps_between_faults=4.0, seed=seed)
        self._monitor = Monitor(
            SimulatedPlant(stream, clock.now()), Decoder(entity="pump"), flow, Groups(_PLANT, GroupRules()),
            clock=clock, store=store, keep_history=True, pace=Pace(batch_seconds=0.25),
        )  # fmt: skip
        self._standing = Standing(self._monitor, store, judge="an adaptive band", asked=f"{_ALARMS_A_DAY:g} a day")
        self._office = SimulatedOffice(store, clock, seed=seed)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="amiss-demo-plant", daemon=True),
            threading.Thread(target=self._office.run, args=(self._stop,), name="amiss-demo-office", daemon=True),
        ]

    def __enter__(self) -> Demo:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10.0)

    def _run(self) -> None:
        self._monitor.open()
        self._monitor.run(self._stop, self._standing.take)
        self._standing.end()
