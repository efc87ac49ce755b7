"""Notifications in words that any channel can carry: no ends of lines, no half characters, nothing endless."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from amiss.core.notification import Notification
from amiss.core.one_line import one_line

__all__ = ["as_json", "cut", "key_of", "lines_of", "moment_text", "seconds_of", "tidy"]

_TITLE, _REASON, _WORD = 250, 4000, 500
_MEASURES = 20


def cut(text: str, most: int) -> str:
    """`text`, of at most so many characters; where something is left out it ends in "…".

    Examples
    --------
    >>> from amiss.io.alarms.words import cut
    >>> cut("pressure", 6), cut("heat", 6)
    ('press…', 'heat')
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def tidy(notification: Notification) -> Notification:
    """The same news with each text on one line and cut: title 250, reason 4,000, others 500 characters."""

    def word(text: str, most: int = _WORD) -> str:
        # Cut before and after: what replaces characters must not be run over a whole megabyte.
        return cut(one_line(text[: most + 1]), most)

    told = notification
    measures = list(told.measures.items())[:_MEASURES]
    return msgspec.structs.replace(
        told,
        title=word(told.title, _TITLE),
        reason=word(told.reason, _REASON),
        source=word(told.source),
        entity=None if told.entity is None else word(told.entity),
        kind=word(told.kind),
        started=word(told.started),
        ended=None if told.ended is None else word(told.ended),
        entities=tuple(word(entity) for entity in told.entities[:10]),
        measures={word(name): word(value) for name, value in measures},
        link=word(told.link, 2000),
        fingerprint=key_of(told.fingerprint),
        id=key_of(told.id),
    )


def key_of(text: str, most: int = 128) -> str:
    """`text` where it is plain and short, as ids and fingerprints are; otherwise its SHA-256 in hexadecimal."""
    if 0 < len(text) <= most and all(c.isascii() and (c.isalnum() or c in "-_.:/") for c in text):
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_json(notification: Notification) -> bytes:
    """All fields of tidied news, those that have their usual value too, as a JSON object in UTF-8."""
    fields: dict[str, Any] = {name: getattr(notification, name) for name in notification.__struct_fields__}
    return msgspec.json.encode(fields)


def lines_of(notification: Notification) -> list[tuple[str, str]]:
    """What a person wants to know beside title and reason, as names and values."""
    told = notification
    rows = [("Severity", told.severity), ("Kind", told.kind), ("Source", told.source)]
    if told.entity is not None:
        rows.append(("Entity", told.entity))
    rows.append(("Started", told.started))
    if told.ended is not None:
        rows.append(("Ended", told.ended))
    rows.append(("Alarms", str(told.n_alarms)))
    if told.n_entities > 1:
        more = "" if len(told.entities) >= told.n_entities else ", …"
        rows.append((f"Entities ({told.n_entities})", ", ".join(told.entities) + more))
    rows += list(told.measures.items())
    if told.link:
        rows.append(("Link", told.link))
    return rows


def seconds_of(moment: str | None) -> float | None:
    """Seconds since 1970 of a time in ISO 8601, in UTC where it has no zone; None where it is none."""
    if moment is None:
        return None
    try:
        read = datetime.fromisoformat(moment)
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def moment_text(seconds: float) -> str:
    """A time in ISO 8601, in UTC, to the millisecond.

    Examples
    --------
    >>> from amiss.io.alarms.words import moment_text, seconds_of
    >>> moment_text(1772409600.25), seconds_of("2026-03-02T00:00:00.250Z")
    ('2026-03-02T00:00:00.250Z', 1772409600.25)
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
