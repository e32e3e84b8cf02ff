"""Sends notifications, and records each attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.channels import NotSent, send
from app.commands import sent_links
from app.database.database import Database
from app.domain.errors import DomainError
from app.domain.finding_counts import MAX_TASKS, FindingCounts
from app.domain.identity import now
from app.domain.notifying import NotifyRules
from app.hidden_environment import variables
from app.settings import Settings
from app.storage import notifications, projects
from app.storage.inbox_details import ShownTask
from app.storage.notifications import Notification
from app.storage.occasions import Said, said
from app.storage.projects import ProjectRow
from signoff.schemas.json_value import JsonObject
from signoff.schemas.notifications import LinkInMessage, Message, MessageData
from signoff.vocabulary import NotificationStatus
from workflows.notification import GIVE_UP, SEND, NotificationRef

_MAX_SUMMARY = 2000


@dataclass(frozen=True)
class _Begun:
    """A notification that is sent now. Only `message` has the link to sign: what is stored has none."""

    row: Notification
    message: Message


class Notifications:
    """The activities of `NotificationWorkflow`.

    Args:
        database: has the notifications.
        settings: has the entries to which they belong.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._rules = NotifyRules(settings.notify)
        self._counts = FindingCounts(settings.known_agents)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """The activities, to register."""
        return [self.send_notification, self.give_up_notification]

    @activity.defn(name=SEND)
    async def send_notification(self, ref: NotificationRef) -> None:
        """Send the notifications of a workflow that have not ended, all at once. Each is recorded by itself.

        A worker that dies after sending and before recording it sends it again, with the same id.

        Raises:
            ApplicationError: `NotSent`: at least one was not sent. Temporal tries again, but not those that have ended.
        """
        ids = await self._database.read(lambda conn: notifications.pending_of(conn, ref.notification_id))
        outcomes = await asyncio.gather(*map(self._send, ids), return_exceptions=True)
        errors = [outcome for outcome in outcomes if outcome is not None]
        if unexpected := next((error for error in errors if not isinstance(error, NotSent)), None):
            raise unexpected
        if errors:
            raise ApplicationError(str(errors[0]), type="NotSent") from None

    async def _send(self, notification_id: str) -> None:
        """Send one notification.

        Raises:
            NotSent: it was not sent, and another attempt may help.
        """
        begun = await self._database.persist(lambda conn: self._begin(conn, notification_id))
        if begun is None:
            return
        row, message, entry = begun.row, begun.message, self._rules.named(begun.row.entry)
        try:
            if entry is None:
                raise NotSent(f"The settings of the worker have no [[notify]] entry '{row.entry}'.")
            await send(entry, row.id, message, variables(), to=row.recipient)
        except NotSent as error:
            why, final = str(error), error.final
            await self._database.persist(lambda conn: _note(conn, row.id, why, final=final))
            if final:
                return
            raise
        expires_at = message.data.expires_at
        await self._database.persist(lambda conn: self._delivered(conn, row, expires_at))

    @activity.defn(name=GIVE_UP)
    async def give_up_notification(self, ref: NotificationRef) -> None:
        """Record that what a workflow has not sent until now was not sent."""

        def give_up(conn: Connection) -> None:
            for notification_id in notifications.pending_of(conn, ref.notification_id):
                notifications.end(conn, notification_id, NotificationStatus.FAILED)

        await self._database.persist(give_up)

    def _delivered(self, conn: Connection, row: Notification, expires_at: str | None) -> None:
        found = notifications.find(conn, row.id)
        if found is None or found.status != NotificationStatus.PENDING:
            return
        notifications.end(conn, row.id, NotificationStatus.DELIVERED)
        # A replay has ended before, and was followed by its reminders then.
        if found.ended_at is None:
            notifications.remind(conn, found, self._rules, expires_at)

    def _begin(self, conn: Connection, notification_id: str) -> _Begun | None:
        """Return a notification that is to be sent now, with its message. None if there is nothing to send."""
        row = notifications.find(conn, notification_id)
        if row is None or row.status != NotificationStatus.PENDING:
            return None
        message = row.message
        if message is None:
            project = projects.find(conn, row.project_id)
            what = said(conn, row, project) if project is not None else None
            if project is None or what is None:
                notifications.end(conn, row.id, NotificationStatus.OBSOLETE)
                return None
            message = self._message(row, project, what)
        notifications.begin(conn, row, message)
        said_so = Message.model_validate(message)
        sign = self._link(conn, row)
        if row.link_id is not None and sign is None:
            notifications.end(conn, row.id, NotificationStatus.OBSOLETE)
            return None
        data = said_so.data.model_copy(update={"sign": sign})
        return _Begun(notifications.get(conn, row.id), said_so.model_copy(update={"data": data}))

    def _link(self, conn: Connection, row: Notification) -> LinkInMessage | None:
        """Give the one reader of a message a new link. It is in no table and in no history, only in the message."""
        entry, project = self._rules.named(row.entry), projects.find(conn, row.project_id)
        if entry is None or project is None:
            return None
        link = sent_links.for_notification(conn, row, project, entry)
        if isinstance(link, DomainError):
            notifications.note_error(conn, row.id, f"Without a link to sign: {link.info.message}")
            return None
        if link is None:
            return None
        # Behind `#`, browsers send it to no server, and no log has it.
        url = f"{self._settings.effective_public_url}/sign#{link.text}"
        return LinkInMessage(person=link.person, url=url, expires_at=link.expires_at)

    def _message(self, row: Notification, project: ProjectRow, what: Said) -> JsonObject:
        checked = [ShownTask("", "", "", action, None, 1.0) for action in what.actions[:MAX_TASKS]]
        data = MessageData(
            event=row.event,
            kind=row.kind,
            project_id=project.id,
            project_name=project.name,
            labels=project.labels,
            title=what.title,
            summary=what.summary[:_MAX_SUMMARY],
            findings={**self._counts.count(checked)} if checked else None,
            expires_at=what.expires_at,
            seq=row.seq,
            url=f"{self._settings.effective_public_url}/projects/{project.id}",
        )
        return Message(type=f"signoff.{row.event}", timestamp=now(), data=data).model_dump(mode="json")


def _note(conn: Connection, notification_id: str, why: str, *, final: bool) -> None:
    notifications.note_error(conn, notification_id, why)
    if final:
        notifications.end(conn, notification_id, NotificationStatus.FAILED)
