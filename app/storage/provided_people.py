"""People whom an identity provider, or a reverse proxy, knows: found again by its id for them, or added."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.domain.people import Grant, objection_to_name
from app.domain.sender import Sender
from app.domain.sign_in import Claims
from app.storage import identities
from app.storage.identities import Identity, Kind, Known

_MAX_NAME_LENGTH = 100
_MAX_EMAIL_LENGTH = 200
_MAX_TRIES = 1000


def person_of(
    conn: Connection, claims: Claims, *, grants: Sequence[Grant] | None, first_grants: Sequence[Grant], by: Sender
) -> Known:
    """Return the person whom a provider names, with the name, e-mail address and roles that it gives them now.

    Somebody whom an administrator has added with the same e-mail address is that person, unless another account of the provider
    already is.

    Args:
        conn: a write transaction.
        claims: what the provider says.
        grants: the roles that the provider's groups give; None if an administrator gives them.
        first_grants: the roles of somebody who is new, if groups give none.
        by: who adds somebody new.
    """
    found = identities.find_by_provider(conn, claims.proof)
    if found is None and claims.email is not None:
        known = identities.find_by_email(conn, claims.email)
        if known is not None and not identities.has_provider(conn, known.identity.id):
            identities.set_provider(conn, known.identity.id, claims.proof)
            found = identities.find_by_provider(conn, claims.proof)
    if found is None:
        email = claims.email if claims.email is not None and _may_have(conn, claims.email) else None
        name = _free_name(conn, claims)
        person_id = identities.add(
            conn, Kind.PERSON, name, first_grants if grants is None else grants, by=by, email=email
        )
        identities.set_provider(conn, person_id, claims.proof)
    else:
        _update(conn, found.identity, claims, grants)
    found = identities.find_by_provider(conn, claims.proof)
    if found is None:
        raise RuntimeError("the person who was just stored is gone")
    return found


def _update(conn: Connection, identity: Identity, claims: Claims, grants: Sequence[Grant] | None) -> None:
    changes: dict[str, object] = {}
    if grants is not None and list(identity.access.grants) != list(grants):
        changes["grants"] = grants
    email = claims.email
    if email is not None and email != identity.email and _may_have(conn, email, besides=identity.id):
        changes["email"] = email
    if identity.name not in claims.possible_names and _is_valid(conn, claims.name, besides=identity.id):
        changes["name"] = claims.name
    if changes:
        identities.change(conn, identity, **changes)


def _free_name(conn: Connection, claims: Claims) -> str:
    for name in claims.possible_names:
        if _is_valid(conn, name):
            return name
    base = next((name for name in claims.possible_names if objection_to_name(name) is None), "Person")
    numbered = (f"{base[: _MAX_NAME_LENGTH - 5]} {number}" for number in range(2, _MAX_TRIES))
    return next(name for name in numbered if _is_valid(conn, name))


def _is_valid(conn: Connection, name: str, *, besides: str = "") -> bool:
    fits = 0 < len(name) <= _MAX_NAME_LENGTH
    return fits and objection_to_name(name) is None and identities.is_free(conn, name, besides=besides)


def _may_have(conn: Connection, email: str, *, besides: str = "") -> bool:
    is_one = "@" in email and email.isprintable() and " " not in email and len(email) <= _MAX_EMAIL_LENGTH
    return is_one and identities.is_free(conn, email, besides=besides)
