"""Links that let one person sign one thing. Each is good for one approval, of one version, until it expires."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.identity import new_id, now
from app.domain.sender import LOCAL_ID, SERVER_KEY_ID, Sender
from app.domain.signing_links import LinkFacts
from app.storage import identities
from app.storage.labels import labels_of
from app.storage.people_tables import signing_links as table
from app.storage.reading import Rows
from signoff.vocabulary import LinkStatus, Scope

LINK_PATTERN = re.compile(r"signoff_link_[A-Za-z0-9_-]{43}")
MAX_OF_PROJECT = 200


@dataclass(frozen=True, slots=True)
class SigningLink:
    """A link. `app.storage.people_tables` explains the columns."""

    id: str
    project_id: str
    identity_id: str
    plan_version: int
    plan_digest: str
    phase_id: str | None
    created_at: str
    created_by: str
    created_by_id: str | None
    expires_at: str
    used_at: str | None
    revoked_at: str | None

    @property
    def facts(self) -> LinkFacts:
        """What the record of its approval says about it."""
        return LinkFacts(id=self.id, made_by=self.created_by, made_by_id=self.created_by_id)

    @property
    def status(self) -> LinkStatus:
        """Its state now."""
        if self.used_at is not None:
            return LinkStatus.USED
        if self.revoked_at is not None:
            return LinkStatus.REVOKED
        return LinkStatus.EXPIRED if self.expires_at <= now() else LinkStatus.OPEN

    def why_closed(self) -> Conflict | None:
        """Why nobody can sign with the link any more; None if its person can."""
        match self.status:
            case LinkStatus.USED:
                return Conflict("This link was already used. It lets its person sign once.", code="link_used")
            case LinkStatus.REVOKED:
                return Conflict("This link was revoked. Ask whoever sent it for a new one.", code="link_revoked")
            case LinkStatus.EXPIRED:
                message = f"This link expired at {self.expires_at}. Ask {self.created_by} for a new one."
                return Conflict(message, code="link_expired")
            case LinkStatus.OPEN:
                return None


_ROWS = Rows(table, SigningLink)


def add(
    conn: Connection,
    project_id: str,
    identity_id: str,
    *,
    plan: tuple[int, str],
    phase_id: str | None,
    expires_at: str,
    by: Sender,
) -> tuple[SigningLink, str]:
    """Store a link. Return it with its text, which is stored nowhere.

    Raises:
        Conflict: `too_many_links`.
    """
    if len(of_project(conn, project_id)) >= MAX_OF_PROJECT:
        message = f"A project has at most {MAX_OF_PROJECT} links."
        raise Conflict(message, code="too_many_links")
    text = f"signoff_link_{secrets.token_urlsafe(32)}"
    row = {
        "id": new_id("link"),
        "project_id": project_id,
        "identity_id": identity_id,
        "token_hash": _hash(text),
        "plan_version": plan[0],
        "plan_digest": plan[1],
        "phase_id": phase_id,
        "created_at": now(),
        "created_by": by.actor,
        "created_by_id": by.actor_id,
        "expires_at": expires_at,
    }
    conn.execute(insert(table).values(row))
    return get(conn, project_id, str(row["id"])), text


def find(conn: Connection, text: str) -> SigningLink | None:
    """Return the link with this text, or None."""
    return _ROWS.find(conn, _ROWS.select.where(table.c.token_hash == _hash(text)))


def get(conn: Connection, project_id: str, link_id: str) -> SigningLink:
    """Return a link of a project.

    Raises:
        NotFound: there is none.
    """
    found = _ROWS.find(conn, _ROWS.select.where(table.c.project_id == project_id, table.c.id == link_id))
    if found is None:
        raise NotFound(f"The project has no link '{link_id[:64]}'.", code="link_not_found")
    return found


def by_id(conn: Connection, link_id: str) -> SigningLink:
    """Return a link by its id.

    Raises:
        NotFound: there is none, because its project was deleted.
    """
    found = _ROWS.find(conn, _ROWS.select.where(table.c.id == link_id))
    if found is None:
        raise NotFound("What this link was for was deleted.", code="link_not_found")
    return found


def of_project(conn: Connection, project_id: str) -> list[SigningLink]:
    """Return all links of a project, newest first."""
    return _ROWS.all(conn, _ROWS.select.where(table.c.project_id == project_id).order_by(table.c.id.desc()))


def use(conn: Connection, project_id: str, link_id: str) -> SigningLink:
    """Use up a link, in the transaction that records its person's approval.

    Raises:
        Conflict: `link_used`, `link_revoked` or `link_expired`.
    """
    row = select(table.c.id).where(table.c.project_id == project_id, table.c.id == link_id).with_for_update()
    conn.execute(row)
    link = get(conn, project_id, link_id)
    check(conn, link)
    conn.execute(update(table).where(table.c.id == link.id).values(used_at=now()))
    return link


def reopen(conn: Connection, link_id: str) -> None:
    """Let the person of a link sign again, because their approval is withdrawn."""
    conn.execute(update(table).where(table.c.id == link_id).values(used_at=None))


def check(conn: Connection, link: SigningLink) -> None:
    """Check that the person of a link can sign with it: it is open, and whoever made it may still approve.

    Raises:
        Conflict: `link_used`, `link_revoked` or `link_expired`.
    """
    if (closed := link.why_closed()) is not None:
        raise closed
    maker = link.created_by_id
    if maker in {LOCAL_ID, SERVER_KEY_ID}:
        return
    known = identities.find(conn, maker) if maker is not None else None
    if known is None or not known.identity.access.may(Scope.APPROVE, labels_of(conn, link.project_id) or ()):
        message = f"{link.created_by}, who made this link, may no longer approve here. Ask for a new one."
        raise Conflict(message, code="link_revoked")


def revoke(conn: Connection, project_id: str, link_id: str) -> SigningLink:
    """End a link. One that was used stays as it is.

    Raises:
        NotFound: there is none.
    """
    get(conn, project_id, link_id)
    still_open = (table.c.id == link_id, table.c.used_at.is_(None), table.c.revoked_at.is_(None))
    conn.execute(update(table).where(*still_open).values(revoked_at=now()))
    return get(conn, project_id, link_id)


def _hash(text: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(text.encode()).hexdigest()
