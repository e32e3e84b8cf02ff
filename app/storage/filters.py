"""Saved filters of the list of projects. Each belongs to a person or a key, or else to the installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, delete, insert, update

from app.domain.errors import Conflict, NotFound
from app.domain.identity import new_id, now
from app.domain.people import name_key
from app.domain.sender import LOCAL_ID, SERVER_KEY_ID, Sender
from app.storage.filter_table import filters
from app.storage.reading import Rows

MAX_FILTERS = 50
_OF_INSTALLATION = ""


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A saved filter. `app.storage.filter_table` explains the columns."""

    id: str
    owner: str
    name: str
    name_key: str
    conditions: dict[str, str]
    created_at: str


_ROWS = Rows(filters, FilterRow)


def owner_of(sender: Sender) -> str:
    """The owner of what a sender saves: the person or the key, or else the installation."""
    nobody = sender.actor_id in {None, LOCAL_ID, SERVER_KEY_ID}
    return _OF_INSTALLATION if nobody else str(sender.actor_id)


def all_of(conn: Connection, owner: str) -> list[FilterRow]:
    """Return an owner's filters, oldest first."""
    return _ROWS.all(conn, _ROWS.select.where(filters.c.owner == owner).order_by(filters.c.id))


def add(conn: Connection, owner: str, name: str, conditions: Mapping[str, str]) -> FilterRow:
    """Save a filter.

    Raises:
        Conflict: `filter_exists`: the owner has one with this name; `too_many_filters`: the owner has the maximum number.
    """
    known = all_of(conn, owner)
    row = FilterRow(new_id("filter"), owner, name, name_key(name), dict(conditions), now())
    _check_free(known, row)
    if len(known) >= MAX_FILTERS:
        message = f"There are {MAX_FILTERS} saved filters, which is the maximum. Delete one first."
        raise Conflict(message, code="too_many_filters")
    conn.execute(insert(filters).values(asdict(row)))
    return row


def change(conn: Connection, owner: str, filter_id: str, name: str, conditions: Mapping[str, str]) -> FilterRow:
    """Replace the name and the conditions of an owner's filter.

    Raises:
        NotFound: the owner has no such filter.
        Conflict: `filter_exists`: another of the owner's filters has this name.
    """
    known = all_of(conn, owner)
    row = replace(_get(known, filter_id), name=name, name_key=name_key(name), conditions=dict(conditions))
    _check_free(known, row)
    conn.execute(update(filters).where(filters.c.id == row.id).values(asdict(row)))
    return row


def remove(conn: Connection, owner: str, filter_id: str) -> FilterRow:
    """Delete an owner's filter.

    Raises:
        NotFound: the owner has no such filter.
    """
    row = _get(all_of(conn, owner), filter_id)
    conn.execute(delete(filters).where(filters.c.id == row.id))
    return row


def forget(conn: Connection, owner: str) -> None:
    """Delete all filters of an owner who can never use them again."""
    conn.execute(delete(filters).where(filters.c.owner == owner))


def _get(known: list[FilterRow], filter_id: str) -> FilterRow:
    found = next((row for row in known if row.id == filter_id), None)
    if found is None:
        raise NotFound(f"You have no saved filter '{filter_id[:64]}'.", code="filter_not_found")
    return found


def _check_free(known: list[FilterRow], row: FilterRow) -> None:
    if any(other.name_key == row.name_key and other.id != row.id for other in known):
        raise Conflict(f"There is a saved filter '{row.name}' already. Choose another name.", code="filter_exists")
