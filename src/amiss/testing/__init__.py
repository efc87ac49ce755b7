"""The contracts as code: a plug-in's tests run them too."""

from __future__ import annotations

from amiss.testing.detectors import DETECTOR_CHECKS, check_detector

__all__ = ["DETECTOR_CHECKS", "check_detector"]
