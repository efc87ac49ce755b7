"""A server over a store with events, and those who ask it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# Without the extra `serve` there is no server.
collect_ignore_glob = [] if find_spec("fastapi") else ["test_*.py"]

if find_spec("fastapi"):
    from starlette.testclient import TestClient

    from amiss.server.app import make_app, make_service
    from amiss.store import Store
    from tests.server.made import NOW, SetClock, events


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "amiss.db") as opened:
        with opened.writing() as writer:
            writer.put_events(events(40))
        yield opened


@pytest.fixture
def service(tmp_path, store):
    return make_service(tmp_path, store, clock=SetClock(NOW))


@pytest.fixture
def app(service):
    return make_app(service)


@pytest.fixture
def token(service):
    """Makes a token with some scopes, and gives it."""
    return lambda *scopes, name="kim": service.access.make(name, scopes, service.clock.now())[0]


@pytest.fixture
def client(app, token):
    """Somebody who may read and label."""
    headers = {"Authorization": f"Bearer {token('read', 'label')}"}
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as asks:
        yield asks


@pytest.fixture
def stranger(app):
    """Somebody without a token."""
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as asks:
        yield asks


@pytest.fixture
def admin(app, token):
    """Somebody who may do all."""
    headers = {"Authorization": f"Bearer {token('admin', name='robin')}"}
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as asks:
        yield asks
