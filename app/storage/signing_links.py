"""Links that let one person sign one thing. Each is good for one approval, of one version, until it expires."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from app.domain.errors import Conflict, NotFound
from app.domain.identity import new_id, now
from app.domain.notifying import NOTIFY, NotifyRules
from app.domain.sender import LOCAL_ID, SERVER_KEY_ID, Sender, called
from app.domain.signing_links import SETTINGS_ID, LinkFacts, Signable
from app.storage import identities
from app.storage.identities import Identity, Kind
from app.storage.labels import labels_of
from app.storage.people_tables import signing_links as table
from app.storage.reading import Rows
from signoff.vocabulary import LinkStatus, Scope

LINK_PATTERN = re.compile(r"signoff_link_[A-Za-z0-9_-]{43}")
MAX_OF_PROJECT = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """How the server itself sends a link: through which `[[notify]]` entry, to which address, and which author asked for it."""

    entry: str
    address: str
    requested_by: Sender | None = None

    @property
    def columns(self) -> dict[str, str | None]:
        """The columns of the link."""
        asker = self.requested_by
        return {
            "entry": self.entry,
            "address": self.address,
            "requested_by": asker.actor if asker is not None else None,
            "requested_by_id": asker.actor_id if asker is not None else None,
        }


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
    entry: str | None
    address: str | None
    requested_by: str | None
    requested_by_id: str | None

    @property
    def facts(self) -> LinkFacts:
        """What the record of its approval says about it."""
        facts = LinkFacts(id=self.id, made_by=self.created_by, made_by_id=self.created_by_id)
        if self.requested_by is not None:
            facts["requested_by"], facts["requested_by_id"] = self.requested_by, self.requested_by_id or ""
        if self.entry is not None and self.address is not None:
            facts["delivered_by"], facts["delivered_to"] = self.entry, self.address
        return facts

    @property
    def what(self) -> Signable:
        """What may be signed with it."""
        return Signable(self.plan_version, self.plan_digest, self.phase_id)

    @property
    def whom_to_ask(self) -> str:
        """Who can have a new link made."""
        by_server = self.requested_by is None and self.created_by_id == SETTINGS_ID
        return "the people of the project" if by_server else called(self.requested_by or self.created_by)

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
                message = f"This link expired at {self.expires_at}. Ask {self.whom_to_ask} for a new one."
                return Conflict(message, code="link_expired")
            case LinkStatus.OPEN:
                return None


_ROWS = Rows(table, SigningLink)


def add(
    conn: Connection,
    project_id: str,
    identity_id: str,
    what: Signable,
    *,
    expires_at: str,
    by: Sender,
    sent: Sent | None = None,
) -> tuple[SigningLink, str]:
    """Store a link. Return it with its text, which is stored nowhere.

    Args:
        conn: an open write transaction.
        project_id: the project.
        identity_id: the person who may sign.
        what: what they may sign.
        expires_at: until when.
        by: who vouches for the person.
        sent: how the server sends the link; None if whoever makes it does that.

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
        "plan_version": what.version,
        "plan_digest": what.digest,
        "phase_id": what.phase_id,
        "created_at": now(),
        "created_by": by.actor,
        "created_by_id": by.actor_id,
        "expires_at": expires_at,
        **(sent.columns if sent is not None else {}),
    }
    conn.execute(insert(table).values(row))
    return get(conn, project_id, str(row["id"])), text


def renew(conn: Connection, link: SigningLink, expires_at: str) -> str:
    """Give a link a new text, and return it. The earlier one is no longer valid."""
    text = f"signoff_link_{secrets.token_urlsafe(32)}"
    conn.execute(update(table).where(table.c.id == link.id).values(token_hash=_hash(text), expires_at=expires_at))
    return text


def last_sent(conn: Connection, project_id: str, identity_id: str, entry: str, what: Signable) -> SigningLink | None:
    """Return the newest link that the settings let a person have through an entry, or None. Requested ones do not count."""
    same = (table.c.project_id == project_id, table.c.identity_id == identity_id, table.c.entry == entry)
    version = (table.c.plan_version == what.version, table.c.plan_digest == what.digest)
    found = _ROWS.all(
        conn, _ROWS.select.where(*same, *version, table.c.requested_by.is_(None)).order_by(table.c.id.desc())
    )
    return next((link for link in found if link.what == what), None)


def revoke_requested(conn: Connection, project_id: str, identity_id: str) -> None:
    """End the links of a person for which authors have asked, as `revoke` does."""
    same = (table.c.project_id == project_id, table.c.identity_id == identity_id, table.c.requested_by.is_not(None))
    conn.execute(update(table).where(*same, table.c.revoked_at.is_(None)).values(revoked_at=now()))


def listed(conn: Connection, person: str) -> Identity:
    """Return the person with this id, name or e-mail address who can have a link.

    Raises:
        NotFound: `person_not_found`.
    """
    found = identities.find_named(conn, person, Kind.PERSON)
    if found is None or found.disabled_at is not None:
        message = f"Nobody is listed as '{person[:100]}'. Give `name` for somebody new."
        raise NotFound(message, code="person_not_found")
    return found


def check_not_listed(conn: Connection, name: str, email: str | None) -> None:
    """Check that nobody who is listed has this name or e-mail address.

    Raises:
        Conflict: `name_taken`.
    """
    for text in (name, email):
        known = identities.find_named(conn, text, Kind.PERSON) if text is not None else None
        if known is not None:
            message = f"{known.name} is already listed. To make a link for them, name them in `person`: {known.id}."
            raise Conflict(message, code="name_taken", context={"person": known.id})


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
    if link.entry is not None:
        _check_sent(conn, link, link.entry)
        return
    maker = link.created_by_id
    if maker in {LOCAL_ID, SERVER_KEY_ID}:
        return
    known = identities.find(conn, maker) if maker is not None else None
    if known is None or not known.identity.access.may(Scope.APPROVE, labels_of(conn, link.project_id) or ()):
        message = f"{called(link.created_by)}, who made this link, may no longer approve here. Ask for a new one."
        raise Conflict(message, code="link_revoked")


def _check_sent(conn: Connection, link: SigningLink, name: str) -> None:
    """Check that the settings still let a person sign by a link that the server sent, and that an author still may ask for it.

    Raises:
        Conflict: `link_revoked`.
    """
    rules: NotifyRules = conn.get_execution_options().get(NOTIFY) or NotifyRules()
    entry, labels = rules.named(name), labels_of(conn, link.project_id) or ()
    if link.requested_by is None:
        allowed = entry is not None and entry.person(link.address) is not None
    else:
        asker, person = identities.find(conn, link.requested_by_id or ""), identities.find(conn, link.identity_id)
        may_ask = link.requested_by_id in {LOCAL_ID, SERVER_KEY_ID} or (
            asker is not None
            and any(asker.identity.access.may(scope, labels) for scope in (Scope.AUTHOR, Scope.APPROVE))
        )
        by_role = person is not None and person.identity.access.may(Scope.APPROVE, labels)
        by_domain = entry is not None and entry.mails_to(link.address or "")
        allowed = may_ask and entry is not None and entry.links_on_request and (by_role or by_domain)
    if not allowed:
        message = f"This server no longer lets the person of this link sign by it. Ask {link.whom_to_ask}."
        raise Conflict(message, code="link_revoked")


def revoke(conn: Connection, project_id: str, link_id: str) -> SigningLink:
    """End a link. One that was used stays used, and is not good again if its approval is withdrawn.

    Raises:
        NotFound: there is none.
    """
    get(conn, project_id, link_id)
    still_open = (table.c.id == link_id, table.c.revoked_at.is_(None))
    conn.execute(update(table).where(*still_open).values(revoked_at=now()))
    return get(conn, project_id, link_id)


def _hash(text: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(text.encode()).hexdigest()
