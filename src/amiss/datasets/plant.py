"""A pumping station: several pumps, correlated channels, a daily rhythm, and planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.summary import Vector

__all__ = ["CHANNELS", "FAULTS", "Fault", "Plant", "make_plant", "pump_columns"]

CHANNELS = ("flow_m3h", "pressure_bar", "motor_current_a", "bearing_temp_c", "vibration_mms")
_START = np.datetime64("2026-03-02T00:00:00", "us")
_NOTES = (
    "shift handover, all quiet",
    "filter cleaned",
    "visual check done, no findings",
    "oil level topped up",
)
_MISSING_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault.

    Attributes
    ----------
    kind
        In the field's terms: spike, stuck, level_shift, drift, contextual, broken_relation, dropout, rare_category.
    pump
        Whose rows it touches.
    columns
        The columns that it changes.
    rows : (n_rows,)
        Positions of the rows that it changes.
    start, end
        Times of the first and the last of them.
    """

    kind: str
    pump: str
    columns: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    start: np.datetime64
    end: np.datetime64


@dataclass(frozen=True, slots=True)
class Plant:
    """The rows, in order of time, and what was planted in them."""

    frame: Frame
    faults: tuple[Fault, ...]

    @property
    def is_fault(self) -> npt.NDArray[np.bool_]:
        """Whether a row was touched by a fault: (n_rows,)."""
        touched = np.zeros(self.frame.n_rows, bool)
        for fault in self.faults:
            touched[fault.rows] = True
        return touched


Columns = dict[str, npt.NDArray[np.generic]]
Change = Callable[[Columns, slice, np.random.Generator], None]


def make_plant(*, n_pumps: int = 4, n_days: int = 21, interval_minutes: int = 10, seed: int = 0) -> Plant:
    """Make the history of a pumping station.

    Each pump has its own level. Demand has a daily rhythm and weekends; pressure falls with flow, the motor's current
    follows both, the bearing's temperature follows the current with a lag, vibration follows flow. One row a pump and
    interval; `mode` is a category, `note` a seldom text; 0.2 % of the values are missing.

    Parameters
    ----------
    n_pumps
        Number of pumps, at least 1.
    n_days
        Length in days, at least 7, so that all faults have room.
    interval_minutes
        Minutes between two rows of a pump.
    seed
        Equal seeds give equal plants.

    Examples
    --------
    >>> from amiss.datasets import make_plant
    >>> plant = make_plant(seed=1)
    >>> plant.frame.n_rows, sorted({fault.kind for fault in plant.faults})[:3]
    (12096, ['broken_relation', 'contextual', 'drift'])
    """
    if n_pumps < 1 or n_days < 7:
        raise ValueError("a plant needs at least 1 pump and 7 days")
    random = np.random.default_rng(seed)
    n_steps = n_days * 24 * 60 // interval_minutes
    pumps = [pump_columns(n_steps, interval_minutes, random) for _ in range(n_pumps)]
    planted: list[tuple[str, int, tuple[str, ...], slice]] = []
    for number, (kind, (columns, hours, change)) in enumerate(FAULTS.items()):
        pump = number % n_pumps
        length = max(1, round(hours * 60 / interval_minutes))
        # Each fault has a stretch of its own, the first tenth of the history is left alone.
        room = n_steps * 9 // 10 // len(FAULTS)
        begin = n_steps // 10 + number * room + int(random.integers(0, max(1, room - length)))
        if kind in _HOURS:
            begin = begin - begin % (24 * 60 // interval_minutes) + _HOURS[kind] * 60 // interval_minutes
        where = slice(begin, min(begin + length, n_steps))
        change(pumps[pump], where, random)
        planted.append((kind, pump, columns, where))
    frame = _interleave(pumps, n_steps, interval_minutes)
    stamps = _START + np.arange(n_steps) * np.timedelta64(interval_minutes * 60_000_000, "us")
    faults = tuple(
        Fault(
            kind,
            f"P{pump + 1}",
            columns,
            np.arange(where.start, where.stop) * n_pumps + pump,
            stamps[where.start],
            stamps[where.stop - 1],
        )
        for kind, pump, columns, where in planted
    )
    return Plant(frame, faults)


def pump_columns(n_steps: int, interval_minutes: int, random: np.random.Generator) -> Columns:
    """Readings of one pump without a fault, by column."""
    hour = np.arange(n_steps) * interval_minutes / 60
    weekend = (hour // 24 + _START.astype("datetime64[D]").astype(int) + 3) % 7 >= 5
    rhythm = 0.55 + 0.3 * np.sin((hour - 8) * np.pi / 12) + 0.12 * np.sin((hour - 5) * np.pi / 6)
    demand = np.maximum(rhythm * np.where(weekend, 0.8, 1.0), 0.15)
    demand = demand + _smooth(random.normal(0, 0.12, n_steps), 12)
    size, wear = random.uniform(0.8, 1.3), random.uniform(0.9, 1.15)
    flow = 100 * size * demand + random.normal(0, 1.2, n_steps)
    pressure = 6.2 - 1.6 * demand**2 + random.normal(0, 0.03, n_steps)
    current = 4 + 0.09 * flow * pressure * wear / size + random.normal(0, 0.35, n_steps)
    ambient = 18 + 4 * np.sin((hour - 9) * np.pi / 12) + _smooth(random.normal(0, 3, n_steps), 144)
    temperature = ambient + 0.55 * _smooth(current, 9) + random.normal(0, 0.25, n_steps)
    vibration = wear * (0.9 + 0.012 * flow) * np.exp(random.normal(0, 0.06, n_steps))
    columns: Columns = dict(zip(CHANNELS, (flow, pressure, current, temperature, vibration), strict=True))
    columns["mode"] = np.where(_smooth(random.normal(0, 1, n_steps), 60) > 0.22, "manual", "auto").astype(object)
    columns["note"] = np.full(n_steps, None, object)
    noted = random.choice(n_steps, n_steps // 150, replace=False)
    columns["note"][noted] = random.choice(np.array(_NOTES, object), len(noted))
    for name in CHANNELS:
        columns[name][random.random(n_steps) < _MISSING_SHARE] = np.nan
    return columns


def _smooth(values: Vector, window: int) -> Vector:
    padded = np.concatenate([np.repeat(values[:1], window - 1), values])
    smoothed: Vector = np.convolve(padded, np.ones(window) / window, mode="valid")
    return smoothed


def _interleave(pumps: list[Columns], n_steps: int, interval_minutes: int) -> Frame:
    n_pumps = len(pumps)
    stamps = _START + np.arange(n_steps) * np.timedelta64(interval_minutes * 60_000_000, "us")
    columns: dict[str, object] = {"time": np.repeat(stamps, n_pumps)}
    columns["pump"] = [f"P{k + 1}" for k in range(n_pumps)] * n_steps
    for name in pumps[0]:
        values = np.stack([pump[name] for pump in pumps], axis=1).reshape(-1)
        digits = 3 if name == "pressure_bar" else 2
        columns[name] = np.round(values.astype(float), digits) if name in CHANNELS else values.tolist()
    return Frame.of(columns)


# The faults -------------------------------------------------------------------------------------------


def _spike(columns: Columns, where: slice, random: np.random.Generator) -> None:
    columns["pressure_bar"][where] = columns["pressure_bar"][where] + 3.5  # type: ignore[operator]


def _stuck(columns: Columns, where: slice, random: np.random.Generator) -> None:
    columns["flow_m3h"][where] = columns["flow_m3h"][where.start]


def _level_shift(columns: Columns, where: slice, random: np.random.Generator) -> None:
    # A leak behind the pump: more flow at less pressure.
    columns["flow_m3h"][where] = columns["flow_m3h"][where] * 1.45  # type: ignore[operator]
    columns["pressure_bar"][where] = columns["pressure_bar"][where] - 1.3  # type: ignore[operator]


def _drift(columns: Columns, where: slice, random: np.random.Generator) -> None:
    # A bearing that wears out.
    ramp = np.linspace(0, 1, where.stop - where.start)
    columns["vibration_mms"][where] = columns["vibration_mms"][where] * (1 + 1.6 * ramp)  # type: ignore[operator]
    columns["bearing_temp_c"][where] = columns["bearing_temp_c"][where] + 22 * ramp  # type: ignore[operator]


def _contextual(columns: Columns, where: slice, random: np.random.Generator) -> None:
    # Full demand in the small hours: each value is usual, the hour is not.
    n = where.stop - where.start
    flow = 95 + random.normal(0, 1.2, n)
    columns["flow_m3h"][where] = flow
    columns["pressure_bar"][where] = 5.1 + random.normal(0, 0.03, n)
    columns["motor_current_a"][where] = 4 + 0.09 * flow * 5.1 + random.normal(0, 0.35, n)


def _broken_relation(columns: Columns, where: slice, random: np.random.Generator) -> None:
    # A clogged impeller: the motor works, the water does not follow.
    columns["motor_current_a"][where] = columns["motor_current_a"][where] * 1.5  # type: ignore[operator]
    columns["flow_m3h"][where] = columns["flow_m3h"][where] * 0.75  # type: ignore[operator]


def _dropout(columns: Columns, where: slice, random: np.random.Generator) -> None:
    for name in ("bearing_temp_c", "vibration_mms"):
        columns[name][where] = np.nan


def _rare_category(columns: Columns, where: slice, random: np.random.Generator) -> None:
    columns["mode"][where] = "bypass"


FAULTS: dict[str, tuple[tuple[str, ...], float, Change]] = {
    "spike": (("pressure_bar",), 0.4, _spike),
    "level_shift": (("flow_m3h", "pressure_bar"), 4.0, _level_shift),
    "stuck": (("flow_m3h",), 8.0, _stuck),
    "drift": (("vibration_mms", "bearing_temp_c"), 10.0, _drift),
    "broken_relation": (("motor_current_a", "flow_m3h"), 3.0, _broken_relation),
    "contextual": (("flow_m3h", "pressure_bar", "motor_current_a"), 2.0, _contextual),
    "dropout": (("bearing_temp_c", "vibration_mms"), 2.0, _dropout),
    "rare_category": (("mode",), 1.0, _rare_category),
}
"""By kind: the columns that a fault changes, how many hours it lasts, and how it changes them."""

_HOURS = {"contextual": 2, "broken_relation": 10}
"""Hour of the day at which a fault begins, where that matters."""
