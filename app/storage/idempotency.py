"""Requests that carry an Idempotency-Key: who works on each of them, and the answer that it received.

A row is claimed before work on its request begins, under a lease that the worker renews. When the lease lapses, a repeat of
the request may take over. The row keeps its `request_id`, so everything already decided under that id is found again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, tuple_, update

from app.domain.errors import Conflict, Invalid
from app.domain.identity import isoformat, new_id, now
from app.storage.reading import Rows
from app.storage.tables import idempotency as table

KEPT = timedelta(hours=24)
MAX_SWEPT = 500
_IDENTITY = (table.c.caller, table.c.method, table.c.path, table.c.key)


@dataclass(frozen=True)
class RequestKey:
    """Identifies a request that carries a key."""

    caller: str
    method: str
    path: str
    key: str


@dataclass(frozen=True)
class Answer:
    """A stored answer, as it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """The right to work on a request.

    Attributes:
        key: identifies the request.
        request_id: the id under which the request is decided.
        first: whether nobody has worked on it before.
    """

    key: RequestKey
    request_id: str
    first: bool


@dataclass(frozen=True, slots=True)
class _RequestRow:
    request_id: str
    body_hash: str
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None
    claimed_until: str
    created_at: str


_ROWS = Rows(table, _RequestRow)


def take(conn: Connection, key: RequestKey, body_hash: str, lease: timedelta) -> Claim | Answer:
    """Claim a request for the length of the lease. If it was already answered, return that answer.

    Raises:
        Conflict: `request_in_progress`.
        Invalid: `idempotency_key_reused`: the key was sent with another body before.
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
        message = "This Idempotency-Key was already used with a different body. Send the same body, or use a new key."
        raise Invalid(message, code="idempotency_key_reused")
    if (answer := _answer(row)) is not None:
        return answer
    if row.claimed_until > now():
        raise in_progress()
    conn.execute(update(table).where(_is(key)).values(claimed_until=until))
    return Claim(key, row.request_id, first=False)


def in_progress() -> Conflict:
    """Return the error for a request that is still in progress."""
    return Conflict("The first request with this Idempotency-Key is still in progress.", code="request_in_progress")


def answer_of(conn: Connection, claim: Claim) -> Answer | None:
    """Return the answer if somebody else has given it meanwhile. Until the transaction ends, nobody else can.

    Raises:
        Conflict: `request_in_progress`: the claim is no longer valid.
    """
    row = _locked(conn, claim.key)
    if row is None or row.request_id != claim.request_id:
        raise in_progress()
    return _answer(row)


def keep(conn: Connection, claim: Claim, answer: Answer) -> None:
    """Store the answer to a claimed request. The first answer that is stored stays."""
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    conn.execute(update(table).where(_open(claim)).values(values))


def renew(conn: Connection, claim: Claim, lease: timedelta) -> None:
    """Extend the lease on a claimed request."""
    until = isoformat(datetime.now(UTC) + lease)
    conn.execute(update(table).where(_open(claim)).values(claimed_until=until))


def give_back(conn: Connection, claim: Claim) -> None:
    """End the lease, so that a repeat may take the request over at once."""
    conn.execute(update(table).where(_open(claim)).values(claimed_until=now()))


def forget(conn: Connection, claim: Claim) -> None:
    """Free the key of a request that had no effect. It may then be used with any body."""
    conn.execute(delete(table).where(_open(claim)))


def sweep(conn: Connection) -> bool:
    """Delete the oldest expired rows, at most `MAX_SWEPT`. Returns whether there may be more."""
    old = select(*_IDENTITY).where(table.c.created_at <= _oldest()).order_by(table.c.created_at).limit(MAX_SWEPT)
    identities = [tuple(row) for row in conn.execute(old)]
    if identities:
        conn.execute(delete(table).where(tuple_(*_IDENTITY).in_(identities)))
    return len(identities) == MAX_SWEPT


def _oldest() -> str:
    return isoformat(datetime.now(UTC) - KEPT)


def _is(key: RequestKey) -> ColumnElement[bool]:
    return and_(
        table.c.caller == key.caller, table.c.method == key.method, table.c.path == key.path, table.c.key == key.key
    )


def _open(claim: Claim) -> ColumnElement[bool]:
    return and_(_is(claim.key), table.c.request_id == claim.request_id, table.c.status.is_(None))


def _locked(conn: Connection, key: RequestKey) -> _RequestRow | None:
    return _ROWS.find(conn, _ROWS.select.where(_is(key)).with_for_update())


def _answer(row: _RequestRow) -> Answer | None:
    """Return the answer that a request has received, or None while it is in progress."""
    if row.status is None:
        return None
    return Answer(status=row.status, headers=dict(row.headers or {}), body=bytes(row.body or b""))
