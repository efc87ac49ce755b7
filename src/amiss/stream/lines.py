"""Records that are lines: InfluxDB's line protocol, and CSV."""

from __future__ import annotations

import csv
import re
from typing import Any

__all__ = ["CsvLines", "LineError", "line_protocol"]

Row = dict[str, Any]

_LINE = re.compile(rb"[A-Za-z_][^\s,]*(,[^\s=]+=[^\s]*)* \S.*=.")
_UNESCAPED_COMMA, _UNESCAPED_SPACE = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\) ")
_ESCAPED = re.compile(r"\\([,= \"\\])")
_FIELD = re.compile(r'((?:\\.|[^=,\\])+)=("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_SPACE_OUTSIDE = re.compile(r' (?=(?:[^"]*"[^"]*")*[^"]*$)')
_MOST_LINES = 100_000
_TRUE, _FALSE = ("t", "true"), ("f", "false")


class LineError(ValueError):
    """A record cannot be read; its text says why, in words that are the same for all of its kind."""


def line_protocol(body: bytes) -> list[Row] | None:
    """Rows of InfluxDB's line protocol, tags and fields beside one another, the time as `time`; None if it is none.

    Raises
    ------
    LineError
        One of the lines breaks the rules.
    """
    if _LINE.match(body) is None:
        return None
    lines = body.splitlines()
    if len(lines) > _MOST_LINES:
        raise LineError(f"more than {_MOST_LINES:,} rows in one message")
    try:
        return [_point(line.decode()) for line in lines if line.strip() and not line.startswith(b"#")]
    except (ValueError, UnicodeDecodeError) as error:
        raise LineError("no line of the line protocol") from error


def _point(line: str) -> Row:
    series, _, rest = _split_first(line, _UNESCAPED_SPACE)
    name, *tags = _UNESCAPED_COMMA.split(series)
    row: Row = {"measurement": _plain(name)}
    for tag in tags:
        key, equals, value = tag.partition("=")
        if not equals:
            raise ValueError(tag)
        row[_plain(key)] = _plain(value)
    parts = _SPACE_OUTSIDE.split(rest.strip())
    # A space inside a field's name is escaped, so that the last part after one that is not is the time.
    fields, stamp = (" ".join(parts[:-1]), parts[-1]) if len(parts) > 1 and parts[-1].lstrip("-").isdigit() else (
        rest.strip(), "")  # fmt: skip
    found = list(_FIELD.finditer(fields))
    if not found or sum(len(m.group(0)) for m in found) != len(fields):
        raise ValueError(line)
    for match in found:
        row[_plain(match.group(1))] = _value(match.group(2))
    if stamp:
        row["time"] = int(stamp)
    return row


def _split_first(text: str, at: re.Pattern[str]) -> tuple[str, str, str]:
    match = at.search(text)
    if match is None:
        raise ValueError(text)
    return text[: match.start()], match.group(0), text[match.end() :]


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _value(text: str) -> float | str | bool:
    if text.startswith('"'):
        return _plain(text[1:-1])
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    return float(text[:-1] if text[-1:] in ("i", "u") else text)


class CsvLines:
    """Lines of CSV, by topic: the first line of each names the columns.

    Attributes
    ----------
    headers
        Names of the columns, by topic.
    """

    def __init__(self) -> None:
        self.headers: dict[str, list[str]] = {}

    def rows(self, topic: str, body: bytes) -> list[Row]:
        """Rows of some lines; none for a line of names.

        Raises
        ------
        LineError
            A line is no CSV, or has more cells than there are names.
        """
        try:
            lines = list(csv.reader(body.decode("utf-8-sig").splitlines(), strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise LineError("neither JSON, nor line protocol, nor CSV") from error
        if topic not in self.headers:
            first = lines.pop(0)
            named = len(first) > 1 and all(cell.strip() and not _is_number(cell) for cell in first)
            if not named:
                raise LineError("neither JSON, nor line protocol, nor CSV under a line of names")
            self.headers[topic] = [cell.strip() for cell in first]
        names = self.headers[topic]
        if any(len(cells) != len(names) for cells in lines):
            raise LineError("a line of CSV with more or fewer cells than names")
        # The names come again where a file was begun anew.
        return [dict(zip(names, map(_cell, cells), strict=True)) for cells in lines if cells != names]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cell(text: str) -> float | str | None:
    text = text.strip()
    if not text:
        return None
    return float(text) if _is_number(text) else text
