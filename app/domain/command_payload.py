"""What commands and their decisions say, beside who gave them."""

from __future__ import annotations

from typing import TypedDict

from app.domain.command_kinds import CommandKind
from app.domain.frozen import Captured, ChangedItem
from app.domain.gates import GateFacts
from app.domain.parameters import Value
from app.domain.signing_links import LinkFacts
from signoff.schemas.json_value import JsonObject


class CommandPayload(TypedDict, total=False):
    """What a command says: its fields, and what its decision adds. Each kind has only some of them."""

    planner: str | None
    instructions: str | None
    parameters: dict[str, Value | None] | None
    refine: bool
    edits: list[JsonObject] | None
    plan_version: int | None
    plan_digest: str | None
    phase_id: str | None
    frozen_digest: str | None
    # The signature of the sender's own device over what it lets run (`app.domain.passkeys`).
    passkey: JsonObject | None
    delete: bool
    task: str
    decision: str | None
    answer: str
    outputs: JsonObject
    read: dict[str, str] | None
    missing_files: list[str] | None
    # The keys of tasks and phases that an edit changed, or the ids or keys of the tasks that a retry names.
    tasks: list[str]
    phases: list[str]
    temporal_run_id: str | None
    # What was captured for an approval. It is taken out before the decision is stored.
    captured: Captured | None
    version: int
    run_id: str
    run_number: int
    started_at: str
    task_id: str
    key: str
    effect: CommandKind
    changed: list[ChangedItem]
    gate: GateFacts
    link: LinkFacts | None
    # The gate whose time is up, in a cancellation.
    expired_gate: str | None
    # The earlier decision that this one withdraws: an approval withdraws a request for changes, a withdrawal an approval.
    withdrawn: str
    # The gate of the approval that is withdrawn.
    gate_id: str | None
    # The approval that takes effect now, because the time to undo it is over.
    completed_by: str | None
