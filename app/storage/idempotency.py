"""Requests that carry an Idempotency-Key: who works on each, and the answer that it got.

A row is claimed before the request is worked on, under a lease that the worker renews; when that lapses, a repeat may take
the work up. Whoever works on it, the row's `request_id` stays, so that whatever was decided under it is found again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, tuple_, update

from app.domain.errors import Conflict, Invalid
from app.domain.identity import isoformat, new_id, now
from app.storage.tables import idempotency as table

KEPT = timedelta(hours=24)
MAX_SWEPT = 500
_IDENTITY = (table.c.caller, table.c.method, table.c.path, table.c.key)


@dataclass(frozen=True)
class RequestKey:
    """What tells one request with a key from another."""

    caller: str
    method: str
    path: str
    key: str


@dataclass(frozen=True)
class Answer:
    """An answer, as it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """The right to work on a request.

    Attributes:
        key: of the request.
        request_id: under which it is decided.
        first: whether nobody worked on it before.
    """

    key: RequestKey
    request_id: str
    first: bool


def take(conn: Connection, key: RequestKey, body_hash: str, lease: timedelta) -> Claim | Answer:
    """Claim a request for as long as the lease; where it was answered already, that answer.

    Raises:
        Conflict: `request_in_progress`.
        Invalid: `idempotency_key_reused`: the key came with another body before.
    """
    row = _locked(conn, key)
    if row is not None and row.created_at <= _oldest():
        conn.execute(delete(table).where(_is(key)))
        row = None
    until = isoformat(datetime.now(UTC) + lease)
    if row is None:
        claim = Claim(key, new_id("req"), first=True)
        values = {
            "caller": key.caller,
            "method": key.method,
            "path": key.path,
            "key": key.key,
            "body_hash": body_hash,
            "request_id": claim.request_id,
            "claimed_until": until,
            "created_at": now(),
        }
        conn.execute(insert(table).values(values))
        return claim
    if row.body_hash != body_hash:
        message = "This Idempotency-Key came with another body before; send the same body, or another key."
        raise Invalid(message, code="idempotency_key_reused")
    if row.status is not None:
        return _answer(row)
    if row.claimed_until > now():
        raise in_progress()
    conn.execute(update(table).where(_is(key)).values(claimed_until=until))
    return Claim(key, row.request_id, first=False)


def in_progress() -> Conflict:
    """The error for a request that is still being worked on."""
    return Conflict("The first request with this Idempotency-Key is still under way.", code="request_in_progress")


def answer_of(conn: Connection, claim: Claim) -> Answer | None:
    """The answer, where somebody else gave it meanwhile; until the transaction ends nobody else can.

    Raises:
        Conflict: `request_in_progress`: the claim is not worth anything any more.
    """
    row = _locked(conn, claim.key)
    if row is None or row.request_id != claim.request_id:
        raise in_progress()
    return _answer(row) if row.status is not None else None


def keep(conn: Connection, claim: Claim, answer: Answer) -> None:
    """Keep the answer to a claimed request; the first that is kept stays."""
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    conn.execute(update(table).where(_open(claim)).values(values))


def renew(conn: Connection, claim: Claim, lease: timedelta) -> None:
    """Go on working on a claimed request."""
    until = isoformat(datetime.now(UTC) + lease)
    conn.execute(update(table).where(_open(claim)).values(claimed_until=until))


def give_back(conn: Connection, claim: Claim) -> None:
    """Let a repeat take the request up at once."""
    conn.execute(update(table).where(_open(claim)).values(claimed_until=now()))


def forget(conn: Connection, claim: Claim) -> None:
    """Free the key of a request that nothing came of, for any body."""
    conn.execute(delete(table).where(_open(claim)))


def sweep(conn: Connection) -> int:
    """Delete the oldest of the rows whose time is over, `MAX_SWEPT` at most; how many it were."""
    old = select(*_IDENTITY).where(table.c.created_at <= _oldest()).order_by(table.c.created_at).limit(MAX_SWEPT)
    identities = [tuple(row) for row in conn.execute(old)]
    if identities:
        conn.execute(delete(table).where(tuple_(*_IDENTITY).in_(identities)))
    return len(identities)


def _oldest() -> str:
    return isoformat(datetime.now(UTC) - KEPT)


def _is(key: RequestKey) -> ColumnElement[bool]:
    return and_(
        table.c.caller == key.caller, table.c.method == key.method, table.c.path == key.path, table.c.key == key.key
    )


def _open(claim: Claim) -> ColumnElement[bool]:
    return and_(_is(claim.key), table.c.request_id == claim.request_id, table.c.status.is_(None))


def _locked(conn: Connection, key: RequestKey) -> Row[Any] | None:
    return conn.execute(select(table).where(_is(key)).with_for_update()).one_or_none()


def _answer(row: Row[Any]) -> Answer:
    return Answer(status=row.status, headers=dict(row.headers), body=bytes(row.body))
