"""The tables of the store. Loaded when a store is opened, as it needs SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text

__all__ = ["ALARMS", "DELIVERIES", "EVENTS", "METADATA", "SILENCES"]

METADATA = MetaData()
# SQLite counts upwards by itself only in a column that it calls INTEGER.
_COUNTER = BigInteger().with_variant(Integer, "sqlite")

EVENTS = Table(
    "amiss_events", METADATA,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("entity", Text),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("ended", Double),
    Column("score", Double),
    Column("p_value", Double),
    Column("n_alarms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Double),
    Index("amiss_events_opened", "opened", "id"),
    Index("amiss_events_state", "state", "opened"),
    Index("amiss_events_entity", "entity", "opened"),
    Index("amiss_events_updated", "updated"),
)  # fmt: skip

ALARMS = Table(
    "amiss_alarms", METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("state", Text, nullable=False),
)  # fmt: skip

DELIVERIES = Table(
    "amiss_deliveries", METADATA,
    Column("place", _COUNTER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("sink", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("notification", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("n_tries", BigInteger, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("delivered_at", Double),
    Index("amiss_deliveries_due", "state", "due_at", "place"),
    Index("amiss_deliveries_line", "state", "sink", "fingerprint", "place"),
)  # fmt: skip

SILENCES = Table(
    "amiss_silences", METADATA,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("starts", Double, nullable=False),
    Column("ends", Double, nullable=False),
    Column("created", Double, nullable=False),
    Column("n_hidden", BigInteger, nullable=False),
)  # fmt: skip
