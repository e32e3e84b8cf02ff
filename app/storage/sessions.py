"""Browser sessions. Each stands for the server's key until it ends or somebody revokes it.

A row holds the hash of a random token, never the token itself. A session is valid only with the key that it was made for. A new
key therefore ends all sessions.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from app.domain.identity import isoformat, new_id, now
from app.storage.reading import Rows
from app.storage.tables import sessions as table

LASTS = timedelta(days=30)
MAX_TEXT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SessionRow:
    """The stored data of a session that may be shown."""

    id: str
    actor: str
    address: str
    user_agent: str
    created_at: str
    expires_at: str


_ROWS = Rows(table, SessionRow)


def begin(conn: Connection, key_hash: str, *, actor: str, address: str, user_agent: str) -> str:
    """Begin a session, delete sessions that have ended, and return the new token, which is not stored anywhere."""
    conn.execute(delete(table).where(table.c.expires_at <= now()))
    token = secrets.token_urlsafe(32)
    values = {
        "id": new_id("sess"),
        "token_hash": _hash(token),
        "key_hash": key_hash,
        "actor": actor,
        "address": address[:MAX_TEXT_LENGTH],
        "user_agent": user_agent[:MAX_TEXT_LENGTH],
        "created_at": now(),
        "expires_at": isoformat(datetime.now(UTC) + LASTS),
    }
    conn.execute(insert(table).values(**values))
    return token


def find(conn: Connection, key_hash: str, tokens: Sequence[str]) -> SessionRow | None:
    """Return the current session that one of these tokens belongs to, or None."""
    hashes = [_hash(token) for token in tokens]
    found = _ROWS.all(conn, _ROWS.select.where(table.c.token_hash.in_(hashes), _lives(key_hash)).limit(1))
    return found[0] if found else None


def lives(conn: Connection, key_hash: str, session_id: str) -> bool:
    """Whether a session has neither ended nor been revoked."""
    query = select(table.c.id).where(table.c.id == session_id, _lives(key_hash))
    return conn.execute(query).first() is not None


def list_all(conn: Connection, key_hash: str) -> list[SessionRow]:
    """Return every session that has not ended, newest first."""
    return _ROWS.all(conn, _ROWS.select.where(_lives(key_hash)).order_by(table.c.id.desc()))


def revoke(conn: Connection, key_hash: str, session_id: str) -> bool:
    """End a session now. Returns whether there was one."""
    # Look for it first: PostgreSQL cannot even compare with NUL, which reads replace.
    if not lives(conn, key_hash, session_id):
        return False
    return conn.execute(delete(table).where(table.c.id == session_id, _lives(key_hash))).rowcount > 0


def _lives(key_hash: str) -> ColumnElement[bool]:
    return and_(table.c.key_hash == key_hash, table.c.expires_at > now())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
