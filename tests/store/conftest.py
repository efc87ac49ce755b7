"""Every test of a store runs on a file and on a PostgreSQL server."""

from __future__ import annotations

import os

import pytest

from amiss.store import Store
from tests.databases import database, postgres

pytest.importorskip("sqlalchemy", reason="the extra `live` is not installed")


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
