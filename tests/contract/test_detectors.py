"""Every detector of the catalog against every check of the contract, scikit-learn's own among them."""

from __future__ import annotations

import os
import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from amiss.core.catalog import detector_class, detector_names
from amiss.kernels import loops
from amiss.testing import DETECTOR_CHECKS

# (detector, check): why it may fail. Empty is the aim.
EXPECTED_FAILURES: dict[tuple[str, str], str] = {}

# Their twins take a row at a time, and minutes for all checks; tests/kernels holds them to the loops bit by bit.
SLOW_TWINS = {"random_cut_forest", "stream_ensemble"}
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(name in SLOW_TWINS and not loops.compiled(), reason="minutes without compiled loops"),
    )
    for name in detector_names()
]


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_contract(name, check):
    reason = EXPECTED_FAILURES.get((name, check.__name__))
    if reason is None:
        check(detector_class(name))
    else:
        with pytest.raises(AssertionError):
            check(detector_class(name))


@pytest.mark.parametrize("name", NAMES)
def test_scikit_learn_checks(name):
    with warnings.catch_warnings():
        # scikit-learn's own checks warn of what they feed in.
        warnings.simplefilter("ignore")
        results = check_estimator(detector_class(name)(), on_skip=None, on_fail=None)
    failed = [r["check_name"] for r in results if r["status"] == "failed"]
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert len(results) >= 40
    assert failed == []
    # The array-API check runs where the environment asks SciPy for it, as `make test` does.
    assert skipped <= (set() if os.environ.get("SCIPY_ARRAY_API") else {"check_array_api_input"})
