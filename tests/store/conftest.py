"""Every test of a store runs on a file and on a PostgreSQL server."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from amiss.store import Store
from tests.databases import database, postgres

# Without the extra `live` there is no store.
collect_ignore_glob = [] if find_spec("sqlalchemy") else ["test_*.py"]


@pytest.fixture(scope="session")
def server():
    pytest.importorskip("psycopg", reason="the extra `sql` is not installed")
    try:
        with postgres() as url:
            yield url
    except FileNotFoundError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Address of a database that is not there yet, or empty."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    with database(request.getfixturevalue("server")) as url:
        yield url


@pytest.fixture
def store(place):
    with Store.open(place) as store:
        yield store
