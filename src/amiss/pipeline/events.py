"""Groups alarms of one entity that lie close in time into events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Event
from amiss.core.summary import Vector

__all__ = ["find_events", "iso_time"]

_INTERVALS = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(seconds: float, *, zoned: bool) -> str | None:
    """ISO 8601, to the second or finer where needed; None for a missing time.

    Times that are known in UTC, `zoned`, end in Z; others are local times without an offset.
    """
    if np.isnan(seconds):
        return None
    try:
        moment = _EPOCH + timedelta(seconds=float(seconds))
    except OverflowError:
        return None
    return moment.isoformat(timespec="auto").replace("+00:00", "Z" if zoned else "")


def find_events(
    rows: npt.NDArray[np.int64],
    scores: Vector,
    p_values: Vector,
    times: Vector | None,
    entities: Sequence[str | None] | None,
    interval_seconds: float | None,
    *,
    zoned: bool,
) -> list[Event]:
    """Events of the alarms at `rows`, most severe first.

    Parameters
    ----------
    rows
        Positions of the alarms.
    scores, p_values : (n_rows,)
        Of all rows.
    times, entities : (n_alarms,)
        Of the alarms; None where there are none.
    interval_seconds
        Usual time between two rows of an entity.
    zoned
        Whether the times are known in UTC.
    """
    who = entities if entities is not None else [None] * len(rows)
    when = times if times is not None else np.full(len(rows), np.nan)
    gap = _INTERVALS * (interval_seconds or 0.0)
    order = sorted(range(len(rows)), key=lambda i: (str(who[i]), when[i] if when[i] == when[i] else -1.0, rows[i]))
    groups: list[list[int]] = []
    for i in order:
        last = groups[-1][-1] if groups else None
        if last is not None and times is not None and who[last] == who[i] and when[i] - when[last] <= gap:
            groups[-1].append(i)
        else:
            groups.append([i])
    events = [_event(np.array(group), rows, scores, p_values, when, who, zoned) for group in groups]
    return sorted(events, key=lambda event: (-event.score, event.first_row))


def _event(
    group: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    scores: Vector,
    p_values: Vector,
    when: Vector,
    who: Sequence[str | None],
    zoned: bool,
) -> Event:
    here = rows[group]
    peak = int(here[np.argmax(scores[here])])
    return Event(
        first_row=int(here.min()),
        last_row=int(here.max()),
        peak_row=peak,
        n_alarms=len(here),
        start=iso_time(float(when[group[0]]), zoned=zoned),
        end=iso_time(float(when[group[-1]]), zoned=zoned),
        entity=who[int(group[0])],
        score=float(scores[peak]),
        p_value=float(p_values[here].min()),
    )
