"""Records as a watch would write them."""

from __future__ import annotations

import numpy as np

from amiss.core.notification import Notification
from amiss.store.records import EventRecord, HistoryBatch, SilenceRecord

T0 = 1_700_000_000.0


def event(i: int = 0, **changed) -> EventRecord:
    told = {
        "id": f"event-{i}",
        "source": "mqtt://plant/#",
        "entity": f"pump-{i % 7}",
        "kind": "spike",
        "severity": "warning",
        "opened": T0 + i,
        "updated": T0 + i + 5,
        "score": 3.5 + i,
        "p_value": 1e-5,
        "reason": "temp is 91.2, usually 60 to 70",
        "fingerprint": f"fingerprint-{i % 7}",
        "body": {"channels": [{"column": "temp", "value": 91.2, "low": None}], "n": i},
    }
    return EventRecord(**(told | changed))


def notification(i: int = 0, **changed) -> Notification:
    told = {
        "id": f"notification-{i}",
        "fingerprint": f"fingerprint-{i}",
        "action": "trigger",
        "severity": "warning",
        "title": "pump-1: spike in temp",
        "reason": "temp is 91.2, usually 60 to 70",
        "source": "mqtt://plant/#",
        "entity": "pump-1",
        "kind": "spike",
        "started": "2023-11-14T22:13:20Z",
        "measures": {"temp": "91.2, usually 60 to 70"},
        "entities": ("pump-1",),
    }
    return Notification(**(told | changed))


def silence(i: int = 0, **changed) -> SilenceRecord:
    told = {"id": f"silence-{i}", "author": "kim", "reason": "service", "starts": T0, "ends": T0 + 3600, "created": T0}
    return SilenceRecord(**(told | changed))


def batch(
    n: int = 240, *, first: float = T0, step: float = 1.0, entities=("pump-0", "pump-1"), seed: int = 0, **changed
):
    """Rows of some entities in turn; each 50th is an anomaly."""
    chance = np.random.default_rng(seed)
    told = {
        "source": "mqtt://plant/#",
        "columns": ("temp", "flow"),
        "entities": [entities[i % len(entities)] for i in range(n)],
        "times": first + step * np.arange(n),
        "scores": chance.exponential(size=n),
        "p_values": chance.uniform(size=n),
        "is_anomaly": np.arange(n) % 50 == 7,
        "values": chance.normal(size=(n, 2)),
    }
    return HistoryBatch(**(told | changed))
