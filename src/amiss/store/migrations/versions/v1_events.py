"""Events, alarms, deliveries and silences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    counter = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "amiss_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("opened", sa.Double, nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("score", sa.Double),
        sa.Column("p_value", sa.Double),
        sa.Column("n_alarms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at", sa.Double),
    )
    op.create_index("amiss_events_opened", "amiss_events", ["opened", "id"])
    op.create_index("amiss_events_state", "amiss_events", ["state", "opened"])
    op.create_index("amiss_events_entity", "amiss_events", ["entity", "opened"])
    op.create_index("amiss_events_updated", "amiss_events", ["updated"])
    op.create_table(
        "amiss_alarms",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "amiss_deliveries",
        sa.Column("place", counter, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("notification", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("n_tries", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("delivered_at", sa.Double),
    )
    op.create_index("amiss_deliveries_due", "amiss_deliveries", ["state", "due_at", "place"])
    op.create_index("amiss_deliveries_line", "amiss_deliveries", ["state", "sink", "fingerprint", "place"])
    op.create_table(
        "amiss_silences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("starts", sa.Double, nullable=False),
        sa.Column("ends", sa.Double, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("n_hidden", sa.BigInteger, nullable=False),
    )
