"""Alembic's entry point. It runs the migrations on the connection and in the transaction of `app.storage.migrate`."""

from alembic import context

from app.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
