"""Puts a watch together from its configuration."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amiss.core.errors import ParameterError, StoreError
from amiss.core.live import LiveSource
from amiss.core.notification import AlarmSink
from amiss.core.source import Progress, silent
from amiss.io.alarms.making import make_sink
from amiss.io.live import open_live
from amiss.pipeline.api import fit_source, load
from amiss.pipeline.model import Model
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe
from amiss.store.store import Store
from amiss.stream.band_judge import BandJudge
from amiss.stream.clock import Clock, WallClock
from amiss.stream.config import SourceConfig, WatchConfig, promise_of
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.groups import Groups
from amiss.stream.judge import Judge
from amiss.stream.life import Life
from amiss.stream.model_judge import judge_of
from amiss.stream.monitor import Monitor, Pace, Step
from amiss.stream.outbox import Postman
from amiss.stream.rules import Rules
from amiss.stream.standing import Standing

__all__ = ["Watching", "put_together", "sinks_of"]


@dataclass(frozen=True, slots=True)
class Watching:
    """A watch that is put together, and not yet connected.

    Attributes
    ----------
    monitors
        What goes round, one for each source.
    store
        Where it keeps what it finds; None where nothing is kept.
    postman
        Who tells of it; None where there is nobody to be told.
    standings
        What it says of each source, by the source's name; none where nothing is kept.
    """

    monitors: tuple[Monitor, ...]
    store: Store | None
    postman: Postman | None
    standings: dict[str, Standing] = field(default_factory=dict)

    def deliver(self, monitor: Monitor, step: Step) -> None:
        """Wake the postman where a round has something to be told, and say how the watch is doing."""
        if monitor.source.name in self.standings:
            self.standings[monitor.source.name].take(step)
        if step.told and self.postman is not None:
            self.postman.wake()

    def close(self) -> None:
        """Let go of all; may be called twice. What is not delivered by then waits in the store for the next start."""
        for monitor in self.monitors:
            monitor.close()
        if self.postman is not None:
            self.postman.stop()
        if self.store is not None:
            for standing in self.standings.values():
                standing.end()
            self.store.close()


def put_together(
    config: WatchConfig, *, clock: Clock | None = None, pace: Pace | None = None, progress: Progress = silent
) -> Watching:
    """A watch as the configuration has it.

    Raises
    ------
    AmissError
        A file, an address or a channel is not as it should be.
    """
    # Who is told is looked at first: a wrong channel must not be found at the first alarm.
    sinks = sinks_of(config)
    if sinks and config.store is None and config.state is None:
        raise ParameterError(
            "alarms are delivered out of a store, and there is none", mend="give a folder with --state, or a store"
        )
    sources = [open_live(each.address, **each.options) for each in config.sources]
    models = _Models(progress)
    judges = [models.judge(each) for each in config.sources]
    folder = None if config.state is None else _folder(Path(config.state))
    store = None
    if config.store is not None or folder is not None:
        place: Any = config.store if config.store is not None else _in(folder, "amiss.db")
        store = Store.open(place)
    clock = clock or WallClock()

    def monitor(source: LiveSource, said: SourceConfig, judge: Judge, model: Model | None) -> Monitor:
        time, entity = said.time, said.entity
        if model is not None:
            time, entity = time or model.schema.first("time"), entity or model.schema.first("entity")
        flow = Flow(
            judge, Life(source.name, config.alarms), Rules(config.rule, config.maintenance, config.zone),
            most_entities=config.most_entities, lateness_seconds=said.lateness_seconds,
        )  # fmt: skip
        return Monitor(
            source, Decoder(time=time, entity=entity, ignore=said.ignore), flow, Groups(source.name, config.storms),
            clock=clock, store=store, sinks=list(sinks), pace=pace, keep_history=config.keep_history,
            snapshot=None if folder is None else folder / _snapshot_name(source.name),
        )  # fmt: skip

    monitors = tuple(
        monitor(source, said, *judge) for source, said, judge in zip(sources, config.sources, judges, strict=True)
    )
    postman = Postman(store, sinks, clock=clock) if store is not None and sinks else None
    standings = {} if store is None else {
        each.source.name: Standing(each, store, judge=_words(said), asked=_asked(said, model))
        for each, said, (_, model) in zip(monitors, config.sources, judges, strict=True)
    }  # fmt: skip
    return Watching(monitors, store, postman, standings)


def sinks_of(config: WatchConfig) -> dict[str, AlarmSink]:
    """Who is told, by name.

    Raises
    ------
    RecipeError
        A channel has an option that is not known, or lacks one.
    """
    found = {}
    for k, channel in enumerate(config.channel):
        name = str(channel.get("name", channel.get("type", "")))
        options = {option: value for option, value in channel.items() if option != "name"}
        found[name] = make_sink(name, options, where=f"channel[{k}]")
    return found


class _Models:
    """What judges each source; a model that several name is loaded once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._loaded: dict[str, Model] = {}

    def judge(self, source: SourceConfig) -> tuple[Judge, Model | None]:
        wish = source.false_alarms
        if source.model is not None:
            if source.model not in self._loaded:
                self._loaded[source.model] = load(source.model)
            model = self._loaded[source.model]
            model = model if wish is None else model.with_false_alarms(wish)
            return judge_of(model), model
        if source.history is not None:
            model = _learnt(source, source.history, self._progress)
            return judge_of(model), model
        rate, per = promise_of(wish)
        return BandJudge(rate, per), None


def _words(config: SourceConfig) -> str:
    """What judges, for people."""
    if config.model is not None:
        return f"the model {Path(config.model).name}"
    return "an adaptive band" if config.history is None else f"a model of {config.history}"


def _asked(config: SourceConfig, model: Model | None) -> str:
    if config.false_alarms is None and model is not None:
        return model.recipe.wish().asked
    rate, per = promise_of(config.false_alarms)
    return f"{rate:g} a {per}" if per == "day" else f"{rate:.3g} of the rows"


def _learnt(source: SourceConfig, history: str, progress: Progress) -> Model:
    """A model of the history, that judges rows as they come."""
    recipe = Recipe(
        false_alarms=source.false_alarms, time=source.time, entity=source.entity, ignore=source.ignore, causal=True,
    )  # fmt: skip
    return fit_source(open_source(history), recipe.checked(), progress=progress)


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder cannot be made: {error.strerror}", where=str(folder), mend="give another with --state"
        ) from error
    return folder


def _in(folder: Path | None, name: str) -> Path:
    assert folder is not None
    return folder / name


def _snapshot_name(source: str) -> str:
    """A file for each source of a folder."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", source).strip("-")[:40]
    return f"{plain}-{hashlib.sha256(source.encode()).hexdigest()[:8]}.snapshot"
