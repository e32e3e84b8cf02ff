"""Addresses of databases, as `SIGNOFF_DATABASE_URL` gives them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.hidden_environment import variables

_EXPECTED = "SIGNOFF_DATABASE_URL must be sqlite+aiosqlite:///<file> or postgresql+asyncpg://<user>:<password>@<host>/<database>"
_DRIVERS = {"sqlite": {"sqlite", "sqlite+aiosqlite"}, "postgresql": {"postgresql", "postgresql+asyncpg"}}


def parse_url(url: str) -> URL:
    """The address, checked, with the driver that is used here.

    `sslmode`, as other programs write it, is taken for `ssl`.

    Raises:
        ValueError: it is not the address of a database that Signoff works with.
    """
    try:
        # Hosting services hand out the short name, which SQLAlchemy does not know.
        parsed = make_url(f"postgresql{url.removeprefix('postgres')}" if url.startswith("postgres://") else url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(_EXPECTED) from error
    backend = parsed.drivername.partition("+")[0]
    if parsed.drivername not in _DRIVERS.get(backend, ()) or parsed.database in {None, "", ":memory:"}:
        raise ValueError(_EXPECTED)
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    # As the driver would find it, had it been left in the environment.
    password = parsed.password or variables().get("PGPASSWORD")
    return parsed.set(drivername="postgresql+asyncpg", query=query, password=password)


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite address; None for a database that is no file.

    Raises:
        ValueError: it is not the address of a database that Signoff works with.
    """
    parsed = parse_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def shown_url(url: str) -> str:
    """The address as people may see it: without its password, and whatever it is."""
    try:
        return parse_url(url).render_as_string(hide_password=True)
    except ValueError:
        return "an address that is not one"
