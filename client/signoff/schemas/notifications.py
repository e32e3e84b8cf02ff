"""Notifications: who was told about what, and what came of it."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signoff.vocabulary import InboxKind, NotificationStatus, NotifyEvent


class LinkInMessage(BaseModel):
    """A link for the one person who reads a message. Whoever has `url` can sign as them."""

    person: str
    url: str
    expires_at: str


class MessageData(BaseModel):
    """What people are told."""

    event: NotifyEvent
    kind: InboxKind | None
    project_id: str
    project_name: str
    labels: list[str]
    title: str = Field(description="What waits: the phase, the task, the question or the version of the plan.")
    summary: str
    findings: dict[str, int] | None = Field(description="Audit findings of what would run, by severity.")
    expires_at: str | None
    seq: int
    url: str = Field(description="The page of the project.")
    sign: LinkInMessage | None = Field(default=None, description="The link to sign, if the reader can sign by one.")


class Message(BaseModel):
    """The body of a webhook."""

    type: str
    timestamp: str
    data: MessageData


class Notification(BaseModel):
    """A notification. Addresses and secrets are only in the settings of the server."""

    id: str = Field(description="The `webhook-id`, the same for each attempt and each replay.")
    project_id: str
    entry: str = Field(description="The name of the `[[notify]]` entry.")
    event: NotifyEvent
    kind: InboxKind | None = Field(description="What waits, if something does.")
    seq: int = Field(description="The number of the event that caused it.")
    recipient: str | None = Field(
        description="The address of the one person whom it is for, if it can have a link to sign."
    )
    status: NotificationStatus
    attempts: int
    last_error: str | None
    due_at: str | None = Field(description="When a reminder is sent, if somebody still waits; null if it is none.")
    created_at: str
    ended_at: str | None


class NotificationList(BaseModel):
    """A page of notifications, newest first."""

    notifications: list[Notification]
    total: int
    limit: int
    offset: int
    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page. Null: there is none."
    )
