"""Answers as JSON: numbers that JSON does not have are null."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from starlette.responses import Response

__all__ = ["answer", "as_json", "csv_answer", "harmless"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Structures, lists and dictionaries as JSON; NaN and infinite numbers as null."""
    return Response(as_json(value), status_code=status, headers=headers, media_type="application/json")


def as_json(value: Any) -> bytes:
    """The same as bytes."""
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A table to be saved as `name`; no cell of text is taken for a formula by a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(each) for each in header])
    writer.writerows([harmless(each) for each in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def harmless(value: Any) -> Any:
    """A cell as it may stand in a spreadsheet: text that begins as a formula does gets a quote before it.

    Examples
    --------
    >>> from amiss.server.answers import harmless
    >>> harmless("=1+1"), harmless(-2.5), harmless("pump")
    ("'=1+1", -2.5, 'pump')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
