"""Whether a database has the tables that this version of Signoff needs."""

from __future__ import annotations

from sqlalchemy import Connection, column, inspect, select
from sqlalchemy import table as named

from app.database.database import Database
from app.database.url import shown_url, sqlite_path
from app.domain.errors import Unavailable
from app.storage.new_sqlite import known_versions

_VERSIONS = named("alembic_version", column("version_num"))


class NotMigrated(RuntimeError):
    """A database lacks tables. The message says which command creates them."""


async def check_migrated(url: str) -> None:
    """Check that every migration is applied. A database that cannot be reached, or that is newer, passes.

    Raises:
        NotMigrated: the database has no tables, or older ones.
    """
    applied = await _applied(url)
    known = known_versions()
    if applied is None or applied == known[-1] or (applied and applied not in known):
        return
    what = "lacks the tables of this version" if applied else "has no tables yet"
    raise NotMigrated(
        f"The database {shown_url(url)} {what}. Run `signoff migrate` with the same settings, then start this again."
    )


async def _applied(url: str) -> str | None:
    """The newest migration that is applied; empty if there is none, and None if the database does not answer."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return ""
    database = Database(url)
    await database.start()
    try:
        return await database.read(_version)
    except Unavailable:
        return None
    finally:
        await database.close()


def _version(conn: Connection) -> str:
    if not inspect(conn).has_table(_VERSIONS.name):
        return ""
    return conn.execute(select(_VERSIONS.c.version_num)).scalar() or ""
