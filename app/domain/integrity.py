"""Checks that the record was not altered: compares rows with the signed plan, and with the events that the chain seals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from app.domain.audit import AuditedRow, Found
from app.domain.commands import CommandRecord, Outcome
from app.domain.decisions import QuestionStatus
from app.domain.reducer import TaskState
from app.domain.replay import Replay, ReplayedAttempt, ReplayedPlan, ReplayedProject, ReplayedRun, outputs_hash
from app.domain.states import FINISHED_TASK
from signoff.schemas.event_data import TaskMoved
from signoff.vocabulary import TaskStatus

T = TypeVar("T")
_BY_HAND = "The database was changed directly. Trust the events: the hash chain seals them."


class _Nothing:
    """Marks a column that the events say is empty, unlike a column that no event mentions."""


NOTHING = _Nothing()


# The value that the events give for a column; None if older events do not contain it. `app.domain.coverage` lists the columns
# that are checked in other ways, and those that are not checked.
PROJECT_COLUMNS: dict[str, Callable[[ReplayedProject], object]] = {
    "created_by": lambda told: told.created_by,
    "created_by_id": lambda told: told.created_by_id or NOTHING,
    "created_at": lambda told: told.created_at,
    "outcome": lambda told: told.outcome or NOTHING,
}
PLAN_COLUMNS: dict[str, Callable[[ReplayedPlan], object]] = {
    "planner": lambda told: told.planner,
    "created_by": lambda told: told.created_by,
    "created_by_id": lambda told: told.created_by_id or NOTHING,
    "created_at": lambda told: told.created_at,
    "approved_by": lambda told: told.approved_by or NOTHING,
    "approved_by_id": lambda told: told.approved_by_id or NOTHING,
    "approved_at": lambda told: told.approved_at if told.approved_by else NOTHING,
}
RUN_COLUMNS: dict[str, Callable[[ReplayedRun], object]] = {
    "number": lambda told: told.number,
    "started_at": lambda told: told.started_at,
    "completed_at": lambda told: told.completed_at or NOTHING,
}
ATTEMPT_COLUMNS: dict[str, Callable[[ReplayedAttempt], object]] = {
    "run_id": lambda told: told.run_id,
    "try_number": lambda told: told.try_number,
    "started_at": lambda told: told.started_at,
    "left_behind": lambda told: told.left_behind or NOTHING,
}
# The name of each question column in the event of the question.
QUESTION_COLUMNS = {
    "task_id": "task_id",
    "kind": "kind",
    "question": "question",
    "options": "options",
    "default_answer": "default",
    "expires_at": "expires_at",
}
_NOT_STARTED = frozenset({TaskStatus.PENDING, TaskStatus.RUNNING})
_WITH_ERROR = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})


def _unlike(row: AuditedRow, replayed: T, columns: Mapping[str, Callable[[T], object]]) -> Iterator[str]:
    """The columns in which a row differs from the events."""
    for column, value_of in columns.items():
        expected, actual = value_of(replayed), getattr(row, column)
        if isinstance(expected, _Nothing):
            expected = None
        elif expected is None:
            continue
        if actual != expected:
            yield f"{column} is {actual}, not {expected}"


def altered(code: str, message: str, task_id: str | None = None) -> Found:
    """A finding that says that the record was altered."""
    return Found("critical", code, message, _BY_HAND, task_id)


def check_chain(broken: Sequence[int], total: int) -> Iterator[Found]:
    """Find events that are missing, altered, forged or out of order."""
    if broken:
        numbers = ", ".join(str(seq) for seq in broken[:10]) + ("…" if len(broken) > 10 else "")
        yield Found(
            "critical",
            "chain_broken",
            f"The chain of {total} events is broken at number {numbers}.",
            "The database was changed directly. Compare it with a backup.",
        )


def check_project(project: AuditedRow, replay: Replay) -> Iterator[Found]:
    """Find differences between a project and its events."""
    if project.status != replay.state.status:
        message = f"The project's status is {project.status}, but its events say {replay.state.status}."
        yield altered("project_altered", message)
    if project.plan_version != replay.state.plan_version:
        message = (
            f"The project's plan version is {project.plan_version}, but its events say {replay.state.plan_version}."
        )
        yield altered("project_altered", message)
    if project.run_id != replay.run_id:
        yield altered("project_altered", f"The project's run is {project.run_id}, but its events say {replay.run_id}.")
    for difference in _unlike(project, replay.project, PROJECT_COLUMNS):
        yield altered("project_altered", f"The project does not match its events: {difference}.")


def check_plans(versions: Sequence[AuditedRow], unreadable: Collection[str], replay: Replay) -> Iterator[Found]:
    """Find plan versions that are missing, forged, or different from their events."""
    rows = {row.version: row for row in versions}
    for version, replayed in replay.plans.items():
        row = rows.get(version)
        if row is None:
            if str(version) not in unreadable:
                yield altered("plan_altered", f"Plan version {version} is missing from the record.")
            continue
        if row.digest != replayed.digest:
            yield altered(
                "plan_altered", f"The digest of plan version {version} differs from the one that its event sealed."
            )
        for difference in _unlike(row, replayed, PLAN_COLUMNS):
            yield altered("plan_altered", f"Plan version {version} does not match its events: {difference}.")
    for version, row in rows.items():
        if row.digest is not None and version not in replay.plans:
            yield altered("plan_altered", f"No event mentions plan version {version}.")
        elif row.status != replay.plan_status.get(version):
            message = f"Plan version {version} is {row.status}, but its events say {replay.plan_status.get(version)}."
            yield altered("plan_altered", message)


def check_runs(rows: Sequence[AuditedRow], replay: Replay) -> Iterator[Found]:
    """Find runs that are missing, forged, or different from their events."""
    by_id = {row.id: row for row in rows}
    for run_id, replayed in replay.runs.items():
        row = by_id.pop(run_id, None)
        if row is None:
            yield altered("run_altered", f"Run {run_id} is missing from the record.")
        elif (row.plan_version, row.plan_digest) != (replayed.plan_version, replayed.plan_digest):
            yield altered("run_altered", f"Run {row.number} names a different plan from its events.")
        elif row.status != replayed.status:
            yield altered("run_altered", f"Run {row.number} is {row.status}, but its events say {replayed.status}.")
        else:
            for difference in _unlike(row, replayed, RUN_COLUMNS):
                yield altered("run_altered", f"Run {row.number} does not match its events: {difference}.")
    for row in by_id.values():
        yield altered("run_altered", f"No event mentions run {row.number}.")


def check_phases(rows: Sequence[AuditedRow], replay: Replay) -> Iterator[Found]:
    """Find phases whose status or approval differs from the events."""
    for row in rows:
        replayed = replay.state.phase_status(row.id)
        if row.status != replayed:
            yield altered("phase_altered", f"Phase '{row.key}' is {row.status}, but its events say {replayed}.")
        by, at = replay.approvals.get(row.id, (None, None))
        if (row.approved_by, row.approved_at) != (by, at):
            who = f"{row.approved_by} at {row.approved_at}"
            message = f"Phase '{row.key}' was approved by {who}, but its events say {by} at {at}."
            yield altered("phase_altered", message)


def check_tasks(rows: Sequence[AuditedRow], replay: Replay) -> Iterator[Found]:
    """Find tasks whose state differs from the events."""
    for row in rows:
        for what in _differences(row, replay.state.task(row.id)):
            yield altered("task_altered", f"Task '{row.key}' does not match its events: {what}.", row.id)


def _differences(row: AuditedRow, replayed: TaskState) -> Iterator[str]:
    if row.status != replayed.status:
        yield f"its status is {row.status}, not {replayed.status}"
        return
    if row.attempt != replayed.attempt:
        yield f"its attempt is {row.attempt}, not {replayed.attempt}"
    if row.status in FINISHED_TASK and row.status != TaskStatus.SKIPPED and row.completed_at != replayed.ended_at:
        yield f"it ended at {row.completed_at}, not {replayed.ended_at}"
    if replayed.last is not None:
        yield from _unlike_last(row, replayed.last)
    if _outputs_differ(row, replayed.last):
        yield "its outputs differ"
    yield from _unlike_cause(row, replayed.last)


def _unlike_last(row: AuditedRow, told: TaskMoved) -> Iterator[str]:
    """What the task's last event says about its exit code and its log, and the row does not."""
    if "exit_code" in told.model_fields_set and row.exit_code != told.exit_code:
        yield f"its exit code is {row.exit_code}, not {told.exit_code}"
    if told.log is not None and row.log_bytes != told.log.get("bytes"):
        yield f"its log has {row.log_bytes} bytes, not {told.log.get('bytes')}"


def _outputs_differ(row: AuditedRow, told: TaskMoved | None) -> bool:
    if told is not None and "outputs_hash" in told.model_fields_set and outputs_hash(row.outputs) != told.outputs_hash:
        return True
    return bool(row.status in _NOT_STARTED and row.outputs)


def _unlike_cause(row: AuditedRow, told: TaskMoved | None) -> Iterator[str]:
    """How the error and the reason differ. Without an event, a task has neither."""
    error, reason = (told.error, told.reason) if told is not None else (None, None)
    if row.status in _WITH_ERROR and row.error != error:
        yield "its error differs"
    reason_told = row.status == TaskStatus.COMPLETED or (told is not None and "reason" in told.model_fields_set)
    if row.status in FINISHED_TASK and reason_told and row.reason != reason:
        yield "its reason differs"


def check_signed(
    what: str, signed: Sequence[Mapping[str, object]], rows: Sequence[AuditedRow], unreadable: Collection[str]
) -> Iterator[Found]:
    """Find rows that differ from the signed plan. `what` is `phase` or `task`; `signed` holds each row's fields by name."""
    by_id = {row.id: row for row in rows}
    for fields in signed:
        about = str(fields["id"]) if what == "task" else None
        name = f"{what.capitalize()} '{fields['key']}'"
        row = by_id.pop(fields["id"], None)
        if row is None:
            if fields["key"] not in unreadable:
                yield altered(f"{what}_altered", f"{name} of the plan is missing from the record.", about)
            continue
        others = [field for field, value in fields.items() if getattr(row, field) != value]
        if others:
            yield altered(f"{what}_altered", f"{name} differs from what was signed: {', '.join(others)}.", about)
    for row in by_id.values():
        about = row.id if what == "task" else None
        yield altered(f"{what}_altered", f"{what.capitalize()} '{row.key}' is not in any signed plan.", about)


def check_attempts(rows: Sequence[AuditedRow], replay: Replay) -> Iterator[Found]:
    """Find attempts that are missing, forged, or different from their events."""
    by_key = {(row.task_id, row.number): row for row in rows}
    for (task_id, number), replayed in replay.attempts.items():
        row = by_key.pop((task_id, number), None)
        if row is None:
            yield altered("attempt_altered", f"Attempt {number} of task {task_id} is missing from the record.", task_id)
            continue
        for difference in _unlike(row, replayed, ATTEMPT_COLUMNS):
            message = f"Attempt {number} of task {task_id} does not match its events: {difference}."
            yield altered("attempt_altered", message, task_id)
    for task_id, number in by_key:
        yield altered("attempt_altered", f"No event mentions attempt {number} of task {task_id}.", task_id)


def check_questions(rows: Sequence[AuditedRow], decisions: Sequence[CommandRecord], replay: Replay) -> Iterator[Found]:
    """Find questions that differ from what was asked, and answers that differ from what was decided."""
    by_id = {row.id: row for row in rows}
    decided = {decision.id: decision for decision in decisions}
    for question_id, replayed in replay.questions.items():
        row = by_id.pop(question_id, None)
        if row is None:
            yield altered("question_altered", f"Question {question_id} is missing from the record.")
            continue
        original = {column: getattr(replayed, name) for column, name in QUESTION_COLUMNS.items()}
        others = [column for column, value in original.items() if getattr(row, column) != value]
        others += ["details"] if outputs_hash(row.details or {}) != replayed.details_hash else []
        if others:
            yield altered(
                "question_altered", f"Question {question_id} differs from what was asked: {', '.join(others)}."
            )
        yield from _answer_unlike(row, decided)
    for row in by_id.values():
        yield altered("question_altered", f"No event mentions question {row.id}.")


def _answer_unlike(row: AuditedRow, decided: Mapping[str, CommandRecord]) -> Iterator[Found]:
    """Find an answer that nobody gave, or that differs from the decision."""
    if row.status not in {QuestionStatus.ANSWERED, QuestionStatus.EXPIRED}:
        if row.answer is not None or row.decision_id is not None:
            yield altered("question_altered", f"Question {row.id} is {row.status}, but has an answer.")
        return
    decision = decided.get(row.decision_id)
    if decision is None:
        yield altered("question_altered", f"The decision that answered question {row.id} is not on record.")
        return
    answers = {decision.payload.get("answer"), decision.payload.get("effect"), decision.kind.value}
    if row.closed_by != decision.actor or (row.answer is not None and row.answer not in answers):
        message = f"Question {row.id} has the answer {row.answer} by {row.closed_by}, which differs from the decision."
        yield altered("question_altered", message)


def check_logs(logs: Mapping[tuple[str, int], str | None], replay: Replay) -> Iterator[Found]:
    """Find logs that differ from what their tasks wrote. `logs` holds the checksum of each log that exists."""
    for (task_id, number), replayed in replay.attempts.items():
        if replayed.log is None:
            continue
        checksum = logs.get((task_id, number))
        if checksum is None:
            yield Found(
                "high",
                "log_missing",
                f"The log of attempt {number} of task {task_id} is missing.",
                "Find out who removed files from the workspace.",
                task_id,
            )
        elif checksum != replayed.log.get("sha256"):
            message = f"The log of attempt {number} of task {task_id} differs from what the task wrote."
            yield Found(
                "critical", "log_altered", message, "The file was changed after the attempt. Find out by whom.", task_id
            )


def check_files(checksums: Mapping[str, str | None], replay: Replay) -> Iterator[Found]:
    """Find files that have changed since their task completed. `checksums` holds the checksum of each file that exists."""
    for path, replayed in replay.files.items():
        current = checksums.get(path)
        if (
            replayed.task_id is not None
            and replayed.sha256 is not None
            and current is not None
            and current != replayed.sha256
        ):
            yield Found(
                "medium",
                "file_changed",
                f"The file '{path}' has changed since its task completed.",
                "Find out whether a later task or a person changed it.",
                replayed.task_id,
            )


def check_decisions(decisions: Sequence[CommandRecord], unreadable: Collection[str], replay: Replay) -> Iterator[Found]:
    """Find decisions that are missing, forged, or different from what their events sealed."""
    suggestion = "The database was changed directly. The event holds the hash of the original decision."
    known = {decision.id: decision for decision in decisions}
    for decision_id, replayed in replay.decisions.items():
        decision = known.get(decision_id)
        if decision is None:
            if decision_id not in unreadable:
                message = f"Decision {decision_id} is missing from the record."
                yield Found("critical", "decision_missing", message, suggestion)
        elif decision.seal()["decision_hash"] != replayed.digest:
            message = (
                f"Decision {decision_id} ({decision.kind} by {decision.actor}) differs from what its event sealed."
            )
            yield Found("critical", "decision_altered", message, suggestion)
        elif replayed.senders != {decision.sender}:
            told = ", ".join(sorted(sender.actor for sender in replayed.senders))
            message = f"Decision {decision_id} is by {decision.actor}, but its events say {told}."
            yield Found("critical", "decision_altered", message, suggestion)
        elif replayed.plans and replayed.plans != {(decision.plan_version, decision.plan_digest)}:
            message = f"Decision {decision_id} approved a different plan from the one in its event."
            yield Found("critical", "decision_altered", message, suggestion)
    for decision in decisions:
        if decision.outcome == Outcome.ACCEPTED and decision.id not in replay.decisions:
            message = f"No event mentions decision {decision.id} ({decision.kind} by {decision.actor})."
            yield Found("critical", "decision_unsealed", message, suggestion)
