"""What the tests of networks share: skipped without torch, and short trainings where these are enough."""

from __future__ import annotations

import importlib.util
import inspect

import pytest

from amiss.core.catalog import detector_class, detector_names

HERE = importlib.util.find_spec("torch") is not None


def pytest_collection_modifyitems(items):
    if HERE:
        return
    for item in items:
        if "tests/deep" in str(item.path) and "without_torch" not in item.name:
            item.add_marker(pytest.mark.skip(reason="torch is not installed: pip install 'amiss[deep]'"))


@pytest.fixture
def by_default(monkeypatch):
    """A way to change what all networks do by default, so that a check trains no longer than it needs."""

    def change(**defaults):
        for name in detector_names("deep"):
            init = detector_class(name).__init__
            own = dict(zip(list(inspect.signature(init).parameters)[1:], init.__defaults__, strict=True))
            monkeypatch.setattr(init, "__defaults__", tuple(defaults.get(key, value) for key, value in own.items()))

    return change
