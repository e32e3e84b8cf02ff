"""Notifications: each is stored in the transaction of the event that it is about, and then delivered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update
from sqlalchemy.sql.elements import TextClause

from app.domain.errors import Conflict, NotFound
from app.domain.identity import isoformat, new_id, now, parse_time
from app.domain.notifying import NOTIFY, NotifyEntry, NotifyRules, Occasion, occasion_of
from app.storage.notification_table import IS_PENDING, notifications
from app.storage.reading import Rows
from app.storage.tables import projects
from signoff.schemas.event_base import EventData
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import InboxKind, NotificationStatus, NotifyEvent, ProjectStatus

# If nothing was heard of a notification for this long, its workflow is started again.
SILENCE = timedelta(hours=1)
# How many notifications one workflow sends to a webhook. All of them must fit into one attempt.
BATCH = 25


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification. `app.storage.notification_table` explains the columns."""

    id: str
    project_id: str
    seq: int
    entry: str
    event: NotifyEvent
    kind: InboxKind | None
    item_id: str | None
    status: NotificationStatus
    message: JsonObject | None
    attempts: int
    last_error: str | None
    due_at: str | None
    created_at: str
    batch_id: str | None
    handed_over_at: str | None
    ended_at: str | None
    recipient: str | None
    link_id: str | None


_ROWS = Rows(notifications, Notification)


def note(conn: Connection, project_id: str, news: Iterable[tuple[Event, EventData]]) -> None:
    """Store a notification of each new event for everybody who is told about it."""
    rules: NotifyRules | None = conn.get_execution_options().get(NOTIFY)
    if rules is None or not rules.entries:
        return
    found = [(event, occasion) for event, data in news if (occasion := occasion_of(data)) is not None]
    if not found:
        return
    project = conn.execute(select(projects.c.labels, projects.c.status).where(projects.c.id == project_id)).one()
    rows: list[JsonObject] = []
    for event, occasion in found:
        if occasion.kind == InboxKind.PLAN and project.status == ProjectStatus.RUNNING:
            occasion = replace(occasion, kind=InboxKind.EDIT)  # noqa: PLW2901
        for name in rules.told(occasion, project.labels):
            row = _fresh(project_id, event.seq, name, occasion, at=event.at)
            rows += [_values(replace(row, id=new_id("msg"), recipient=one)) for one in rules.recipients(name)]
    if rows:
        conn.execute(insert(notifications), rows)


def tell_one(conn: Connection, project_id: str, entry: str, what: Occasion, *, recipient: str, link_id: str) -> None:
    """Store a notification for one person, of something that waits, with the link for which an author has asked."""
    seq = conn.execute(select(projects.c.last_seq).where(projects.c.id == project_id)).scalar_one()
    row = _fresh(project_id, seq, entry, what, at=now())
    conn.execute(insert(notifications).values(_values(replace(row, recipient=recipient, link_id=link_id))))


def _fresh(project_id: str, seq: int, entry: str, occasion: Occasion, *, at: str) -> Notification:
    return Notification(
        id=new_id("msg"),
        project_id=project_id,
        seq=seq,
        entry=entry,
        event=occasion.event,
        kind=occasion.kind,
        item_id=occasion.item_id,
        status=NotificationStatus.PENDING,
        message=None,
        attempts=0,
        last_error=None,
        due_at=None,
        created_at=at,
        batch_id=None,
        handed_over_at=None,
        ended_at=None,
        recipient=None,
        link_id=None,
    )


def _values(row: Notification) -> JsonObject:
    return {name: getattr(row, name) for name in Notification.__slots__}


def has_waiting(conn: Connection) -> bool:
    """Whether a notification waits for a workflow: none was started, or it has recorded nothing for an hour."""
    return conn.execute(select(notifications.c.id).where(*_is_waiting()).limit(1)).first() is not None


def to_start(conn: Connection, *, limit: int) -> list[str]:
    """Return the ids of the workflows that send the notifications that wait. Puts what goes to one webhook into batches.

    A batch is fixed before its workflow starts. So no notification is in two workflows, even if the app stops in between.
    """
    query = select(notifications.c.id, notifications.c.entry, notifications.c.batch_id, notifications.c.handed_over_at)
    rows = conn.execute(query.where(*_is_waiting()).order_by(notifications.c.id).limit(limit)).all()
    rules: NotifyRules = conn.get_execution_options().get(NOTIFY) or NotifyRules()
    fresh: dict[str, list[str]] = {}
    for row in rows:
        entry = rules.named(row.entry)
        if row.batch_id is None and row.handed_over_at is None and entry is not None and entry.webhook is not None:
            fresh.setdefault(row.entry, []).append(row.id)
    for ids in fresh.values():
        for first in range(0, len(ids), BATCH):
            some = notifications.c.id.in_(ids[first : first + BATCH])
            # On PostgreSQL, another app may have been faster.
            free = some & notifications.c.batch_id.is_(None)
            conn.execute(update(notifications).where(free).values(batch_id=new_id("batch")))
    workflow = func.coalesce(notifications.c.batch_id, notifications.c.id)
    started = select(workflow).where(notifications.c.id.in_([row.id for row in rows])).distinct()
    return list(conn.execute(started).scalars())


def _is_waiting() -> tuple[TextClause, ColumnElement[bool], ColumnElement[bool]]:
    silent = isoformat(datetime.now(UTC) - SILENCE)
    due = or_(notifications.c.handed_over_at.is_(None), notifications.c.handed_over_at < silent)
    ripe = or_(notifications.c.due_at.is_(None), notifications.c.due_at <= now())
    return IS_PENDING, due, ripe


def mark_handed_over(conn: Connection, workflows: Collection[str]) -> None:
    """Record that these workflows were started."""
    conn.execute(update(notifications).where(_sent_by(workflows)).values(handed_over_at=now()))


def pending_of(conn: Connection, workflow: str) -> list[str]:
    """Return the ids of the notifications that a workflow still has to send."""
    query = select(notifications.c.id).where(IS_PENDING, _sent_by([workflow])).order_by(notifications.c.id)
    return list(conn.execute(query).scalars())


def _sent_by(workflows: Collection[str]) -> ColumnElement[bool]:
    alone = notifications.c.batch_id.is_(None) & notifications.c.id.in_(workflows)
    return or_(notifications.c.batch_id.in_(workflows), alone)


def find(conn: Connection, notification_id: str) -> Notification | None:
    """Return a notification, or None."""
    return _ROWS.find(conn, _ROWS.select.where(notifications.c.id == notification_id))


def get(conn: Connection, notification_id: str) -> Notification:
    """Return a notification.

    Raises:
        NotFound: there is none.
    """
    row = find(conn, notification_id)
    if row is None:
        raise NotFound(f"There is no notification {notification_id[:64]}.", code="notification_not_found")
    return row


def begin(conn: Connection, row: Notification, message: JsonObject) -> None:
    """Record that a notification is about to be sent. A later attempt sends the same message."""
    values = {"attempts": row.attempts + 1, "message": row.message or message, "handed_over_at": now()}
    conn.execute(update(notifications).where(notifications.c.id == row.id, IS_PENDING).values(**values))


def note_error(conn: Connection, notification_id: str, error: str) -> None:
    """Record why an attempt has failed. The notification is tried again."""
    conn.execute(update(notifications).where(notifications.c.id == notification_id).values(last_error=error))


def end(conn: Connection, notification_id: str, status: NotificationStatus, error: str | None = None) -> None:
    """End a pending notification."""
    values = {"status": status, "ended_at": now()} | ({"last_error": error} if error is not None else {})
    conn.execute(update(notifications).where(notifications.c.id == notification_id, IS_PENDING).values(**values))


def remind(conn: Connection, row: Notification, rules: NotifyRules, expires_at: str | None) -> None:
    """Store the reminders that follow a notification of something that waits: again, before the deadline, and to others."""
    entry = rules.named(row.entry)
    if entry is None or row.event != NotifyEvent.WAITING or row.link_id is not None:
        return
    at = datetime.now(UTC)
    follow = [(entry.name, row.recipient, at + entry.remind)] if entry.remind is not None else []
    if row.due_at is None:
        # Once only: not after each reminder.
        if entry.before is not None and expires_at is not None and parse_time(expires_at) - entry.before > at:
            follow.append((entry.name, row.recipient, parse_time(expires_at) - entry.before))
        if entry.escalate is not None and entry.escalate_to is not None and _is_first_of(row, entry):
            others = rules.recipients(entry.escalate_to)
            follow += [(entry.escalate_to, other, at + entry.escalate) for other in others]
    fresh = {"status": NotificationStatus.PENDING, "message": None, "attempts": 0, "last_error": None}
    fresh |= {"created_at": now(), "batch_id": None, "handed_over_at": None, "ended_at": None}
    for name, recipient, due in follow:
        own = {"id": new_id("msg"), "entry": name, "recipient": recipient, "due_at": isoformat(due)}
        conn.execute(insert(notifications).values(_values(row) | fresh | own))


def _is_first_of(row: Notification, entry: NotifyEntry) -> bool:
    """Whether others are told because of this one: once, however many people the entry names."""
    return not entry.sign_by_link or row.recipient == entry.sign_by_link[0].email


def replay(conn: Connection, notification_id: str) -> Notification:
    """Have a notification sent again, with the same id and message.

    Raises:
        NotFound: there is none.
        Conflict: `notification_pending`: it is still being sent.
    """
    row = get(conn, notification_id)
    if row.status == NotificationStatus.PENDING:
        raise Conflict("The notification is still being sent. Wait until it has ended.", code="notification_pending")
    values = {"status": NotificationStatus.PENDING, "batch_id": None, "handed_over_at": None}
    conn.execute(update(notifications).where(notifications.c.id == row.id).values(**values))
    return get(conn, row.id)


def page(
    conn: Connection, *, status: NotificationStatus | None, limit: int, offset: int, after: str | None = None
) -> tuple[Sequence[Notification], int, str | None]:
    """Return one page of notifications, newest first, how many there are, and where the page ends if there are more.

    Args:
        after: where the page before ended.
    """
    chosen = [notifications.c.status == status] if status is not None else []
    total = conn.execute(select(func.count()).select_from(notifications).where(*chosen)).scalar_one()
    query = _ROWS.select.where(*chosen).order_by(notifications.c.id.desc())
    if after is not None:
        query = query.where(notifications.c.id < after)
    found = _ROWS.all(conn, query.limit(limit + 1).offset(offset))
    rows = found[:limit]
    return rows, total, rows[-1].id if len(found) > limit else None
