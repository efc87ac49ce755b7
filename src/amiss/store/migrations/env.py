"""Run by Alembic: takes the versions to the connection that `Store.open` hands over."""

from __future__ import annotations

from alembic import context

# Alembic lends the context while it runs this file; whoever else loads it changes nothing.
if hasattr(context, "config"):
    context.configure(connection=context.config.attributes["connection"], version_table="amiss_version")
    with context.begin_transaction():
        context.run_migrations()
