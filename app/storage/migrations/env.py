"""Alembic's entry: run the migrations on the URL that `app.storage.migrate` gives."""

from alembic import context
from sqlalchemy import create_engine, pool

from app.storage.tables import metadata

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("PRAGMA busy_timeout=15000")
        # The pragmas have begun a transaction, which Alembic would take for the caller's and not commit.
        connection.commit()
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
