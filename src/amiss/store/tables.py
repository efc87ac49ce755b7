"""The tables of the store. Loaded when a store is opened, as it needs SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

__all__ = [
    "ALARMS",
    "DEAD_LETTERS",
    "DELIVERIES",
    "EVENTS",
    "HISTORY",
    "LABELS",
    "MARKS",
    "METADATA",
    "MODELS",
    "NUMBERS",
    "SERIES",
    "SILENCES",
    "TOKENS",
    "TOTALS",
    "WATCHES",
]

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

LABELS = Table(
    "amiss_labels", METADATA,
    Column("place", _COUNTER, primary_key=True, autoincrement=True),
    Column("verdict", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("entity", Text),
    Column("starts", Double),
    Column("ends", Double),
    Column("row_key", Text),
    Column("reason", Text, nullable=False),
    Index("amiss_labels_data", "source", "entity", "starts"),
)  # fmt: skip

MODELS = Table(
    "amiss_models", METADATA,
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("created", Double, nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
)  # fmt: skip

# Source, entity and channels of a row of history, said once.
SERIES = Table(
    "amiss_series", METADATA,
    Column("id", _COUNTER, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("entity", Text),
    Column("columns", Text, nullable=False),
    Index("amiss_series_data", "source", "entity"),
)  # fmt: skip

HISTORY = Table(
    "amiss_history", METADATA,
    Column("series", BigInteger, ForeignKey("amiss_series.id"), primary_key=True, autoincrement=False),
    Column("time", Double, primary_key=True),
    Column("score", Double),
    Column("p_value", Double),
    Column("is_anomaly", SmallInteger, nullable=False),
    Column("readings", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

TOTALS = Table(
    "amiss_totals", METADATA,
    Column("series", BigInteger, ForeignKey("amiss_series.id"), primary_key=True, autoincrement=False),
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("n_rows", BigInteger, nullable=False),
    Column("n_scored", BigInteger, nullable=False),
    Column("n_anomalies", BigInteger, nullable=False),
    Column("score_min", Double),
    Column("score_max", Double),
    Column("score_sum", Double),
    sqlite_with_rowid=False,
)  # fmt: skip

# Minutes whose totals are to be made anew.
MARKS = Table(
    "amiss_marks", METADATA,
    Column("series", BigInteger, ForeignKey("amiss_series.id"), primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)  # fmt: skip

DEAD_LETTERS = Table(
    "amiss_dead_letters", METADATA,
    Column("place", _COUNTER, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)  # fmt: skip

# "history_from": rows of history before this second were taken away; "series_generation" and "marks_generation" count
# how often series and marks were.
NUMBERS = Table(
    "amiss_numbers", METADATA,
    Column("name", Text, primary_key=True),
    Column("number", Double, nullable=False),
)  # fmt: skip

TOKENS = Table(
    "amiss_tokens", METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("used_at", Double),
)  # fmt: skip

WATCHES = Table(
    "amiss_watches", METADATA,
    Column("source", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip
