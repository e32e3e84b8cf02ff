"""Browser sessions. Each stands for a person, or for the server's key, until it ends or somebody revokes it.

A row holds the hash of a random token, never the token itself. A session is valid only with the password or the key that it was
opened with: a new one ends it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select

from app.domain.identity import isoformat, new_id, now
from app.storage.people_tables import credentials, identities
from app.storage.people_tables import sessions as table
from app.storage.reading import Rows

LASTS = timedelta(days=30)
MAX_TEXT_LENGTH = 200
# How the token of a person's session begins. It shows a session that has ended, instead of nobody, when the row is gone.
PERSON = "person."


@dataclass(frozen=True, slots=True)
class SessionRow:
    """The stored data of a session that may be shown."""

    id: str
    actor: str
    address: str
    user_agent: str
    created_at: str
    expires_at: str
    identity_id: str | None


_ROWS = Rows(table, SessionRow)


def begin(
    conn: Connection,
    key_hash: str,
    *,
    actor: str,
    address: str,
    user_agent: str,
    identity_id: str | None = None,
    lasts: timedelta = LASTS,
) -> str:
    """Begin a session, delete sessions that have ended, and return the new token, which is not stored anywhere.

    `key_hash` stands for what opens it: the hash of the server's key, or the id of what proves the person.
    """
    conn.execute(delete(table).where(table.c.expires_at <= now()))
    token = f"{PERSON if identity_id is not None else ''}{secrets.token_urlsafe(32)}"
    values = {
        "id": new_id("sess"),
        "token_hash": _hash(token),
        "key_hash": key_hash,
        "identity_id": identity_id,
        "actor": actor,
        "address": address[:MAX_TEXT_LENGTH],
        "user_agent": user_agent[:MAX_TEXT_LENGTH],
        "created_at": now(),
        "expires_at": isoformat(datetime.now(UTC) + lasts),
    }
    conn.execute(insert(table).values(**values))
    return token


def find(conn: Connection, key_hash: str, tokens: Sequence[str]) -> SessionRow | None:
    """Return the current session that one of these tokens belongs to, or None."""
    hashes = [_hash(token) for token in tokens]
    found = _ROWS.all(conn, _ROWS.select.where(table.c.token_hash.in_(hashes), _lives(key_hash)).limit(1))
    return found[0] if found else None


def begun_at(conn: Connection, session_id: str) -> str | None:
    """Return when a session began, or None if it has ended."""
    return conn.execute(select(table.c.created_at).where(table.c.id == session_id)).scalar_one_or_none()


def lives(conn: Connection, key_hash: str, session_id: str) -> bool:
    """Whether a session has neither ended nor been revoked."""
    query = select(table.c.id).where(table.c.id == session_id, _lives(key_hash))
    return conn.execute(query).first() is not None


def list_all(conn: Connection, key_hash: str, *, of: str | None = None) -> list[SessionRow]:
    """Return every session that has not ended, newest first; only those of the person `of`, if one is named."""
    query = _ROWS.select.where(_lives(key_hash), *_of(of))
    return _ROWS.all(conn, query.order_by(table.c.id.desc()))


def revoke(conn: Connection, key_hash: str, session_id: str, *, of: str | None = None) -> bool:
    """End a session now. Returns whether there was one, of the person `of` if one is named."""
    # Look for it first: PostgreSQL cannot even compare with NUL, which reads replace.
    found = conn.execute(select(table.c.id).where(table.c.id == session_id, _lives(key_hash), *_of(of))).first()
    if found is None:
        return False
    return conn.execute(delete(table).where(table.c.id == session_id, _lives(key_hash))).rowcount > 0


def _of(identity_id: str | None) -> list[ColumnElement[bool]]:
    return [table.c.identity_id == identity_id] if identity_id is not None else []


def _lives(key_hash: str) -> ColumnElement[bool]:
    by_password = (
        select(credentials.c.id)
        .join(identities)
        .where(
            credentials.c.id == table.c.key_hash,
            identities.c.id == table.c.identity_id,
            identities.c.disabled_at.is_(None),
        )
    )
    by_key = and_(table.c.identity_id.is_(None), table.c.key_hash == key_hash)
    return and_(table.c.expires_at > now(), or_(by_key, by_password.exists()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
