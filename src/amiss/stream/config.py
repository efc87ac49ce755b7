"""The file that says what is watched, what may raise an alarm, and who is told."""

from __future__ import annotations

import tomllib
import typing
from pathlib import Path
from typing import Any, Literal

import msgspec

from amiss.core.errors import ParameterError, RecipeError
from amiss.prepare.roles import nearest_name
from amiss.stream.groups import GroupRules
from amiss.stream.life import LifeRules
from amiss.stream.rules import ColumnRule, Maintenance, hours_of
from amiss.thresholds.promise import FalseAlarms

__all__ = ["SourceConfig", "WatchConfig", "config_schema", "read_config"]

_DEFAULT = "1/day"
_MOST_LATENESS = 86_400.0


class SourceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where readings come from.

    Attributes
    ----------
    address
        Such as "mqtt://127.0.0.1/plant/#"; see docs/live.md.
    time, entity
        Fields that hold them; a usual name is recognised.
    ignore
        Fields to leave out.
    options
        The source's own.
    lateness_seconds
        Rows that are older than the newest by up to so much are still put in their place; all are judged later by so
        much.
    model, history, false_alarms
        As those of the watch, in their place for this source.
    """

    address: str
    time: str | None = None
    entity: str | None = None
    ignore: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    lateness_seconds: float = 0.0
    model: str | None = None
    history: str | None = None
    false_alarms: str | float | None = None


class WatchConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that a watch is told.

    Attributes
    ----------
    source
        Where readings come from; several are a list, each judged by itself.
    model
        Model file; None learns as it goes, or from `history`.
    history
        File of earlier readings to start from.
    false_alarms
        How many are accepted of each source, such as "3/day" or "0.1%"; None for 1 a day, or what the model promises.
    state
        Folder of the snapshots and of the store where none is named.
    store
        Path or URL of the store; None for a file in the folder.
    listen
        Address of /metrics and /healthz, such as "127.0.0.1:9464"; None for none.
    log
        How lines on standard error are written: "json" for one object a line, or "text".
    zone
        Time zone of hours, days and maintenance.
    keep_history
        Whether scored rows are kept in the store, at some 75 bytes each.
    most_entities
        So many are told apart in each source; where more come, the longest silent are forgotten.
    alarms, storms
        How alarms become events, and events a storm.
    rule, maintenance
        What a user knows of columns, and when nobody wants to hear.
    channel
        Who is told; each has a `type`, a `name`, and what this type takes.
    """

    source: SourceConfig | tuple[SourceConfig, ...]
    model: str | None = None
    history: str | None = None
    false_alarms: str | float | None = None
    state: str | None = None
    store: str | None = None
    listen: str | None = None
    log: Literal["text", "json"] | None = None
    zone: str = "UTC"
    keep_history: bool = False
    most_entities: int = 1_000_000
    alarms: LifeRules = LifeRules()
    storms: GroupRules = GroupRules()
    rule: tuple[ColumnRule, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    channel: tuple[dict[str, Any], ...] = ()

    @property
    def sources(self) -> tuple[SourceConfig, ...]:
        """All sources, with what they do not say themselves as the watch says it."""
        given = self.source if isinstance(self.source, tuple) else (self.source,)
        return tuple(map(self._completed, given))

    def _completed(self, source: SourceConfig) -> SourceConfig:
        whole = {"false_alarms": self.false_alarms if source.false_alarms is None else source.false_alarms}
        if source.model is None and source.history is None:
            whole |= {"model": self.model, "history": self.history}
        return msgspec.structs.replace(source, **whole)

    def checked(self) -> WatchConfig:
        """The configuration itself, or the error of its first field that cannot be."""
        _check_sources(self.sources)
        _check_zone(self.zone)
        if self.most_entities < 1:
            raise RecipeError("at least one entity has to be known", where="most_entities", mend="give 1 or more")
        for k, rule in enumerate(self.rule):
            if rule.hours is not None:
                try:
                    hours_of(rule.hours)
                except ValueError:
                    raise RecipeError(
                        f"hours {rule.hours!r} cannot be read", where=f"rule[{k}].hours", mend='write "08:00-18:00"'
                    ) from None
        names = [str(c.get("name", c.get("type", ""))) for c in self.channel]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise RecipeError(f"two channels are called {double!r}", where="channel", mend="give each its own name")
        return self


def _check_sources(sources: tuple[SourceConfig, ...]) -> None:
    if not sources:
        raise RecipeError("there is no source", where="source", mend='write [[source]] and address = "..." below it')
    names: list[str] = []
    for k, source in enumerate(sources):
        promise_of(source.false_alarms)
        if not 0 <= source.lateness_seconds <= _MOST_LATENESS:
            raise RecipeError(
                f"{source.lateness_seconds:g} seconds of lateness cannot be waited for",
                where="lateness_seconds" if len(sources) == 1 else f"source[{k}].lateness_seconds",
                mend="give seconds from 0 up to a day",
            )  # fmt: skip
        if source.model is not None and source.history is not None:
            raise RecipeError("a model and a history are given", where="model, history", mend="give one of them")
        name = str(source.options.get("name", "")) or source.address
        if name in names:
            raise RecipeError(
                f"two sources are called {name!r}", where=f"source[{k}]",
                mend='give each its own name: options = { name = "line 4" }',
            )  # fmt: skip
        names.append(name)


def promise_of(wish: str | float | None) -> tuple[float, str]:
    """Alarms asked for, and whether by "row" or "day".

    Raises
    ------
    ParameterError
        It cannot be read, or is a number in all, which a stream without end cannot keep.
    """
    asked = FalseAlarms.read(_DEFAULT if wish is None else wish)
    if asked.share is not None:
        return asked.share, "row"
    if asked.per_second is not None:
        return asked.per_second * 86_400.0, "day"
    raise ParameterError(
        f"{asked.asked} in all cannot be promised of a stream without end", mend="ask for 1/day, or for 0.1%"
    )


def read_config(path: str | Path) -> WatchConfig:
    """The configuration in a TOML file.

    Raises
    ------
    RecipeError
        The file cannot be read, is no TOML, or holds what is not known; says where, and names the nearest.
    """
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecipeError(f"cannot read the configuration: {reason}", where=str(path), mend="check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(
            f"this is no TOML: {error}", where=str(path), mend='write lines such as zone = "UTC"'
        ) from error
    _check_names(raw, WatchConfig, "", str(path))
    try:
        return msgspec.convert(raw, WatchConfig).checked()
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        raise RecipeError(
            f"a field has the wrong type: {what}", where=f"{path}: {place.rstrip('`') or 'top level'}",
            mend="see docs/reference/watch.schema.json",
        ) from error  # fmt: skip


def config_schema() -> dict[str, Any]:
    """JSON schema of a configuration, for editors."""
    return msgspec.json.schema(WatchConfig)


def _check_names(raw: Any, kind: Any, place: str, file: str) -> None:
    """Refuse a name that is not known, with its path and the nearest one that is."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(raw, dict)):
        return
    known, types = kind.__struct_fields__, typing.get_type_hints(kind)
    for name, value in raw.items():
        if name not in known:
            raise RecipeError(
                f"there is no field {name!r} here", where=f"{file}: {place or 'top level'}",
                mend=f"{nearest_name(name, known)}known: {', '.join(known)}",
            )  # fmt: skip
        of = _struct_in(types[name])
        for k, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            _check_names(each, of, f"{place}{name}" + (f"[{k}]" if k is not None else "") + ".", file)


def _struct_in(kind: Any) -> Any:
    """The structure that a field is, or holds some of; None where it is of plain values."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for part in typing.get_args(kind) if (found := _struct_in(part)) is not None), None)


def _check_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecipeError(
            f"there is no time zone {zone!r}", where="zone", mend='write one such as "Europe/Berlin"'
        ) from None
