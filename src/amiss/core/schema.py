"""Schema: what each column is, and what was done with it."""

from __future__ import annotations

import msgspec

__all__ = ["ADDED_COLUMNS", "PROBABILITY", "ROLES", "ColumnSchema", "Schema"]

ROLES = (
    "number",
    "category",
    "time",
    "entity",
    "identifier",
    "text",
    "label",
    "constant",
    "empty",
    "ignored",
)
"""number and category are ranked; the others stand beside the features or are left out."""

ADDED_COLUMNS = ("anomaly_score", "p_value", "is_anomaly", "reason")
"""Columns of a scored table that stand beside its own."""

PROBABILITY = "probability"
"""One more of them, where the model has learnt from labels."""


class ColumnSchema(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    Attributes
    ----------
    name
        As in the data.
    role
        One of `ROLES`.
    note
        What was found and done, in words.
    missing
        Share of the rows without a value, in [0, 1].
    reading
        How text is read: a key of `core.written.NUMBER_NOTES`, or the pattern of a time.
    decimals
        Digits after the point that the column's values carry, for printing.
    lowest, highest
        Extreme numbers of a column of role number; None for others, and in files of earlier versions.
    zoned
        Of a column of times: whether they have a zone or are counted since 1970, so that they are known in UTC.
        Otherwise they are local times of a zone that nothing says.
    """

    name: str
    role: str
    note: str = ""
    missing: float = 0.0
    reading: str = ""
    decimals: int = 0
    lowest: float | None = None
    highest: float | None = None
    zoned: bool = False

    def within(self, low: float, high: float) -> tuple[float, float]:
        """A range cut to what the column can be, as far as its numbers say.

        Where none was negative, nothing below the lowest of them is expected; where none was positive, nothing above
        the highest.

        Examples
        --------
        >>> from amiss.core.schema import ColumnSchema
        >>> ColumnSchema(name="count", role="number", lowest=0, highest=40).within(-3, 13)
        (0, 13)
        """
        floor, ceiling = self.bounds
        if floor is not None:
            return max(low, floor), max(high, floor)
        if ceiling is not None:
            return min(low, ceiling), min(high, ceiling)
        return low, high

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The least and the greatest that `within` leaves, None for any."""
        if self.lowest is not None and self.lowest >= 0:
            return self.lowest, None
        return None, self.highest if self.highest is not None and self.highest <= 0 else None


class Schema(msgspec.Struct, frozen=True):
    """All columns, in order."""

    columns: tuple[ColumnSchema, ...]

    def named(self, *roles: str) -> list[str]:
        """Names of the columns that have one of `roles`."""
        return [column.name for column in self.columns if column.role in roles]

    def first(self, role: str) -> str | None:
        """Name of the first column with this role."""
        return next(iter(self.named(role)), None)

    @property
    def zoned(self) -> bool:
        """Whether its times are known in UTC; False where it has none."""
        return any(column.zoned for column in self.columns if column.role == "time")
