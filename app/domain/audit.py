"""Findings of an audit, computed from the plan and its rows. Pure and deterministic: one record always gives the same list."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import ValidationError

from app.domain.commands import CommandRecord, Outcome
from app.domain.dangers import SEVERITY, dangers_of
from app.domain.known import open_questions
from app.domain.plan import PlanDraft
from app.domain.signals import BY_HAND, UNAUTHENTICATED
from app.domain.states import SKIPPED_BY_PERSON
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import TaskStatus

# A row that is being checked has the columns of its table. It has no types, because an altered row may contain anything.
AuditedRow: TypeAlias = Any
Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
# Action types whose tasks can run forever unless the task has a time limit.
_UNLIMITED = frozenset({"shell", "http", "agent"})
_MAX_NAMED = 5
# Actors that do not identify a person. In older records, `local` is anybody on a machine without keys.
_NOBODY = frozenset({"local", "signoff", "temporal", UNAUTHENTICATED})


class Found(NamedTuple):
    """One finding of an audit."""

    severity: Severity
    code: str
    message: str
    suggestion: str
    task_id: str | None = None

    @property
    def id(self) -> str:
        """A stable id: the same finding has the same id in every audit."""
        return hashlib.sha256("\0".join([self.code, self.task_id or "", self.message]).encode()).hexdigest()[:16]


def worst_first(findings: Iterable[Found]) -> list[Found]:
    """Sort findings by severity, then by the order in which they were found."""
    return sorted(findings, key=lambda item: SEVERITIES.index(item.severity))


def check_plan(rows: Sequence[AuditedRow], agents: Collection[str]) -> Iterator[Found]:
    """What a person should check before signing the plan: task by task, then what is true of many tasks."""
    for row in rows:
        for danger in dangers_of(row.action):
            yield Found(
                SEVERITY[danger.code],
                danger.code,
                f"Task '{row.key}' {danger.what}.",
                "Read the command. If it is not safe, change it or make it a manual task.",
                row.id,
            )
        if row.agent_id is not None and row.agent_id not in agents:
            yield Found(
                "high",
                "unknown_agent",
                f"Task '{row.key}' names the agent '{row.agent_id}', which does not exist.",
                "Choose an agent from GET /api/agents.",
                row.id,
            )
    yield from _without_time_limit(rows)


def _without_time_limit(rows: Sequence[AuditedRow]) -> Iterator[Found]:
    """One finding for all tasks, because most plans set no limits, and this is their smallest problem."""
    keys = [row.key for row in rows if row.timeout_seconds is None and row.action["type"] in _UNLIMITED]
    if not keys:
        return
    named = ", ".join(f"'{key}'" for key in keys[:_MAX_NAMED])
    more = f" and {len(keys) - _MAX_NAMED} more" if len(keys) > _MAX_NAMED else ""
    subject = f"Task {named} has" if len(keys) == 1 else f"{len(keys)} tasks have"
    listed = "" if len(keys) == 1 else f": {named}{more}"
    yield Found(
        "low",
        "no_time_limit",
        f"{subject} no time limit{listed}.",
        "Set a time limit for each of them (timeout_seconds), or one for all in the front matter (timeout: 10m).",
    )


def check_questions(versions: Sequence[AuditedRow], current: object) -> Iterator[Found]:
    """Questions of the current plan that nobody has answered. A plan that was altered is reported elsewhere."""
    drafts = [row.draft for row in versions if row.version == current]
    try:
        questions = open_questions(PlanDraft.model_validate(drafts[0])) if drafts else []
    except ValidationError:
        return
    if questions:
        yield Found(
            "medium",
            "open_questions",
            f"The plan leaves {len(questions)} question{'' if len(questions) == 1 else 's'} open: {' '.join(questions)}",
            "Answer them before you sign the plan.",
        )


def check_outcomes(rows: Sequence[AuditedRow], files: Mapping[str, int | None]) -> Iterator[Found]:
    """What failed or was skipped. `files` maps each expected file to its size, or to None if it is missing."""
    for row in rows:
        if row.status == TaskStatus.FAILED:
            error: JsonObject = row.error or {}
            reason = error.get("message", "no reason is on record")
            yield Found("high", "task_failed", f"Task '{row.key}' failed: {reason}", "Fix it, then retry.", row.id)
        if row.status == TaskStatus.SKIPPED:
            by_person = row.reason == SKIPPED_BY_PERSON
            how = "by a person" if by_person else f"({row.reason})"
            yield Found(
                "low" if by_person else "medium",
                "task_skipped",
                f"Task '{row.key}' was skipped {how}.",
                "Check that nothing important was skipped.",
                row.id,
            )
        if row.status == TaskStatus.COMPLETED:
            for path in row.expected_files:
                size = files.get(path)
                if not size:
                    what = "is missing" if size is None else "is empty"
                    code = "file_missing" if size is None else "file_empty"
                    yield Found(
                        "high" if size is None else "medium",
                        code,
                        f"The file '{path}' expected from task '{row.key}' {what}.",
                        "Read the task's log, then retry the task.",
                        row.id,
                    )


def check_author(versions: Sequence[AuditedRow]) -> Iterator[Found]:
    """Plan versions that were approved by their own author."""
    for row in versions:
        if row.approved_by is not None and row.approved_by == row.created_by:
            yield Found(
                "low" if row.approved_by in _NOBODY else "medium",
                "approved_by_author",
                f"Plan version {row.version} was both made and approved by {row.approved_by}.",
                "Ask somebody else to review it.",
            )


def check_by_hand(decisions: Sequence[CommandRecord]) -> Iterator[Found]:
    """Decisions sent directly through Temporal that did more than stop the project. Nobody knows who made them."""
    for made in decisions:
        by_hand = made.request_id.startswith(BY_HAND) and made.outcome == Outcome.ACCEPTED
        if by_hand and not made.command_type.only_stops:
            yield Found(
                "high",
                "decided_by_hand",
                f"Decision {made.id} ({made.kind} by {made.actor}) is a signal that was sent directly through Temporal.",
                "Find out who sent it. Unset SIGNOFF_SIGNALS_BY_HAND so that workers refuse such signals.",
            )
