"""Columns that hold network addresses: whoever learns from them learns who it was, and not what was done."""

from __future__ import annotations

import ipaddress
import re

from amiss.core.schema import ColumnSchema
from amiss.summaries.table import TableSummary

__all__ = ["without_addresses"]

_ENDS = re.compile(
    r"^(id[._ ])?(src|dst|source|dest|destination|orig|originator|resp|responder|client|server)"
    r"[._ ]?(ip|addr|address|h)$",
    re.IGNORECASE,
)
_NOTE = "network addresses; left out, so that what is learnt holds for other hosts (roles overrule this)"
_MOSTLY = 0.95


def without_addresses(columns: list[ColumnSchema], summary: TableSummary, asked: set[str]) -> list[ColumnSchema]:
    """The columns, those of network addresses left out but where they are `asked` for.

    Addresses are known by what the words are; written as numbers, by the names of two such columns, source and
    destination.
    """
    ends = [c.name for c in columns if _ENDS.match(c.name.strip())]
    return [
        _left_out(column)
        if column.name not in asked and column.role in ("category", "number") and _holds(column, ends, summary)
        else column
        for column in columns
    ]


def _holds(column: ColumnSchema, ends: list[str], summary: TableSummary) -> bool:
    if column.role == "number":
        return len(ends) > 1 and column.name in ends
    counts = summary.sample.counts(column.name)
    # A list of words with few addresses among them is found out soon: most are looked at only where the first are such.
    if not all(_is_address(word) for word in list(counts)[:3]):
        return False
    return sum(n for word, n in counts.items() if _is_address(word)) >= _MOSTLY * sum(counts.values())


def _left_out(column: ColumnSchema) -> ColumnSchema:
    return ColumnSchema(name=column.name, role="ignored", note=_NOTE, missing=column.missing)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
