"""Text and JSON that every database takes, and that come back as they went."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import numpy as np

__all__ = ["clean_text", "from_json", "to_json"]

_ODD = re.compile("[\x00\ud800-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")
_MARK = "$number"
_LARGEST = 2**63


def clean_text(text: str) -> str:
    """Text without what PostgreSQL or UTF-8 refuses: ␀ stands for the character zero, � for half a character."""
    return _ODD.sub(lambda found: "␀" if found[0] == "\x00" else "\ufffd", text) if _ODD.search(text) else text


def to_json(value: Any) -> str:
    """Valid JSON of dictionaries, lists, words, numbers and records, also of the numbers that JSON does not have.

    Infinite numbers, NaN and whole numbers beyond 64 bits become `{"$number": "inf"}` and the like, which `from_json`
    reads. The character zero is kept, as an escape; half a character becomes �.

    Examples
    --------
    >>> from amiss.store.json_text import from_json, to_json
    >>> to_json({"score": float("inf"), "usual": 2.5})
    '{"score":{"$number":"inf"},"usual":2.5}'
    >>> from_json(_)
    {'score': inf, 'usual': 2.5}
    """
    try:
        text = msgspec.json.encode(value, enc_hook=_plain).decode()
    except (OverflowError, UnicodeEncodeError):
        text = None
    # A number that JSON does not have is written as null, so where there is no null there is no such number.
    if text is None or "null" in text:
        return msgspec.json.encode(_marked(msgspec.to_builtins(value, enc_hook=_plain))).decode()
    return text


def from_json(text: str) -> Any:
    """What `to_json` wrote, as dictionaries, lists, words and numbers."""
    value = msgspec.json.decode(text)
    return _unmarked(value) if _MARK in text else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be kept: dictionaries, lists, words, numbers and records can")


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_marked(key): _marked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(item) for item in value]
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, float) and not math.isfinite(value):
        return {_MARK: str(value)}
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < _LARGEST:
        return {_MARK: str(value)}
    return value


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(word := value.get(_MARK), str):
            return float(word) if word in {"inf", "-inf", "nan"} else int(word)
        return {key: _unmarked(item) for key, item in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value
