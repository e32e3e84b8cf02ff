"""What waits for a person across all projects."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from signoff.schemas.json_value import JsonValue
from signoff.vocabulary import InboxKind


class InboxAnswer(BaseModel):
    """The call that settles an item. `body` has what the call must name so that it means what the reader saw.

    A person may send another call in its place, such as one that skips the task or requests changes. Questions need `answer` as
    well, and plans to which changes were requested `edits` or a `message`.
    """

    method: Literal["POST"]
    path: str
    body: dict[str, JsonValue]


class InboxFindings(BaseModel):
    """How many findings the audit has for what would run next, by severity."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0


class InboxItem(BaseModel):
    """Something that waits for the reader."""

    kind: InboxKind
    project_id: str
    project_name: str
    labels: list[str]
    title: str = Field(
        description="The plan's summary, the changes that were requested, the name of the phase, the title of the task, or the "
        "question."
    )
    since: str
    expires_at: str | None = Field(description="When it ends without an answer; null if it waits for ever.")
    task_id: str | None
    task_key: str | None
    phase_id: str | None
    decision_id: str | None
    plan_version: int | None
    plan_digest: str | None
    options: list[str] = Field(description="The answers among which a question lets a person choose.")
    findings: InboxFindings | None = Field(
        description="For plans, phases and tasks to release: what to check before you sign. Null for other kinds, and for "
        "plans that are too long to check for a list; the project's audit checks them."
    )
    answer: InboxAnswer
    page: str = Field(description="Where the web page shows it, below the server's address.")


class Inbox(BaseModel):
    """A page of what waits for the reader: first what expires, by its deadline, then the rest, oldest first.

    `counts` counts all items by kind.
    """

    items: list[InboxItem]
    total: int
    limit: int
    offset: int
    counts: dict[InboxKind, int]
