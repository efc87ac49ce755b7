"""JSON lines as objects, those that are none counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.io.logs.lines import Log

__all__ = ["Objects", "number", "stamp", "text"]

_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Objects:
    """Some consecutive objects of a file, and the numbers of their lines."""

    rows: list[dict[str, Any]]
    numbers: npt.NDArray[np.int64]

    @classmethod
    def of(cls, log: Log) -> Iterator[Objects]:
        """All of a log, some thousands at a time."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        for first, block in log.blocks():
            lines = block.split(b"\n")
            for at in range(0, len(lines), _AT_ONCE):
                rows, numbers = [], []
                for i, line in enumerate(lines[at : at + _AT_ONCE], first + at):
                    try:
                        rows.append(decode(line))
                        numbers.append(i)
                    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
                        if line.strip():
                            log.harmed("no JSON object", i)
                if rows:
                    yield cls(rows, np.array(numbers, np.int64))


def number(value: object) -> float | None:
    """A number that stands as one; None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # A whole number of any length may stand in JSON.
        return float(value) if abs(value) < 1e300 else None
    return None


def text(value: object) -> str | None:
    """A word, or several of a list with commas between them; None for anything else."""
    if isinstance(value, list):
        value = ",".join(word for word in value if isinstance(word, str))
    return value if isinstance(value, str) and value else None


def stamp(value: object) -> float | None:
    """Seconds since 1970 UTC, from a number or a stamp of ISO 8601; one without a zone is taken for UTC."""
    if not isinstance(value, str):
        return number(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None
