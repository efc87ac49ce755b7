"""Events and verdicts as a watch and a person would make them."""

from __future__ import annotations

import numpy as np

from amiss.store.records import EventRecord

T0 = 1_700_000_000.0
NOW = T0 + 1e8


def event(i: int = 0, *, column: str = "temp", value: float = 97.0, **changed) -> EventRecord:
    told = {
        "id": f"e{i:05d}",
        "source": "mqtt://plant/#",
        "entity": "pump-1",
        "kind": "spike",
        "opened": T0 + 3600.0 * i,
        "updated": T0 + 3600.0 * i + 60,
        "p_value": 1e-6,
        "score": 5.0,
        "fingerprint": "f",
        "body": {"values": {column: value}, "usual": {column: "20 to 60"}},
    }
    return EventRecord(**(told | changed))


def mixed_events(n: int, seed: int = 0) -> list[EventRecord]:
    random = np.random.default_rng(seed)
    return [
        event(
            i,
            column=f"channel-{random.integers(4)}",
            value=float(random.choice([0.0, 97.0])),
            entity=f"pump-{random.integers(5)}",
            kind=str(random.choice(["spike", "level_shift", "stuck"])),
            p_value=float(10 ** -random.uniform(2, 9)),
        )
        for i in range(n)
    ]
