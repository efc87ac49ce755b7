"""Every neural detector against every check of its contract, scikit-learn's own among them."""

from __future__ import annotations

import os
import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from amiss.core.catalog import detector_class, detector_names
from amiss.testing import DETECTOR_CHECKS, SERIES_CHECKS

NAMES = detector_names("deep")
SERIES = [name for name in NAMES if detector_class(name).capabilities.ordered]
ROWS = [name for name in NAMES if name not in SERIES]
QUICK = {"n_steps": 20, "n_pretraining_steps": 5, "n_hidden": 16, "batch_size": 32, "window": 16}
LEARNT = {**QUICK, "n_steps": 200, "n_pretraining_steps": 50}
HANG_ON_LEARNING = {"check_higher_is_more_anomalous", "check_planted_kinds_are_found", "check_reasons"}


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ROWS)
def test_contract_of_rows(name, check, by_default):
    by_default(**(LEARNT if check.__name__ in HANG_ON_LEARNING else QUICK))
    check(detector_class(name))


@pytest.mark.parametrize("check", SERIES_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SERIES)
def test_contract_of_series(name, check, by_default):
    by_default(**(LEARNT if check.__name__ in HANG_ON_LEARNING else QUICK))
    check(detector_class(name))


@pytest.mark.parametrize("name", ROWS)
def test_scikit_learn_checks(name, by_default):
    by_default(**QUICK)
    with warnings.catch_warnings():
        # scikit-learn's own checks warn of what they feed in.
        warnings.simplefilter("ignore")
        results = check_estimator(detector_class(name)(), on_skip=None, on_fail=None)
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert len(results) >= 40
    assert failed == []
    # The array-API check runs where the environment asks SciPy for it, as `make test` does.
    assert skipped <= (set() if os.environ.get("SCIPY_ARRAY_API") else {"check_array_api_input"})
