"""Every detector for series against every check of its contract."""

from __future__ import annotations

import pytest

from amiss.core.catalog import detector_class, detector_names
from amiss.testing import SERIES_CHECKS

# (detector, check): why it may fail. Empty is the aim.
EXPECTED_FAILURES: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("check", SERIES_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", detector_names("series"))
def test_contract(name, check):
    reason = EXPECTED_FAILURES.get((name, check.__name__))
    if reason is None:
        check(detector_class(name))
    else:
        with pytest.raises(AssertionError):
            check(detector_class(name))
