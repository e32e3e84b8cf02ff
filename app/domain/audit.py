"""The checks of an audit: pure functions from plan and rows to findings. Deterministic: the same record, the same findings."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from app.domain.dangers import dangers_of
from app.domain.decisions import Decision, Outcome
from app.domain.replay import Replay, ToldTask, outputs_hash
from app.domain.states import SKIPPED_BY_PERSON, TaskStatus

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
# Whose tasks can go on for ever unless they have a limit of their own.
_UNLIMITED = frozenset({"shell", "http", "agent"})
# Actors that are no person in particular: on a machine without keys everybody is `local`.
_NOBODY = frozenset({"local", "signoff", "temporal"})
_SEVERITY_OF_DANGERS: dict[str, Severity] = {
    "destructive_command": "critical",
    "network_to_shell": "critical",
    "command_too_long": "medium",
}


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


def check_plan(rows: Sequence[Any], agents: Collection[str]) -> Iterator[Found]:
    """What to look at before a plan is signed, task by task."""
    for row in rows:
        kind = row.action["type"]
        for danger in dangers_of(row.action):
            yield Found(
                _SEVERITY_OF_DANGERS[danger.code], danger.code, f"Task '{row.key}' {danger.what}.",
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


def check_rows(rows: Sequence[Any], project: Any, replay: Replay) -> Iterator[Found]:
    """Rows that are not what the events say."""
    suggestion = "Somebody changed the database by hand; the events, sealed by the chain, are what happened."
    if project.status != replay.project_status:
        yield Found(
            "critical", "project_altered",
            f"The project is {project.status}; by its events it is {replay.project_status}.", suggestion,
        )  # fmt: skip
    for row in rows:
        told = replay.tasks.get(row.id, ToldTask())
        for what in _differences(row, told):
            yield Found(
                "critical", "task_altered", f"Task '{row.key}' is not what its events say: {what}.", suggestion, row.id
            )


def _differences(row: Any, told: ToldTask) -> Iterator[str]:
    if row.status != told.status:
        yield f"its status is {row.status}, not {told.status}"
    elif row.attempt != told.attempt:
        yield f"its attempt is {row.attempt}, not {told.attempt}"
    if row.status != told.status:
        return
    if "outputs_hash" in told.ending and outputs_hash(row.outputs) != told.ending["outputs_hash"]:
        yield "its outputs are others"
    if told.ending.get("error") is not None and row.error != told.ending["error"]:
        yield "its error is another"


def check_decisions(decisions: Sequence[Decision], sealed: Mapping[str, str]) -> Iterator[Found]:
    """Decisions that are not what their events sealed, are gone, or that no event tells of."""
    suggestion = "Somebody changed the database by hand; the event has the hash of what was decided."
    known = {decision.id: decision for decision in decisions}
    for decision_id, digest in sealed.items():
        decision = known.get(decision_id)
        if decision is None:
            yield Found("critical", "decision_missing", f"Decision {decision_id} is gone from the record.", suggestion)
        elif decision.seal()["decision_hash"] != digest:
            said = f"Decision {decision_id} ({decision.kind} by {decision.actor}) is not what its event sealed."
            yield Found("critical", "decision_altered", said, suggestion)
    for decision in decisions:
        if decision.outcome == Outcome.ACCEPTED and decision.id not in sealed:
            said = f"No event tells of decision {decision.id} ({decision.kind} by {decision.actor})."
            yield Found("critical", "decision_unsealed", said, suggestion)


def check_chain(broken: Sequence[int], total: int) -> Iterator[Found]:
    """Events that are missing, altered or out of order."""
    if broken:
        shown = ", ".join(str(seq) for seq in broken[:10]) + ("…" if len(broken) > 10 else "")
        yield Found(
            "critical", "chain_broken", f"The chain of {total} events does not hold at number {shown}.",
            "Somebody changed the database by hand; compare with a backup.",
        )  # fmt: skip
