"""What an audit points at: pure functions from plan and rows to findings. Deterministic: the same record, the same findings."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from app.domain.commands import BY_HAND, STOPPING, UNAUTHENTICATED
from app.domain.dangers import SEVERITY, dangers_of
from app.domain.decisions import Decision, Outcome
from app.domain.states import SKIPPED_BY_PERSON, TaskStatus

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
# Whose tasks can go on for ever unless they have a limit of their own.
_UNLIMITED = frozenset({"shell", "http", "agent"})
# Actors that are no person in particular; `local` was everybody on a machine without keys, in records of before.
_NOBODY = frozenset({"local", "signoff", "temporal", UNAUTHENTICATED})


class Found(NamedTuple):
    """One finding."""

    severity: Severity
    code: str
    message: str
    suggestion: str
    task_id: str | None = None

    @property
    def id(self) -> str:
        """The same each time the same is found."""
        return hashlib.sha256("\0".join([self.code, self.task_id or "", self.message]).encode()).hexdigest()[:16]


def worst_first(found: Iterable[Found]) -> list[Found]:
    """Findings by severity, and else in the order in which they were found."""
    return sorted(found, key=lambda item: SEVERITIES.index(item.severity))


def check_plan(rows: Sequence[Any], agents: Collection[str]) -> Iterator[Found]:
    """What to look at before a plan is signed, task by task."""
    for row in rows:
        kind = row.action["type"]
        for danger in dangers_of(row.action):
            yield Found(
                SEVERITY[danger.code], danger.code, f"Task '{row.key}' {danger.what}.",
                "Read the command; have it done another way, or by a person.", row.id,
            )  # fmt: skip
        if row.agent_id is not None and row.agent_id not in agents:
            yield Found(
                "high", "unknown_agent", f"Task '{row.key}' is for the agent '{row.agent_id}', which there is not.",
                "Name one of GET /api/agents.", row.id,
            )  # fmt: skip
        if row.timeout_seconds is None and kind in _UNLIMITED:
            yield Found(
                "low", "no_time_limit", f"Task '{row.key}' has no time limit.", "Set timeout_seconds.", row.id
            )  # fmt: skip


def check_outcomes(rows: Sequence[Any], files: Mapping[str, int | None]) -> Iterator[Found]:
    """What went wrong, or was left out; `files` has the size of each expected file, None where it is not there."""
    for row in rows:
        if row.status == TaskStatus.FAILED:
            error: dict[str, Any] = row.error or {}
            reason = error.get("message", "no reason is on record")
            yield Found("high", "task_failed", f"Task '{row.key}' has failed: {reason}", "Mend it, then retry.", row.id)
        if row.status == TaskStatus.SKIPPED:
            by_person = row.reason == SKIPPED_BY_PERSON
            why = "A person skipped" if by_person else f"Skipped ({row.reason}):"
            yield Found(
                "low" if by_person else "medium", "task_skipped", f"{why} task '{row.key}'.",
                "Make sure that nothing that matters was left out.", row.id,
            )  # fmt: skip
        if row.status == TaskStatus.COMPLETED:
            for path in row.expected_files:
                size = files.get(path)
                if not size:
                    what = "is missing" if size is None else "is empty"
                    code = "file_missing" if size is None else "file_empty"
                    yield Found(
                        "high" if size is None else "medium", code,
                        f"The file '{path}' that task '{row.key}' was to make {what}.",
                        "Look at the task's log; retry it.", row.id,
                    )  # fmt: skip


def check_author(versions: Sequence[Any]) -> Iterator[Found]:
    """Plans that were approved by the one who made them."""
    for row in versions:
        if row.approved_by is not None and row.approved_by == row.created_by:
            yield Found(
                "low" if row.approved_by in _NOBODY else "medium", "approved_by_author",
                f"Plan version {row.version} was approved by {row.approved_by}, who made it.",
                "Have somebody else look at it.",
            )  # fmt: skip


def check_by_hand(decisions: Sequence[Decision]) -> Iterator[Found]:
    """Decisions that came through Temporal by hand and did more than stop the project: nobody knows whose they are."""
    for made in decisions:
        by_hand = made.request_id.startswith(BY_HAND) and made.outcome == Outcome.ACCEPTED
        if by_hand and made.kind not in STOPPING:
            yield Found(
                "high", "decided_by_hand",
                f"Decision {made.id} ({made.kind} by {made.actor}) is a signal that was sent to Temporal by hand.",
                "Find out who sent it. Without SIGNOFF_SIGNALS_BY_HAND, workers refuse such signals.",
            )  # fmt: skip
