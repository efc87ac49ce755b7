"""What a live watch would have said over a history: alarms a day for any promise, and the delay of each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, ParameterError
from amiss.core.source import Progress, Source, silent
from amiss.core.summary import Vector
from amiss.evaluate.replayed import Backtest, Delay, Raised, Tried
from amiss.evaluate.truth import Flags, as_flags, runs
from amiss.pipeline.api import detect_source
from amiss.pipeline.events import iso_time
from amiss.pipeline.learn import look
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.recognised import read_as_series
from amiss.pipeline.series_model import row_rate, wish_of
from amiss.pipeline.series_result import SeriesResult
from amiss.pipeline.series_rows import Member
from amiss.pipeline.silence import CERTAIN
from amiss.thresholds.notices import TOGETHER, Notices
from amiss.thresholds.promise import read_wish

__all__ = ["backtest", "backtest_source"]

_PER_TIME = ("1/month", "1/week", "1/day")
_WITHOUT_TIME = ("1", "5", "20")
_FEWEST, _MOST_SHARE = 1.0, 0.01
"""Alarms that a promise of its own accord must allow in the history, and of its rows at most."""
_LATE = 10
"""Steps after the end of an event in which an alarm is still its own."""
_DAY = 86_400.0


def backtest(
    data: Any,
    *,
    false_alarms: Sequence[str | float] = (),
    label: str | None = None,
    kind: str | None = None,
    time: str | None = None,
    entity: str | None = None,
    ignore: str | Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    detector: str | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Backtest:
    """Replay a history as it came: what alarms each promise would have raised, and how long after an event began.

    Each row is judged by those before it alone, from the first row on, exactly as `detect(..., causal=True)` and a live
    watch do. Costs one causal pass, and one look with hindsight where there are no labels.

    Parameters
    ----------
    data
        A path, "-", a pandas, polars or Arrow table, a NumPy array (n_rows, n_features), or a mapping of columns.
    false_alarms
        Promises to try, such as ["1/week", "1/day"]; empty for those that suit the length of the history.
    label
        Column with 1 where rows are known to be anomalous and 0 elsewhere: these are the events then.
    kind
        "series" where the rows follow one another in time, though `detect` takes them for a table; None asks as it
        does.
    time, entity
        Column with the time, "DATE+TIME" where it stands in two, and with the device, host or user; None recognises
        them.
    ignore
        Columns to leave out.
    roles
        Role of single columns, against what is recognised.
    detector, params
        Name of a detector that looks back, and its parameters; None for the default.
    seed
        Seed of everything random, from 0.
    progress
        Called with a stage and the share of it that is done.

    Raises
    ------
    DataError
        The data cannot be read, hold too few rows or are a table; the label is not 0 or 1.
    ParameterError
        A promise or a detector that cannot be.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> x = np.random.default_rng(0).normal(size=2000)
    >>> x[1500:1510] += 9
    >>> told = amiss.backtest(x[:, None], kind="series", false_alarms=[2])
    >>> told.tried[0].n_found, told.events[0].delay_rows
    (1, (0,))
    """
    recipe = Recipe(
        causal=True, kind=kind, time=time, entity=entity, detector=detector or "ensemble", params=dict(params or {}),
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore), roles=dict(roles or {}), seed=seed,
    )  # fmt: skip
    return backtest_source(open_source(data), recipe, false_alarms, label, progress=progress)


def backtest_source(
    source: Source,
    recipe: Recipe,
    false_alarms: Sequence[str | float],
    label: str | None,
    *,
    progress: Progress = silent,
) -> Backtest:
    """`backtest` for a source that is open already and a recipe."""
    if label is not None:
        recipe = msgspec.structs.replace(recipe, roles={**recipe.roles, label: "label"})
    _check_series(source, recipe, progress)
    live = detect_source(source, recipe, progress=progress)
    assert isinstance(live, SeriesResult)
    truth = _labelled(live, label) if label is not None else _with_hindsight(live, recipe, progress)
    span, n_rows = live.series.span_seconds, live.series.n_rows
    wishes = [
        wish_of(msgspec.structs.replace(recipe, false_alarms=wish), n_rows, span)
        for wish in false_alarms or _suitable(n_rows, span)
    ]
    rates = [row_rate(wish, n_rows, span) for wish in wishes]
    order = np.argsort(rates, kind="stable")
    raised = [_alarms(live, rates[k]) for k in order]
    found = [_Found.of(truth, alarms) for alarms in raised]
    days, zoned = span / _DAY if span else None, live.schema.zoned
    return Backtest(
        name=source.name, n_rows=n_rows, span_seconds=span, labelled=label is not None,
        tried=tuple(_tried(wishes[k].asked, f, truth, days, zoned=zoned) for k, f in zip(order, found, strict=True)),
        events=tuple(_delays(truth, found, zoned=zoned)), notes=tuple(live.notes), entity=live.schema.first("entity"),
        **_ends(live),
    )  # fmt: skip


def _check_series(source: Source, recipe: Recipe, progress: Progress) -> None:
    """Raise `DataError` if the rows are a table to `detect`: it and a replay read a file alike."""
    if recipe.kind == "series":
        return
    if recipe.kind is not None:
        raise ParameterError("rows of a table do not come one after another", mend="leave out the kind, or say series")
    plain = msgspec.structs.replace(recipe, causal=False)
    if read_as_series(source, plain, look(source, plain.checked(), progress), progress) is None:
        raise DataError(
            "these rows are judged as a table, one by one, so there is no course to replay", where=source.name,
            mend="if they follow one another in time, say so: --kind series",
        )  # fmt: skip


def _ends(live: SeriesResult) -> dict[str, str | None]:
    """Times of the first and the last row of all series."""
    timed = [member.clock.seconds() for member in live.series.members if member.clock.interval_seconds]
    if not timed:
        return {}
    ends = min(float(t[0]) for t in timed), max(float(t[-1]) for t in timed)
    start, end = (iso_time(moment, zoned=live.schema.zoned) for moment in ends)
    return {"start": start, "end": end}


class _Truth(msgspec.Struct):
    """Events of one series: first and last step, and what they were."""

    member: Member
    first: list[int]
    last: list[int]
    reasons: list[str]


class _Found(msgspec.Struct):
    """Of one promise: for each event of each series the step of its alarm or None; first steps of alarms, and whether
    they are in an event.
    """

    at: list[list[int | None]]
    alarms: list[list[tuple[int, bool]]]

    @classmethod
    def of(cls, truth: list[_Truth], alarms: list[list[tuple[int, int]]]) -> _Found:
        at: list[list[int | None]] = []
        told: list[list[tuple[int, bool]]] = []
        for each, spans in zip(truth, alarms, strict=True):
            reach = [(a, b + _LATE) for a, b in zip(each.first, each.last, strict=True)]
            at.append([_alarm_in(spans, a, b) for a, b in reach])
            told.append([(first, any(a <= last and first <= b for a, b in reach)) for first, last in spans])
        return cls(at, told)


def _alarm_in(spans: list[tuple[int, int]], first: int, last: int) -> int | None:
    """Step at which an alarm is on for the first time between two steps."""
    return min((max(a, first) for a, b in spans if a <= last and first <= b), default=None)


def _alarms(live: SeriesResult, rate: float) -> list[list[tuple[int, int]]]:
    """First and last steps of the alarms of each series under a promise."""
    alarms = []
    for judged in live.judged:
        _, high = Notices(rate).advance(judged.scores, learning=True)
        first, last = runs(high)
        spans: list[tuple[int, int]] = []
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            if spans and a - spans[-1][1] <= TOGETHER:
                spans[-1] = (spans[-1][0], b)
            else:
                spans.append((a, b))
        alarms.append(spans)
    return alarms


def _labelled(live: SeriesResult, label: str) -> list[_Truth]:
    flags = np.concatenate([_flags(frame.table[label].to_numpy(), label) for frame in live.source.batches()])
    truth = []
    for member in live.series.members:
        cells = np.zeros(member.clock.n_cells, np.bool_)
        there = member.clock.cell >= 0
        cells[member.clock.cell[there]] |= flags[member.rows[there]]
        first, last = runs(_over_holes(cells, member.clock.cell[there]))
        truth.append(_Truth(member, first.tolist(), last.tolist(), [""] * len(first)))
    return truth


def _over_holes(labelled: Flags, occupied: npt.NDArray[np.int64]) -> Flags:
    """Labels of steps: one without a row is as the rows on both sides, where they agree."""
    steps = np.unique(occupied)
    filled = labelled.copy()
    for hole in np.flatnonzero(labelled[steps[:-1]] & labelled[steps[1:]] & (np.diff(steps) > 1)).tolist():
        filled[steps[hole] : steps[hole + 1]] = True
    return filled


def _flags(values: Any, label: str) -> Flags:
    try:
        return as_flags(values, name=f"label {label!r}")
    except DataError:
        raise
    except (TypeError, ValueError):
        raise DataError(f"label {label!r} is no 0 or 1", mend="give 1 for an anomalous row, 0 for another") from None


def _with_hindsight(live: SeriesResult, recipe: Recipe, progress: Progress) -> list[_Truth]:
    plain = msgspec.structs.replace(recipe, causal=False, kind="series", detector="ensemble", params={})
    looked_back = detect_source(live.source, plain, progress=progress)
    truth = []
    for member in live.series.members:
        events = sorted(
            (e for e in looked_back.events if e.entity == member.entity and e.kind not in CERTAIN),
            key=lambda e: e.first_row,
        )
        cells = [_cells(member, event.first_row, event.last_row) for event in events]
        truth.append(_Truth(member, [a for a, _ in cells], [b for _, b in cells], [e.reason for e in events]))
    return truth


def _cells(member: Member, first_row: int, last_row: int) -> tuple[int, int]:
    cells = member.clock.cell[np.searchsorted(member.rows, [first_row, last_row])]
    return int(cells.min()), int(cells.max())


def _suitable(n_rows: int, span: float | None) -> tuple[str, ...]:
    """Promises that allow some alarms in so long a history, but not one in a hundred rows."""
    if span:
        allowed = {wish: read_wish(wish, None).rate(n_rows, span) * n_rows for wish in _PER_TIME}
        chosen = tuple(wish for wish, n in allowed.items() if _FEWEST <= n <= _MOST_SHARE * n_rows)
        if chosen:
            return chosen
    chosen = tuple(wish for wish in _WITHOUT_TIME if float(wish) <= _MOST_SHARE * n_rows)
    return chosen or _WITHOUT_TIME[:1]


def _tried(asked: str, found: _Found, truth: list[_Truth], days: float | None, *, zoned: bool) -> Tried:
    alarms = [
        alarm
        for each, steps in zip(truth, found.alarms, strict=True)
        for alarm in _raised(each.member, steps, zoned=zoned)
    ]
    n_false = sum(not alarm.in_event for alarm in alarms)
    waits = [
        (step - first, (step - first) * each.member.clock.interval_seconds)
        for each, steps in zip(truth, found.at, strict=True)
        for first, step in zip(each.first, steps, strict=True)
        if step is not None
    ]
    timed = [seconds for _, seconds in waits] if days else []
    return Tried(
        asked=asked, n_alarms=len(alarms), n_false=n_false, alarms=tuple(sorted(alarms, key=lambda alarm: alarm.row)),
        alarms_per_day=len(alarms) / days if days else None, false_per_day=n_false / days if days else None,
        n_found=len(waits), median_delay_seconds=float(np.median(timed)) if timed else None,
        median_delay_rows=float(np.median([rows for rows, _ in waits])) if waits else None,
    )  # fmt: skip


def _raised(member: Member, steps: list[tuple[int, bool]], *, zoned: bool) -> list[Raised]:
    clock = member.clock
    rows = np.flatnonzero(clock.cell >= 0)
    rows = rows[np.argsort(clock.cell[rows], kind="stable")]
    # A step that no row stands at is that of the next one.
    at = np.searchsorted(clock.cell[rows], [step for step, _ in steps])
    seconds = clock.seconds()
    return [
        Raised(
            member.entity, int(member.rows[rows[min(place, len(rows) - 1)]]),
            iso_time(float(seconds[step]), zoned=zoned) if clock.interval_seconds else None, in_event,
        )
        for place, (step, in_event) in zip(at.tolist(), steps, strict=True)
    ]  # fmt: skip


def _delays(truth: list[_Truth], found: list[_Found], *, zoned: bool) -> list[Delay]:
    told = []
    for k, each in enumerate(truth):
        seconds: Vector | None = each.member.clock.seconds() if each.member.clock.interval_seconds else None
        for i, (first, last) in enumerate(zip(each.first, each.last, strict=True)):
            steps = [f.at[k][i] for f in found]
            rows = each.member.rows[(each.member.clock.cell >= first) & (each.member.clock.cell <= last)]
            told.append(
                Delay(
                    each.member.entity, int(rows.min()), int(rows.max()),
                    None if seconds is None else iso_time(float(seconds[first]), zoned=zoned),
                    None if seconds is None else iso_time(float(seconds[last]), zoned=zoned),
                    each.reasons[i],
                    tuple(None if step is None else step - first for step in steps),
                    tuple(None if step is None or seconds is None else float(seconds[step] - seconds[first])
                          for step in steps),
                )
            )  # fmt: skip
    return sorted(told, key=lambda event: event.first_row)
