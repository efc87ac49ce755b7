"""Which tables a database has."""

from __future__ import annotations

from amiss.io.sql.address import Address

__all__ = ["tables_of"]

_ASKED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name",
    "duckdb": "SELECT table_name FROM information_schema.tables ORDER BY table_name",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN "
    "('pg_catalog', 'information_schema') ORDER BY table_name",
}


def tables_of(address: Address) -> list[str]:
    """Names of the tables and views."""
    from amiss.io.sql.reading import read_rows

    with read_rows(address, _ASKED[address.kind]) as (_, batches):
        return [str(row[0]) for batch in batches for row in batch]
