"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The same examples at every run; HYPOTHESIS_PROFILE=explore looks for others.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the labelled development data are not beside the checkout")
    return DATA


@pytest.fixture(scope="session")
def cloud() -> np.ndarray:
    """300 rows of three related features, read-only."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 1))
    X = np.hstack([x, 2 * x, -x]) + random.normal(0, 0.5, size=(300, 3))
    X.flags.writeable = False
    return X
