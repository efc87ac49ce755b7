"""The events of a set, as they are listed and looked up for a row."""

from __future__ import annotations

from pathlib import Path

import msgspec

from amiss.core.finding import Event
from amiss.explain.words import range_words
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.result import Result
from amiss.server.sets.facts import Happening

__all__ = ["happenings_of", "read_happenings", "write_happenings"]

_FILE = "events.json"
_MOST = 5000
_DECIMALS = 6


def happenings_of(result: Result | NetworkResult) -> list[Happening]:
    """What happened, the gravest first, at most 5,000."""
    decimals: dict[str, int] = {}
    if isinstance(result, Result):
        decimals = {column.name: column.decimals for column in result.schema.columns}
        return [_of(event, decimals) for event in result.top_events(_MOST)]
    return [_of(event, decimals) for event in result.events[:_MOST]]


def _of(event: Event, decimals: dict[str, int]) -> Happening:
    blame: list[tuple[str, float, float | str | None, str]] = [
        (c.column, c.share, c.value, range_words(c.low, c.high, decimals.get(c.column, _DECIMALS)))
        for c in event.channels
    ]
    if event.evidence is not None:
        n = len(event.evidence.measures)
        blame = [(m.name, 1 / n, m.value, m.typical) for m in event.evidence.measures]
    return Happening(
        _seconds(event.start), _seconds(event.end), event.entity, event.kind, event.score, event.p_value,
        event.n_alarms, event.reason, event.first_row, event.last_row, event.peak_row, blame,
    )  # fmt: skip


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from datetime import UTC, datetime

    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def write_happenings(folder: Path, found: list[Happening]) -> None:
    """Into a folder of its own."""
    (folder / _FILE).write_bytes(msgspec.json.encode(found))


def read_happenings(folder: Path) -> list[Happening]:
    """What `write_happenings` wrote."""
    return msgspec.json.decode((folder / _FILE).read_bytes(), type=list[Happening])
