"""The pumping station as it runs: readings without end, with faults now and then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.datasets.plant import CHANNELS, FAULTS, pump_columns

__all__ = ["PlantStream", "StreamFault"]

_INTERVAL_MINUTES = 10
_SHOWN = ("spike", "level_shift", "stuck", "drift", "broken_relation", "dropout")
"""What shows in the numbers of a stream."""
_MOST_STEPS = 24
_DIGITS = {"pressure_bar": 3}


@dataclass(frozen=True, slots=True)
class StreamFault:
    """One planted fault.

    Attributes
    ----------
    kind
        As in `Fault.kind`.
    pump
        Whose readings it changes.
    start, end
        The first step that it touches, and the first that it does not.
    """

    kind: str
    pump: str
    start: int
    end: int


class PlantStream:
    """Readings of several pumps step by step; after the last step it begins anew.

    Parameters
    ----------
    n_pumps
        Number of pumps, at least 1.
    n_steps
        Steps until it begins anew, each of ten minutes of the plant's own time.
    quiet_steps
        So many steps at the beginning have no fault.
    steps_between_faults
        On average, above 0.
    seed
        Equal seeds give equal streams.

    Attributes
    ----------
    faults
        What is planted, in order of time.

    Examples
    --------
    >>> from amiss.datasets.plant_stream import PlantStream
    >>> stream = PlantStream(n_pumps=2, n_steps=1000, quiet_steps=500, seed=1)
    >>> [row["pump"] for row in stream.rows(0)], min(fault.start for fault in stream.faults) >= 500
    (['P1', 'P2'], True)
    """

    def __init__(
        self, *, n_pumps: int = 6, n_steps: int = 8_640, quiet_steps: int = 2_016, steps_between_faults: float = 8.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        random = np.random.default_rng(seed)
        self.n_steps = n_steps
        self._pumps = [pump_columns(n_steps, _INTERVAL_MINUTES, random) for _ in range(n_pumps)]
        self.faults: list[StreamFault] = []
        free, step = [quiet_steps] * n_pumps, quiet_steps
        while True:
            step += 1 + int(random.exponential(steps_between_faults))
            pump, kind = int(random.integers(n_pumps)), str(random.choice(_SHOWN))
            _, hours, change = FAULTS[kind]
            end = step + min(max(1, round(hours * 60 / _INTERVAL_MINUTES)), _MOST_STEPS)
            if end >= n_steps:
                break
            if free[pump] > step:
                continue
            change(self._pumps[pump], slice(step, end), random)
            free[pump] = end + _MOST_STEPS
            self.faults.append(StreamFault(kind, f"P{pump + 1}", step, end))

    def rows(self, step: int) -> list[dict[str, Any]]:
        """The readings of all pumps at a step, without a time; a reading that is missing is left out."""
        at = step % self.n_steps
        rows = []
        for k, columns in enumerate(self._pumps):
            values = {name: float(columns[name][at]) for name in CHANNELS}
            shown = {name: round(value, _DIGITS.get(name, 2)) for name, value in values.items() if value == value}
            rows.append({"pump": f"P{k + 1}", **shown})
        return rows
