"""People's passkeys, and the challenges that the server has issued: each is valid once, for a few minutes."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.identity import isoformat, new_id, now
from app.storage.people_tables import passkey_challenges as challenges
from app.storage.people_tables import passkeys as table
from app.storage.reading import Rows
from signoff.schemas.json_value import JsonObject

# How long a person has to reach for the device.
CHALLENGE_LASTS = timedelta(minutes=5)
# How long a challenge is kept after its end, so that whoever uses it too late or twice is told so.
CHALLENGE_KEPT = timedelta(hours=1)
MAX_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey. `app.storage.people_tables` explains the columns."""

    id: str
    identity_id: str
    credential_id: str
    public_key: str
    rp_id: str
    sign_count: int
    name: str
    created_at: str
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class ChallengeRow:
    """A challenge, and the plan version whose approval it is for; without one, it is for a new passkey."""

    nonce: str
    identity_id: str
    project_id: str | None
    plan_version: int | None
    plan_digest: str | None
    expires_at: str
    gate: JsonObject | None
    used_at: str | None


_ROWS = Rows(table, PasskeyRow)
_CHALLENGES = Rows(challenges, ChallengeRow)


def all_of(conn: Connection, identity_id: str) -> list[PasskeyRow]:
    """Return a person's passkeys, oldest first."""
    return _ROWS.all(conn, _ROWS.select.where(table.c.identity_id == identity_id).order_by(table.c.id))


def find(conn: Connection, identity_id: str, credential_id: str) -> PasskeyRow | None:
    """Return the passkey of a person that their device names, or None."""
    named = (table.c.identity_id == identity_id, table.c.credential_id == credential_id)
    return _ROWS.find(conn, _ROWS.select.where(*named))


def add(
    conn: Connection, identity_id: str, *, credential_id: str, public_key: str, rp_id: str, sign_count: int, name: str
) -> PasskeyRow:
    """Store a passkey.

    Raises:
        Conflict: `passkey_known`: it is stored already; `too_many_passkeys`: the person has the maximum number.
    """
    if conn.execute(select(table.c.id).where(table.c.credential_id == credential_id)).first() is not None:
        raise Conflict("This passkey is registered already.", code="passkey_known")
    if len(all_of(conn, identity_id)) >= MAX_PASSKEYS:
        message = f"You have {MAX_PASSKEYS} passkeys, which is the maximum. Remove one first."
        raise Conflict(message, code="too_many_passkeys")
    row = PasskeyRow(
        new_id("passkey"), identity_id, credential_id, public_key, rp_id, sign_count, name, now(), last_used_at=None
    )
    conn.execute(insert(table).values(asdict(row)))
    return row


def remove(conn: Connection, identity_id: str, passkey_id: str) -> PasskeyRow:
    """Remove a passkey of a person. What it signed stays on record, with its public key.

    Raises:
        NotFound: the person has no such passkey.
    """
    named = (table.c.identity_id == identity_id, table.c.id == passkey_id)
    row = _ROWS.find(conn, _ROWS.select.where(*named))
    if row is None:
        raise NotFound(f"You have no passkey '{passkey_id[:64]}'.", code="passkey_not_found")
    conn.execute(delete(table).where(*named))
    return row


def note_use(conn: Connection, row: PasskeyRow, sign_count: int) -> None:
    """Record that a passkey has signed just now."""
    conn.execute(update(table).where(table.c.id == row.id).values(last_used_at=now(), sign_count=sign_count))


def issue(
    conn: Connection,
    identity_id: str,
    *,
    project_id: str | None = None,
    plan_version: int | None = None,
    plan_digest: str | None = None,
    gate: JsonObject | None = None,
) -> ChallengeRow:
    """Issue a challenge, and delete those that expired a while ago."""
    old = isoformat(datetime.now(UTC) - CHALLENGE_KEPT)
    conn.execute(delete(challenges).where(challenges.c.expires_at <= old))
    expires_at = isoformat(datetime.now(UTC) + CHALLENGE_LASTS)
    row = ChallengeRow(
        secrets.token_urlsafe(32), identity_id, project_id, plan_version, plan_digest, expires_at, gate, None
    )
    conn.execute(insert(challenges).values(asdict(row)))
    return row


def use(conn: Connection, identity_id: str, nonce: str, *, project_id: str | None = None) -> ChallengeRow:
    """Take a challenge, which can then not be taken again.

    Raises:
        Conflict: `challenge_ended`: it was used, has expired, or was not issued to this person for this purpose.
    """
    row = _CHALLENGES.find(conn, _CHALLENGES.select.where(challenges.c.nonce == nonce))
    if row is None:
        raise _ended("This took too long, or was used already. Try again.")
    if row.identity_id != identity_id:
        raise _ended("This was issued to somebody else. Ask for a challenge of your own.")
    if row.project_id != project_id:
        raise _ended("This was issued for something else. Try again.")
    unused = (challenges.c.nonce == nonce, challenges.c.used_at.is_(None))
    if not conn.execute(update(challenges).where(*unused).values(used_at=now())).rowcount:
        raise _ended("This was used already, and is valid once. Try again.")
    if row.expires_at <= now():
        raise _ended("This took longer than 5 minutes. Try again.")
    return row


def _ended(message: str) -> Conflict:
    return Conflict(message, code="challenge_ended")
