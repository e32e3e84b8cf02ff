"""People and keys: who they are, what they may do, and what proves it. Proofs are stored as hashes only."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, or_, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.identity import isoformat, new_id, now, parse_time
from app.domain.people import Access, Grant, grown, name_key
from app.domain.sender import Sender
from app.storage.people_tables import credentials, identities
from signoff.schemas.json_value import JsonObject

# How a key looks: a public part that finds it, and 256 random bits.
KEY_PATTERN = re.compile(r"signoff_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_PREFIX_LENGTH = len("signoff_") + 12
# In place of a time: when the key expires stays as it is.
KEEP = ""
# How exactly the last use of a key is known: writing it at every request would slow each of them down.
USE_NOTED_EVERY = timedelta(minutes=1)


class Kind(StrEnum):
    """Who an identity is."""

    PERSON = "person"
    KEY = "key"


class Proof(StrEnum):
    """What proves an identity."""

    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    KEY = "key"
    # What an identity provider, or a proxy, calls the person. It opens sessions, and proves nothing by itself.
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or a key. `app.storage.people_tables` explains the columns."""

    id: str
    kind: Kind
    name: str
    email: str | None
    access: Access
    created_at: str
    created_by: str
    disabled_at: str | None


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """What proves an identity."""

    id: str
    identity_id: str
    kind: Proof
    hash: str
    prefix: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None

    def has_expired(self) -> bool:
        """Whether it is no longer valid."""
        return self.expires_at is not None and self.expires_at <= now()


@dataclass(frozen=True, slots=True)
class Known:
    """An identity with what proves it; None if nothing does yet."""

    identity: Identity
    credential: CredentialRow | None


_BOTH = select(
    *(column.label(f"i_{column.name}") for column in identities.c),
    *(column.label(f"c_{column.name}") for column in credentials.c),
)
_OWN_PROOF = and_(credentials.c.identity_id == identities.c.id, credentials.c.kind != Proof.PROVIDER)
_WITH_OWN_PROOF = _BOTH.select_from(identities.outerjoin(credentials, _OWN_PROOF))


def add(
    conn: Connection, kind: Kind, name: str, grants: Sequence[Grant], *, by: Sender, email: str | None = None
) -> str:
    """Store a person or a key, and return the id.

    Raises:
        Conflict: `name_taken`: another person or key, disabled or not, has the name or the e-mail address.
    """
    _check_free(conn, name, email)
    row = {
        "id": new_id(kind.value),
        "kind": kind,
        "name": name,
        "name_key": name_key(name),
        "email": email,
        "grants": _stored(grants),
        "created_at": now(),
        "created_by": by.actor,
    }
    conn.execute(insert(identities).values(row))
    return str(row["id"])


def change(conn: Connection, found: Identity, **changes: object) -> None:
    """Change the name, e-mail address or grants of an identity, or whether it is disabled.

    Raises:
        Conflict: `name_taken`.
    """
    values: dict[str, object] = {**changes}
    name, email = changes.get("name"), changes.get("email")
    _check_free(conn, cast("str | None", name), cast("str | None", email), besides=found.id)
    if name is not None:
        values["name_key"] = name_key(str(name))
    if "grants" in changes:
        values["grants"] = _stored(cast("Sequence[Grant]", changes["grants"]))
    if "disabled" in changes:
        values["disabled_at"] = now() if values.pop("disabled") else None
    if values:
        conn.execute(update(identities).where(identities.c.id == found.id).values(**values))


def set_password(conn: Connection, identity_id: str, password_hash: str) -> None:
    """Replace a person's password. Sessions that were opened with the earlier one end."""
    _replace(conn, identity_id, Proof.PASSWORD, password_hash)


def set_key(conn: Connection, identity_id: str, *, expires_at: str | None) -> str:
    """Give a key a new secret text, which is not stored anywhere, and return it. An earlier one is no longer valid."""
    text = f"signoff_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    _replace(conn, identity_id, Proof.KEY, _hash(text), prefix=text[:_PREFIX_LENGTH], expires_at=expires_at)
    return text


def change_key(conn: Connection, found: Known, *, expiry: str | None, **changes: object) -> None:
    """Change the `name` or the `grants` of a key, and when it expires, unless that is `KEEP`. Its text stays the same.

    Raises:
        Conflict: `key_revoked` or `key_expired`: it is no longer valid; `key_scope_grows`: it would get a role that it does not
            have; `name_taken`.
    """
    key, credential = found.identity, found.credential
    if key.disabled_at is not None:
        raise Conflict("This key was revoked. Add a new one.", code="key_revoked")
    if credential is None or credential.has_expired():
        raise Conflict("This key has expired. Rotate it, then change it.", code="key_expired")
    after = cast("Sequence[Grant]", changes.get("grants", ()))
    if (more := grown(key.access.grants, after)) is not None:
        scope = f"the role {more.role}" if more.labels else f"the role {more.role} for all projects"
        message = f"The key does not have {scope}, and its text is known already. Add a new key for that."
        raise Conflict(message, code="key_scope_grows")
    change(conn, key, **changes)
    if expiry != KEEP:
        own = (credentials.c.identity_id == key.id, credentials.c.kind == Proof.KEY)
        conn.execute(update(credentials).where(*own).values(expires_at=expiry))


def get(conn: Connection, identity_id: str, kind: Kind) -> Known:
    """Return a person or a key, disabled or not.

    Raises:
        NotFound: there is none.
    """
    found = _find(conn, identities.c.id == identity_id, identities.c.kind == kind)
    if found is None:
        raise NotFound(f"There is no {kind} '{identity_id[:64]}'.", code=f"{kind}_not_found")
    return found


def find(conn: Connection, identity_id: str) -> Known | None:
    """Return a person or a key that is not disabled, or None."""
    return _find(conn, identities.c.id == identity_id, identities.c.disabled_at.is_(None))


def find_key(conn: Connection, text: str) -> Known | None:
    """Return the key with this text; None if it was revoked or replaced, has expired, or never existed."""
    found = _find(conn, credentials.c.prefix == text[:_PREFIX_LENGTH], identities.c.disabled_at.is_(None))
    if found is None or found.credential is None or found.credential.has_expired():
        return None
    return found if secrets.compare_digest(found.credential.hash, _hash(text)) else None


def find_person(conn: Connection, name: str) -> Known | None:
    """Return the person with this name or e-mail address who is not disabled, or None."""
    named = or_(identities.c.name_key == name_key(name), func.lower(identities.c.email) == name.strip().lower())
    return _find(conn, named, identities.c.kind == Kind.PERSON, identities.c.disabled_at.is_(None))


def find_named(conn: Connection, name: str, kind: Kind) -> Identity | None:
    """Return the person or key, disabled or not, with this id, name or e-mail address, or None."""
    same = or_(
        identities.c.id == name,
        identities.c.name_key == name_key(name),
        func.lower(identities.c.email) == name.strip().lower(),
    )
    found = _find(conn, same, identities.c.kind == kind)
    return found.identity if found is not None else None


def all_of(conn: Connection, kind: Kind) -> list[Known]:
    """Return all people or keys, by name."""
    query = _WITH_OWN_PROOF.where(identities.c.kind == kind)
    return [_known(row) for row in conn.execute(query.order_by(identities.c.name_key)).mappings()]


def have_people(conn: Connection) -> bool:
    """Whether somebody can sign in with a password."""
    query = select(credentials.c.id).join(identities).where(credentials.c.kind == Proof.PASSWORD)
    return conn.execute(query.where(identities.c.disabled_at.is_(None)).limit(1)).first() is not None


def note_use(conn: Connection, credential: CredentialRow) -> None:
    """Record that a proof was used just now."""
    conn.execute(update(credentials).where(credentials.c.id == credential.id).values(last_used_at=now()))


def use_is_due(credential: CredentialRow) -> bool:
    """Whether the last use of a proof on record is too old."""
    last = credential.last_used_at
    return last is None or datetime.now(UTC) - parse_time(last) > USE_NOTED_EVERY


def expiry_after(days: float | None) -> str | None:
    """When something ends that lasts this many days."""
    return isoformat(datetime.now(UTC) + timedelta(days=days)) if days is not None else None


def _replace(
    conn: Connection,
    identity_id: str,
    kind: Proof,
    hashed: str,
    *,
    prefix: str | None = None,
    expires_at: str | None = None,
) -> None:
    conn.execute(delete(credentials).where(credentials.c.identity_id == identity_id, credentials.c.kind == kind))
    row = CredentialRow(new_id("cred"), identity_id, kind, hashed, prefix, now(), expires_at, None)
    conn.execute(insert(credentials).values(asdict(row)))


def find_by_provider(conn: Connection, proof: str) -> Known | None:
    """Return the person whom a provider knows by this proof, disabled or not, or None."""
    query = _BOTH.select_from(identities.join(credentials)).where(
        credentials.c.kind == Proof.PROVIDER, credentials.c.hash == proof
    )
    row = conn.execute(query.limit(1)).mappings().one_or_none()
    return _known(row) if row is not None else None


def find_by_email(conn: Connection, email: str) -> Known | None:
    """Return the person with this e-mail address, disabled or not, or None."""
    return _find(conn, func.lower(identities.c.email) == email.lower(), identities.c.kind == Kind.PERSON)


def has_provider(conn: Connection, identity_id: str) -> bool:
    """Whether a provider already knows the person."""
    query = select(credentials.c.id).where(credentials.c.identity_id == identity_id)
    return conn.execute(query.where(credentials.c.kind == Proof.PROVIDER).limit(1)).first() is not None


def set_provider(conn: Connection, identity_id: str, proof: str) -> None:
    """Store what a provider calls a person."""
    _replace(conn, identity_id, Proof.PROVIDER, proof)


def is_free(conn: Connection, text: str, *, besides: str = "") -> bool:
    """Whether nobody else has this name or e-mail address."""
    return _taken_by(conn, text, besides) is None


def _check_free(conn: Connection, name: str | None, email: str | None, *, besides: str = "") -> None:
    # A name must not be another's e-mail address either: both are used to sign in.
    for text in (name, email):
        taken = _taken_by(conn, text, besides) if text is not None else None
        if text is not None and taken is not None:
            message = f"A {taken} already has the name or e-mail address '{text[:100]}'. Choose another."
            raise Conflict(message, code="name_taken", context={"name": text[:100]})


def _taken_by(conn: Connection, text: str, besides: str) -> str | None:
    same = or_(identities.c.name_key == name_key(text), func.lower(identities.c.email) == text.lower())
    query = select(identities.c.kind).where(same, identities.c.id != besides).limit(1)
    return conn.execute(query).scalar_one_or_none()


def _find(conn: Connection, *conditions: ColumnElement[bool]) -> Known | None:
    query = _WITH_OWN_PROOF.where(*conditions)
    row = conn.execute(query.limit(1)).mappings().one_or_none()
    return _known(row) if row is not None else None


def _known(row: RowMapping) -> Known:
    grants = tuple(Grant.model_validate(item) for item in row["i_grants"])
    names = ("id", "name", "email", "created_at", "created_by", "disabled_at")
    identity = Identity(kind=Kind(row["i_kind"]), access=Access(grants), **{name: row[f"i_{name}"] for name in names})
    if row["c_id"] is None:
        return Known(identity, None)
    texts = ("id", "identity_id", "hash", "prefix", "created_at", "expires_at", "last_used_at")
    return Known(identity, CredentialRow(kind=Proof(row["c_kind"]), **{name: row[f"c_{name}"] for name in texts}))


def _stored(grants: Sequence[Grant]) -> list[JsonObject]:
    return [grant.model_dump(mode="json") for grant in grants]


def _hash(text: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(text.encode()).hexdigest()
