"""Bring a database to the current schema, or say whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine

from app.storage.database import sqlite_path


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    # Alembic reads options with %-interpolation, so a % in a path is doubled.
    config.set_main_option("sqlalchemy.url", _sync_url(url).replace("%", "%%"))
    return config


def _sync_url(url: str) -> str:
    return URL.create("sqlite", database=str(sqlite_path(url))).render_as_string()


def migrate(database_url: str) -> None:
    """Apply every migration that is missing; makes the database where there is none."""
    sqlite_path(database_url).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(_config(database_url), "head")


def is_current(database_url: str) -> bool:
    """Whether every migration is applied."""
    if not sqlite_path(database_url).exists():
        return False
    engine = create_engine(_sync_url(database_url))
    try:
        with engine.connect() as connection:
            applied = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return applied == ScriptDirectory.from_config(_config(database_url)).get_current_head()
