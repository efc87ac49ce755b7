"""Events as other systems take them: Elastic Common Schema, Common Event Format, syslog."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from amiss import __version__
from amiss.core.finding import Event
from amiss.core.one_line import cef_field, cef_head
from amiss.report.moments import seconds_of

__all__ = ["cef_line", "ecs_document", "event_id", "severity_of", "syslog_line"]

_ECS_VERSION = "8.11.0"
_FACILITY = 13
"""Of syslog: log audit."""
_EMERGENCIES = ((0.8, 2), (0.5, 4), (0.0, 5))
"""From which severity on an event is critical, a warning, a notice, in syslog's numbers."""


def severity_of(event: Event) -> float:
    """How grave an event is, in [0, 1]: its score in network traffic, elsewhere by its p-value, 1e-10 the gravest."""
    if event.evidence is not None:
        return min(max(event.score, 0.0), 1.0)
    p = event.p_value if event.p_value is not None else 1.0
    return min(max(-math.log10(max(p, 1e-10)) / 10.0, 0.0), 1.0)


def event_id(event: Event, data: str) -> str:
    """The same for the same event whenever the same data are looked at: 16 letters."""
    parts = (data, event.entity, event.kind, event.start, event.first_row)
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]


def ecs_document(event: Event, data: str) -> dict[str, Any]:
    """An event in the Elastic Common Schema.

    Parameters
    ----------
    event
        The event.
    data
        Name of the data it was found in.

    Examples
    --------
    >>> from amiss.core.finding import Event
    >>> from amiss.report.alerts import ecs_document
    >>> event = Event(first_row=3, last_row=5, peak_row=4, n_alarms=3, start="2026-03-02T00:03:00Z",
    ...               end="2026-03-02T00:05:00Z", entity="pump-3", score=4.2, p_value=0.001, kind="spike",
    ...               reason="high")
    >>> document = ecs_document(event, "plant.csv")
    >>> document["@timestamp"], document["event"]["action"], document["event"]["severity"]
    ('2026-03-02T00:03:00Z', 'spike', 30)
    """
    severity = round(100 * severity_of(event))
    document: dict[str, Any] = {
        "@timestamp": event.start or _now(),
        "ecs": {"version": _ECS_VERSION},
        "message": event.reason,
        "event": {
            "id": event_id(event, data), "kind": "alert", "module": "amiss", "dataset": "amiss.events",
            "provider": "amiss", "action": event.kind or "anomaly", "severity": severity, "risk_score": float(severity),
            "reason": event.reason,
        },
        "observer": {"vendor": "amiss", "product": "amiss", "version": __version__},
        "rule": {"name": event.kind or "anomaly"},
        "amiss": {
            "data": data, "score": event.score, "p_value": event.p_value, "n_alarms": event.n_alarms,
            "first_row": event.first_row, "last_row": event.last_row,
            "channels": [channel.column for channel in event.channels],
        },
    }  # fmt: skip
    for name, moment in (("start", event.start), ("end", event.end)):
        if moment is not None:
            document["event"][name] = moment
    if event.entity is not None:
        document["host"] = {"ip": [event.entity]} if _is_ip(event.entity) else {"name": event.entity}
    if event.evidence is not None:
        document |= _ecs_of_network(event, document)
    return document


def _ecs_of_network(event: Event, document: dict[str, Any]) -> dict[str, Any]:
    evidence = event.evidence
    assert evidence is not None
    known = [word for word in (event.entity or "", *evidence.peers) if _is_ip(word)]
    found: dict[str, Any] = {
        "event": document["event"] | {"category": ["network", "intrusion_detection"], "type": ["info"]},
        "related": {"ip": list(dict.fromkeys(known))},
        "amiss": document["amiss"] | {
            "n_flows": evidence.n_flows, "n_peers": evidence.n_peers, "display_filter": evidence.display_filter,
            "capture_filter": evidence.capture_filter,
            "measures": [{"name": m.name, "value": m.value, "unit": m.unit, "typical": m.typical}
                         for m in evidence.measures if math.isfinite(m.value)],
        },
    }  # fmt: skip
    if event.entity is not None and _is_ip(event.entity):
        found["source"] = {"ip": event.entity}
    if evidence.n_peers == 1 and _is_ip(evidence.peers[0]):
        found["destination"] = {"ip": evidence.peers[0]}
    if evidence.technique:
        found["threat"] = {"framework": "MITRE ATT&CK", "technique": {"id": [evidence.technique]}}
    return found


def cef_line(event: Event, data: str) -> str:
    """An event in the Common Event Format, one line without its end.

    Examples
    --------
    >>> from amiss.core.finding import Event
    >>> from amiss.report.alerts import cef_line
    >>> event = Event(first_row=3, last_row=5, peak_row=4, n_alarms=3, start="2026-03-02T00:03:00Z",
    ...               end=None, entity="pump-3", score=4.2, p_value=0.001, kind="level_shift", reason="a=b")
    >>> cef_line(event, "plant.csv").partition("|3|")[2]
    'externalId=c7abd2fb2cf8078d cnt=3 start=1772409780000 shost=pump-3 msg=a\\\\=b'
    """
    kind = event.kind or "anomaly"
    head = ["CEF:0", "amiss", "amiss", __version__, kind, kind.replace("_", " "), str(round(10 * severity_of(event)))]
    fields: list[tuple[str, Any]] = [("externalId", event_id(event, data)), ("cnt", event.n_alarms)]
    for name, moment in (("start", event.start), ("end", event.end)):
        seconds = seconds_of(moment)
        fields += [(name, round(seconds * 1000))] if seconds is not None else []
    if event.entity is not None:
        fields.append(("src" if _is_v4(event.entity) else "c6a2" if _is_ip(event.entity) else "shost", event.entity))
        fields += [("c6a2Label", "Source IPv6 Address")] if fields[-1][0] == "c6a2" else []
    if event.evidence is not None:
        if event.evidence.n_peers == 1 and _is_v4(event.evidence.peers[0]):
            fields.append(("dst", event.evidence.peers[0]))
        if event.evidence.technique:
            fields += [("cs1Label", "ATT&CK technique"), ("cs1", event.evidence.technique)]
        fields += [("cs2Label", "display filter"), ("cs2", event.evidence.display_filter)]
    fields.append(("msg", event.reason))
    return "|".join([*map(cef_head, head), _joined(fields)])


def syslog_line(event: Event, data: str, host: str | None = None) -> str:
    """An event as a message of syslog (RFC 5424) that carries it in the Common Event Format.

    Parameters
    ----------
    host
        Name of the sending machine; by default its own.
    """
    severity = severity_of(event)
    level = next(number for least, number in _EMERGENCIES if severity >= least)
    sender = (host or socket.gethostname() or "-").replace(" ", "-")[:255]
    moment = event.end or event.start or _now()
    stamp = moment if moment.endswith("Z") else "-"
    return f"<{8 * _FACILITY + level}>1 {stamp} {sender} amiss - {event.kind or 'anomaly'} - {cef_line(event, data)}"


def _joined(fields: Iterable[tuple[str, Any]]) -> str:
    return " ".join(f"{name}={cef_field(str(value))}" for name, value in fields)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _is_ip(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def _is_v4(word: str) -> bool:
    return _is_ip(word) and "." in word and ":" not in word
