"""What a step costs: processor time, and memory at its peak where the system tells."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "measured"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


@dataclass(slots=True)
class Cost:
    """Of one step.

    Attributes
    ----------
    seconds
        CPU time of this process, all threads together.
    peak_bytes
        Memory at the highest, beyond what was held before; NaN where the system does not tell (Linux does).
    """

    seconds: float = 0.0
    peak_bytes: float = float("nan")


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block.

    Examples
    --------
    >>> with measured() as cost:
    ...     total = sum(range(100_000))
    >>> cost.seconds >= 0
    True
    """
    cost, before = Cost(), _held(reset=True)
    start = time.process_time()
    yield cost
    cost.seconds = time.process_time() - start
    cost.peak_bytes = max(_peak() - before, 0.0) if before == before else before


def _held(*, reset: bool) -> float:
    """Bytes held now, NaN where unknown; with `reset` the peak begins anew."""
    try:
        if reset:
            _RESET.write_text(_FORGET_PEAK)
    except OSError:
        return float("nan")
    return _line("VmRSS")


def _peak() -> float:
    return _line("VmHWM")


def _line(name: str) -> float:
    found = re.search(rf"{name}:\s*(\d+) kB", _STATUS.read_text()) if _STATUS.exists() else None
    return float(found[1]) * 1024 if found else float("nan")
