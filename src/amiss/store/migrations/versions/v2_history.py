"""Labels, models, scored history and dead letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """From version 1."""
    op.create_table(
        "amiss_labels",
        _counter("place"),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("starts", sa.Double),
        sa.Column("ends", sa.Double),
        sa.Column("row_key", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("amiss_labels_data", "amiss_labels", ["source", "entity", "starts"])
    op.create_table(
        "amiss_models",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "amiss_dead_letters",
        _counter("place"),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "amiss_numbers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Double, nullable=False),
    )
    _history()


def _history() -> None:
    op.create_table(
        "amiss_series",
        _counter("id"),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("columns", sa.Text, nullable=False),
    )
    op.create_index("amiss_series_data", "amiss_series", ["source", "entity"])
    op.create_table(
        "amiss_history",
        _series(),
        sa.Column("time", sa.Double, primary_key=True),
        sa.Column("score", sa.Double),
        sa.Column("p_value", sa.Double),
        sa.Column("is_anomaly", sa.SmallInteger, nullable=False),
        sa.Column("readings", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "amiss_totals",
        _series(),
        sa.Column("span", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("n_scored", sa.BigInteger, nullable=False),
        sa.Column("n_anomalies", sa.BigInteger, nullable=False),
        sa.Column("score_min", sa.Double),
        sa.Column("score_max", sa.Double),
        sa.Column("score_sum", sa.Double),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "amiss_marks",
        _series(),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)


def _series() -> sa.Column[int]:
    return sa.Column("series", sa.BigInteger, sa.ForeignKey("amiss_series.id"), primary_key=True, autoincrement=False)
