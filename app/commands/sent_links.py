"""Links to sign that the server sends itself: to people whom its settings name, and to those whom authors ask to sign.

Nobody but their person sees such a link: its text exists only in the worker that sends it, and in the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from app.domain.errors import Conflict, DomainError, Forbidden, Invalid
from app.domain.identity import isoformat
from app.domain.names import MailAddress, mailbox_of
from app.domain.notifying import NOTIFY, SIGNABLE, LinkPerson, NotifyEntry, NotifyRules, Occasion
from app.domain.sender import Sender
from app.domain.signing_links import SETTINGS, SETTINGS_ID, Signable
from app.storage import gates, identities, notifications, signable, signing_links
from app.storage.identities import Identity, Kind
from app.storage.notifications import Notification
from app.storage.projects import ProjectRow
from app.storage.signing_links import Sent, SigningLink
from signoff.vocabulary import InboxKind, LinkStatus, NotifyEvent, ProjectStatus, Scope, Via

_ADDRESS: TypeAdapter[str] = TypeAdapter(MailAddress)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A link with its text, for one person."""

    person: str
    text: str
    expires_at: str


def for_notification(
    conn: Connection, row: Notification, project: ProjectRow, entry: NotifyEntry
) -> Fresh | DomainError | None:
    """Give the link of a notification a new text. An earlier text for the same person and the same approval is void after it.

    Returns:
        The link; or why its person cannot sign by one; or None if the notification is of a kind that has no link.
    """
    if row.recipient is None or row.kind not in SIGNABLE:
        return None
    try:
        what = signable.waiting(conn, project)
        if not _is_about(row, what):
            raise Conflict("Something else waits for an approval first.", code="nothing_to_sign")
        link = _asked_for(conn, row.link_id, what) if row.link_id is not None else None
        person = _person(conn, entry, row.recipient) if link is None else None
        identity_id = link.identity_id if link is not None else str(person)
        known = identities.find(conn, identity_id)
        if known is None:
            raise Forbidden("The person is disabled.", code="not_a_signer")
        vouched_by = link.created_by_id if link is not None else SETTINGS_ID
        _check_may_sign(conn, project, what, known.identity, vouched_by)
        if link is None:
            link = signing_links.last_sent(conn, project.id, identity_id, entry.name, what)
        if link is not None and link.status in {LinkStatus.USED, LinkStatus.REVOKED}:
            raise Conflict(f"The link is {link.status}.", code="link_revoked")
        expires_at = isoformat(datetime.now(UTC) + timedelta(hours=entry.link_hours))
        if link is not None:
            return Fresh(known.identity.name, signing_links.renew(conn, link, expires_at), expires_at)
        sent = Sent(entry.name, row.recipient)
        _, text = signing_links.add(conn, project.id, identity_id, what, expires_at=expires_at, by=SETTINGS, sent=sent)
    except DomainError as error:
        return error
    return Fresh(known.identity.name, text, expires_at)


def ask(
    conn: Connection, project: ProjectRow, by: Sender, *, person: str | None, name: str | None, email: str | None
) -> SigningLink:
    """Have the server mail a link to somebody. Only they see its text; whoever asks for it does not.

    Raises:
        Conflict: `links_not_mailed` (the settings name no e-mail entry for it), `nothing_to_sign`, `name_taken`,
            `person_without_address`, or why the person cannot sign now.
        Invalid: the request names nobody, or names them twice.
        NotFound: `person_not_found`.
        Forbidden: `link_to_self`, `address_not_allowed`, or why the person may not sign.
    """
    rules: NotifyRules = conn.get_execution_options().get(NOTIFY) or NotifyRules()
    entry = rules.on_request
    if entry is None:
        message = (
            "This server does not mail links. An administrator must set links_on_request = true in a [[notify]] entry whose "
            "url begins with mailto:// or mailtos://."
        )
        raise Conflict(message, code="links_not_mailed")
    what = signable.waiting(conn, project)
    found = _named(conn, entry, by, person=person, name=name, email=email)
    address = _address_of(found)
    if found.id == by.actor_id or _reads(conn, by.actor_id, address):
        raise Forbidden("A link is for somebody else. Ask another person to sign.", code="link_to_self")
    by_role = found.access.may(Scope.APPROVE, project.labels)
    if not by_role:
        _check_stranger(conn, project, entry, found, address)
    # An administrator chose the people who have a role. Everybody else was chosen by whoever asks, and counts once with them.
    maker = SETTINGS if by_role else by
    _check_may_sign(conn, project, what, found, maker.actor_id)
    signing_links.revoke_requested(conn, project.id, found.id)
    expires_at = isoformat(datetime.now(UTC) + timedelta(hours=entry.link_hours))
    sent = Sent(entry.name, address, by)
    # Nobody learns this text: the worker that sends the mail gives the link another one.
    link, _ = signing_links.add(conn, project.id, found.id, what, expires_at=expires_at, by=maker, sent=sent)
    kind, item = (InboxKind.PHASE, what.phase_id) if what.phase_id is not None else (InboxKind.PLAN, str(what.version))
    if kind == InboxKind.PLAN and project.status == ProjectStatus.RUNNING:
        kind = InboxKind.EDIT
    about = Occasion(NotifyEvent.WAITING, kind, str(item))
    notifications.tell_one(conn, project.id, entry.name, about, recipient=address, link_id=link.id)
    return link


def _check_stranger(conn: Connection, project: ProjectRow, entry: NotifyEntry, found: Identity, address: str) -> None:
    """Check that an author may choose somebody who has no role for a project, and that it is not an author in disguise.

    Raises:
        Forbidden: `address_not_allowed` or `link_to_self`.
    """
    if not entry.mails_to(address):
        raise _not_allowed(entry, found.name)
    authors = gates.authors_of(conn, project)
    if found.id in authors or any(_reads(conn, author, address) for author in authors):
        message = f"The mails for {address} go to somebody who worked on this plan. Ask another person to sign."
        raise Forbidden(message, code="link_to_self")


def _reads(conn: Connection, identity_id: str | None, address: str) -> bool:
    """Whether somebody is listed with an address of the same mailbox."""
    known = identities.find(conn, identity_id) if identity_id is not None else None
    own = known.identity.email if known is not None else None
    return own is not None and mailbox_of(own) == mailbox_of(address)


def _is_about(row: Notification, what: Signable) -> bool:
    if row.kind == InboxKind.PHASE:
        return what.phase_id == row.item_id
    return what.phase_id is None and str(what.version) == row.item_id


def _asked_for(conn: Connection, link_id: str, what: Signable) -> SigningLink:
    link = signing_links.by_id(conn, link_id)
    signing_links.check(conn, link)
    if link.what != what:
        raise Conflict("The plan has changed since the link was asked for.", code="plan_superseded")
    return link


def _person(conn: Connection, entry: NotifyEntry, address: str) -> str:
    """Return the id of the person whom an entry names, who is added if nobody has their address."""
    person: LinkPerson | None = entry.person(address)
    if person is None:
        raise Forbidden("The settings no longer let this address have links.", code="address_not_allowed")
    known = identities.find_by_email(conn, person.email)
    if known is not None:
        return known.identity.id
    return identities.add(conn, Kind.PERSON, person.name, [], by=SETTINGS, email=person.email)


def _check_may_sign(
    conn: Connection, project: ProjectRow, what: Signable, person: Identity, vouched_by: str | None
) -> None:
    gate = signable.gate_of(conn, project, what)
    if gate is None:
        return
    who = Sender(person.name, person.id, Via.LINK)
    if (why := signable.why_not(conn, project, gate, who, vouched_by)) is not None:
        raise why


def _named(
    conn: Connection, entry: NotifyEntry, by: Sender, *, person: str | None, name: str | None, email: str | None
) -> Identity:
    if (person is None) == (name is None and email is None) or (person is None and (name is None or email is None)):
        raise Invalid("Name the person: either `person`, or `name` and `email` for somebody who is not listed.")
    if person is not None:
        return signing_links.listed(conn, person)
    signing_links.check_not_listed(conn, str(name), email)
    if not entry.mails_to(str(email)):
        raise _not_allowed(entry, str(email))
    identity_id = identities.add(conn, Kind.PERSON, str(name), [], by=by, email=email)
    return identities.get(conn, identity_id, Kind.PERSON).identity


def _address_of(person: Identity) -> str:
    try:
        return _ADDRESS.validate_python(person.email)
    except ValidationError as error:
        message = f"{person.name} is listed without an e-mail address to which mail can be sent. An administrator can add one."
        raise Conflict(message, code="person_without_address") from error


def _not_allowed(entry: NotifyEntry, who: str) -> Forbidden:
    domains = ", ".join(entry.link_domains)
    more = f", or has an address at {domains}" if domains else "; link_domains of the [[notify]] entry can allow more"
    message = f"{who} may not have a link: ask somebody who has the role approver for this project{more}."
    return Forbidden(message, code="address_not_allowed")
