"""Database addresses, as given in `SIGNOFF_DATABASE_URL`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.hidden_environment import variables

_EXPECTED = "SIGNOFF_DATABASE_URL must be sqlite+aiosqlite:///<file> or postgresql+asyncpg://<user>:<password>@<host>/<database>"
_DRIVERS = {"sqlite": {"sqlite", "sqlite+aiosqlite"}, "postgresql": {"postgresql", "postgresql+asyncpg"}}


def parse_url(url: str) -> URL:
    """Check an address and return it with the driver that Signoff uses.

    `sslmode`, as other programs write it, is accepted for `ssl`.

    Raises:
        ValueError: it is not the address of a database that Signoff supports.
    """
    try:
        # Hosting services use this short name, which SQLAlchemy does not know.
        parsed = make_url(f"postgresql{url.removeprefix('postgres')}" if url.startswith("postgres://") else url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(_EXPECTED) from error
    backend = parsed.drivername.partition("+")[0]
    if parsed.drivername not in _DRIVERS.get(backend, ()) or parsed.database in {None, "", ":memory:"}:
        raise ValueError(_EXPECTED)
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    # The driver would have read it from the environment, if it were still there.
    password = parsed.password or variables().get("PGPASSWORD")
    return parsed.set(drivername="postgresql+asyncpg", query=query, password=password)


def sqlite_path(url: str) -> Path | None:
    """Return the file behind an SQLite address, or None for a database that is not a file.

    Raises:
        ValueError: it is not the address of a database that Signoff supports.
    """
    parsed = parse_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def shown_url(url: str) -> str:
    """Return any address in a form that people may see, without its password."""
    try:
        return parse_url(url).render_as_string(hide_password=True)
    except ValueError:
        return "an invalid database address"
