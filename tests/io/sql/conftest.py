"""A table in each of the databases."""

from __future__ import annotations

import contextlib
import sqlite3
from urllib.parse import urlsplit

import pytest

from tests.databases import database, postgres


@pytest.fixture(scope="session")
def server():
    try:
        with postgres() as url:
            yield url
    except FileNotFoundError as error:
        pytest.skip(str(error))


def run_in(url, *statements):
    """Run statements in a database, as its owner would."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            found = [connection.execute(statement).fetchall() for statement in statements]
            connection.commit()
            return found
    if url.startswith("duckdb"):
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(url.removeprefix("duckdb:///")) as connection:
            return [connection.execute(statement).fetchall() for statement in statements]
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        done = [connection.execute(statement) for statement in statements]
        return [cursor.fetchall() if cursor.description else [] for cursor in done]


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def place(request, tmp_path):
    """Address of an empty database."""
    if request.param == "postgresql":
        with database(request.getfixturevalue("server")) as url:
            assert urlsplit(url).password
            yield url
    else:
        url = f"{request.param}:///{tmp_path}/plant.db"
        run_in(url, "CREATE TABLE empty_one (a INTEGER)")
        yield url


@pytest.fixture
def plant(place):
    """Address of a database with a table of 300 rows."""
    series = {
        "sqlite": "(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 300) SELECT i FROM c)",
        "duckdb": "(SELECT range AS i FROM range(1, 301))",
        "postgresql": "(SELECT generate_series AS i FROM generate_series(1, 300))",
    }[place.partition(":")[0]]
    run_in(
        place,
        "CREATE TABLE readings (id BIGINT, flow DOUBLE PRECISION, pressure NUMERIC(8,2), mode VARCHAR, ok BOOLEAN)",
        f"INSERT INTO readings SELECT i, 30 + (i * 7919 % 101) / 50.0, 4 + (i * 104729 % 97) / 100.0, "
        f"CASE WHEN i % 7 = 0 THEN NULL ELSE 'auto' END, i % 2 = 0 FROM {series} AS s",
    )
    return place
