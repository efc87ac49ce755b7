"""What has to be said about data that were scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from amiss.core.frame import Frame
from amiss.core.schema import Schema

__all__ = ["Remarks"]

_MOST_NAMED = 3


class Remarks:
    """Gathers, batch by batch, where the data are not what the schema says.

    Parameters
    ----------
    entities
        Those whose rows are compared with one another; None where nothing is to be said of others.
    """

    def __init__(self, schema: Schema, entities: Sequence[str] | None = None) -> None:
        self._known = {column.name: column.role for column in schema.columns}
        self._time = next((column for column in schema.columns if column.role == "time"), None)
        self._entity = schema.first("entity") if entities is not None else None
        self._entities = set(entities or ())
        self._odd: dict[str, tuple[int, int, str]] = {}
        self._names: list[str] | None = None
        self._timeless = self._time is not None
        self._unzoned: bool | None = None
        self._strangers: dict[str, None] = {}

    def take(self, frame: Frame, odd: Mapping[str, tuple[int, int, str]]) -> None:
        """Take up a batch: its columns, its times and entities, and its values that should be numbers and are none."""
        self._names = frame.names
        for name, (n, row, word) in odd.items():
            before = self._odd.get(name)
            self._odd[name] = (n, row, word) if before is None else (before[0] + n, before[1], before[2])
        if self._timeless and self._time is not None and self._time.name in frame.names:
            self._timeless = bool(np.isnan(frame.times(self._time.name, self._time.reading)).all())
            if self._unzoned is None and not self._timeless:
                self._unzoned = self._time.zoned and not frame.says_zone(self._time.name, self._time.reading)
        if self._entity is not None:
            self._strangers |= dict.fromkeys(e for e in frame.counts(self._entity) if e not in self._entities)

    def sentences(self) -> list[str]:
        """One sentence for each remark."""
        said = []
        for name, (n, row, word) in self._odd.items():
            what = "1 value is no finite number" if n == 1 else f"{n:,} values are no finite numbers"
            said.append(f"{name}: {what}, read as missing; first in row {row}: {word!r}")
        names = self._names or []
        unknown = [name for name in names if name not in self._known]
        if unknown:
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            said.append(f"columns that the model does not know were left out: {', '.join(unknown[:5])}{more}")
        return said + self._of_times(names) + self._of_entities()

    def _of_times(self, names: list[str]) -> list[str]:
        if self._time is not None and self._unzoned:
            return ["times without a zone are read as UTC, as those that were learnt have one"]
        if not self._timeless or self._time is None:
            return []
        name = self._time.name
        found = f"not one time in column {name!r} can be read" if name in names else f"there is no time column {name!r}"
        return [f"{found}, so alarms are not grouped in time"]

    def _of_entities(self) -> list[str]:
        if not self._strangers:
            return []
        named = ", ".join(map(repr, list(self._strangers)[:_MOST_NAMED]))
        more = f" and {len(self._strangers) - _MOST_NAMED:,} more" if len(self._strangers) > _MOST_NAMED else ""
        one = len(self._strangers) == 1
        return [
            f"{self._entity} {named}{more}, of which too little was learnt, {'is' if one else 'are'} compared with all"
        ]
