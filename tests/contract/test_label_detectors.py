"""Every detector that learns from labels against every check of its contract, and scikit-learn's own."""

from __future__ import annotations

import importlib.util
import os
import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from amiss.core.catalog import detector_class, detector_names
from amiss.testing import LABEL_CHECKS

# (detector, check): why it may fail. Empty is the aim.
EXPECTED_FAILURES: dict[tuple[str, str], str] = {}

# To scikit-learn these are outlier detectors, whose predictions are −1 and +1, and which here need labels.
NOT_SCIKIT_LEARNS_WAY = {
    "check_outliers_fit_predict": "it gives no labels",
    "check_outliers_train": "it gives no labels",
    "check_estimators_dtypes": "its labels are 1 and 2: no row is normal",
    "check_classifier_data_not_an_array": "its labels are 1 and 2: no row is normal",
    "check_fit2d_1feature": "its labels are 1 and 2: no row is normal",
}

NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "lightgbm" and importlib.util.find_spec("lightgbm") is None,
            reason="lightgbm is not installed: pip install 'amiss[boost]'",
        ),
    )
    for name in detector_names("labels")
]


@pytest.mark.parametrize("check", LABEL_CHECKS, ids=lambda check: check.__name__)
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
    failed = {r["check_name"] for r in results if r["status"] == "failed"}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert len(results) >= 40
    assert failed == set(NOT_SCIKIT_LEARNS_WAY)
    # The array-API check runs where the environment asks SciPy for it, as `make test` does.
    assert skipped <= (set() if os.environ.get("SCIPY_ARRAY_API") else {"check_array_api_input"})
