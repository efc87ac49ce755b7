"""What has to be said about data that were scored."""

from __future__ import annotations

from collections.abc import Mapping

from amiss.core.frame import Frame
from amiss.core.schema import Schema

__all__ = ["Remarks"]


class Remarks:
    """Gathers, batch by batch, where the data are not what the schema says."""

    def __init__(self, schema: Schema) -> None:
        self._known = {column.name: column.role for column in schema.columns}
        self._odd: dict[str, tuple[int, int, str]] = {}
        self._names: list[str] | None = None

    def take(self, frame: Frame, odd: Mapping[str, tuple[int, int, str]]) -> None:
        """Take up a batch: its columns, and its values that should be numbers and are none."""
        self._names = frame.names
        for name, (n, row, word) in odd.items():
            before = self._odd.get(name)
            self._odd[name] = (n, row, word) if before is None else (before[0] + n, before[1], before[2])

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
        gone = [name for name, role in self._known.items() if role == "time" and name not in names]
        return said + [f"there is no time column {name!r}, so alarms are not grouped in time" for name in gone]
