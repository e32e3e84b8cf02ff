"""The table of notifications: who is told about what, and what came of it."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text, text

from app.storage.columns import metadata, partial_index, project_id

IS_PENDING = text("notifications.status = 'pending'")

notifications = Table(
    "notifications",
    metadata,
    # The `webhook-id`, which stays the same however often it is sent.
    Column("id", String(64), primary_key=True),
    project_id(),
    # The number of the event that caused it.
    Column("seq", Integer, nullable=False),
    # The name of the `[[notify]]` entry. Addresses and secrets are only in the settings.
    Column("entry", String(64), nullable=False),
    Column("event", String(16), nullable=False),
    Column("kind", String(32)),
    Column("item_id", String(64)),
    Column("status", String(16), nullable=False),
    # What is sent, as it was when it was first sent: a repeat must not differ.
    Column("message", JSON(none_as_null=True)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", Text),
    # A reminder is sent when it is due, if somebody still waits. Others are sent at once.
    Column("due_at", String(32)),
    Column("created_at", String(32), nullable=False),
    # The notifications that one workflow sends together, to one receiver. Null: its workflow sends nothing else.
    Column("batch_id", String(64)),
    # When a workflow was last started for it.
    Column("handed_over_at", String(32)),
    Column("ended_at", String(32)),
    # The address of the one person whom it is for, if it can have a link to sign; and the link, if an author asked for one.
    Column("recipient", String(200)),
    Column("link_id", String(64)),
    Index("ix_notifications_project_id", "project_id"),
    partial_index("ix_notifications_pending", "handed_over_at", "id", where=text("status = 'pending'")),
    partial_index("ix_notifications_batch", "batch_id", where=text("status = 'pending'")),
)
