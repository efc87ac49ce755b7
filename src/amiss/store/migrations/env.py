"""Run by Alembic: takes the versions to the connection that `Store.open` hands over."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="amiss_version")
with context.begin_transaction():
    context.run_migrations()
