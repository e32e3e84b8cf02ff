"""Alembic's entry: run the migrations on the URL that `app.storage.migrate` gives."""

from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, event, pool

from app.storage.tables import metadata

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)


@event.listens_for(engine, "connect")
def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=15000")
    connection.execute("PRAGMA journal_mode=WAL")


@event.listens_for(engine, "begin")
def _lock(connection: Connection) -> None:
    # Before Alembic looks at what is applied: of two processes that migrate at once, the second finds nothing to do.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
