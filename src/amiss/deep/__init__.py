"""Neural detectors, for rows and for series: one file each, found by the catalog; trained by torch."""

from __future__ import annotations

from typing import Any

from amiss.core.catalog import detector_class, detector_names


def __getattr__(name: str) -> Any:
    for known in detector_names("deep"):
        if known.replace("_", "") == name.lower():
            return detector_class(known)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(detector_class(name).__name__ for name in detector_names("deep"))
