"""How findings are put into words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic

__all__ = ["amount", "count", "finding", "listed", "pace", "severity", "span", "usually"]


def count(number: float, word: str, plural: str = "") -> str:
    """A number of things: "1 port", "1,024 ports"."""
    n = round(float(number))
    return f"{n:,} {word if n == 1 else plural or word + 's'}"


def span(seconds: float) -> str:
    """A time in the unit that fits: "0.4 s", "12 s", "5 min", "3.2 h", "2 days"."""
    for limit, size, unit in ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172_800.0, 3600.0, "h")):
        if seconds < limit:
            value = seconds / size
            return f"{value:.2g} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    return f"{seconds / 86_400:,.1f} days"


def amount(size: float) -> str:
    """Bytes in the unit that fits: "310 bytes", "2.1 MB"."""
    if size < 1000:
        return count(size, "byte")
    for factor, unit in ((1e3, "kB"), (1e6, "MB"), (1e9, "GB")):
        if size < 1000 * factor or unit == "GB":
            return f"{size / factor:,.1f} {unit}" if size < 10 * factor else f"{size / factor:,.0f} {unit}"
    raise AssertionError("unreachable")


def listed(words: Iterable[str], most: int = 3) -> str:
    """Words in a row: "a, b and 3 others"."""
    all_words = list(words)
    if len(all_words) > most + 1:
        return f"{', '.join(all_words[:most])} and {len(all_words) - most:,} others"
    if len(all_words) > 1:
        return f"{', '.join(all_words[:-1])} and {all_words[-1]}"
    return all_words[0] if all_words else "nobody"


def usually(highest: float) -> str:
    """What is typical, as an upper end."""
    return f"up to {round(highest):,}" if highest >= 1 else "none"


def pace(seconds: float, n: int) -> Measure:
    """How often something was done that was done so many times within some seconds."""
    return Measure("one every", seconds / max(n - 1, 1), "", "s")


def severity(base: float, strength: float, full: float) -> float:
    """From `base`, where the evidence just suffices, half the way to 1 at ten times that, on a scale of magnitudes.

    `strength` is the evidence, `full` the amount that just suffices, in the same unit.
    """
    magnitudes = np.log10(max(strength / full, 1.0)) if full > 0 else 0.0
    return float(min(base + (1.0 - base) * (1.0 - 0.5**magnitudes), 1.0))


def finding(
    traffic: Traffic,
    kind: str,
    host: int,
    rows: npt.NDArray[np.int64],
    *,
    grade: float,
    reason: str,
    technique: str | None,
    measures: tuple[Measure, ...],
    other_end: npt.NDArray[np.int32] | None = None,
) -> Finding:
    """A finding from the positions of its flows; `other_end` are the peers flow by flow, by default those that are not
    the host."""
    flows = traffic.flows
    rows = np.unique(rows).astype(np.int64)
    if other_end is None:
        other_end = np.where(flows.src[rows] == host, flows.dst[rows], flows.src[rows])
    codes, first, times = np.unique(other_end, return_index=True, return_counts=True)
    ranked = codes[np.lexsort((first, -times))]
    words = flows.hosts.words
    return Finding(
        kind=kind, host=words[host], start=float(flows.start[rows].min()), end=float(flows.end[rows].max()),
        severity=float(grade), reason=reason, technique=technique, measures=measures, flows=rows,
        peers=tuple(words[code] for code in ranked if code != host),
    )  # fmt: skip
