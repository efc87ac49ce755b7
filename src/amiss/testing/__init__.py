"""The contracts, public: plug-ins run them too."""

from __future__ import annotations

from amiss.testing.detectors import DETECTOR_CHECKS, check_detector
from amiss.testing.labels import LABEL_CHECKS, check_label_detector, planted_labels
from amiss.testing.series import SERIES_CHECKS, check_series_detector

__all__ = [
    "DETECTOR_CHECKS",
    "LABEL_CHECKS",
    "SERIES_CHECKS",
    "check_detector",
    "check_label_detector",
    "check_series_detector",
    "planted_labels",
]
