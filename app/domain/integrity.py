"""Whether the record is what it was: rows held against the plan that was signed, and against events that the chain seals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from app.domain.audit import Found
from app.domain.decisions import Decision, Outcome, QuestionStatus
from app.domain.replay import Replay, ToldAttempt, ToldPlan, ToldProject, ToldRun, ToldTask, outputs_hash
from app.domain.states import FINISHED_TASK, TaskStatus

T = TypeVar("T")
_BY_HAND = "Somebody changed the database by hand; the events, sealed by the chain, are what happened."


class _Nothing:
    """Stands for an empty column, which is something else than a column that no event tells of."""


NOTHING = _Nothing()


# What the events say of a column; None where older events do not tell. `app.domain.coverage` has the columns that are
# checked in other ways, and those that are not checked.
PROJECT_COLUMNS: dict[str, Callable[[ToldProject], Any]] = {
    "created_by": lambda told: told.created_by,
    "created_at": lambda told: told.created_at,
}
PLAN_COLUMNS: dict[str, Callable[[ToldPlan], Any]] = {
    "planner": lambda told: told.planner,
    "created_by": lambda told: told.created_by,
    "created_at": lambda told: told.created_at,
    "approved_by": lambda told: told.approved_by or NOTHING,
    "approved_at": lambda told: told.approved_at if told.approved_by else NOTHING,
}
RUN_COLUMNS: dict[str, Callable[[ToldRun], Any]] = {
    "number": lambda told: told.number,
    "started_at": lambda told: told.started_at,
    "completed_at": lambda told: told.completed_at or NOTHING,
}
ATTEMPT_COLUMNS: dict[str, Callable[[ToldAttempt], Any]] = {
    "run_id": lambda told: told.run_id,
    "try_number": lambda told: told.try_number,
    "started_at": lambda told: told.started_at,
    "left_behind": lambda told: told.left_behind or NOTHING,
}
# What the event of a question calls each of its columns.
QUESTION_COLUMNS = {
    "task_id": "task_id", "kind": "kind", "question": "question", "options": "options", "default_answer": "default",
    "expires_at": "expires_at",
}  # fmt: skip
_NOT_STARTED = frozenset({TaskStatus.PENDING, TaskStatus.RUNNING})
_WITH_ERROR = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})


def _unlike(row: Any, told: T, columns: Mapping[str, Callable[[T], Any]]) -> Iterator[str]:
    """Where a row is not what the events say."""
    for column, value_of in columns.items():
        wanted, found = value_of(told), getattr(row, column)
        if isinstance(wanted, _Nothing):
            wanted = None
        elif wanted is None:
            continue
        if found != wanted:
            yield f"{column} is {found}, not {wanted}"


def altered(code: str, message: str, task_id: str | None = None) -> Found:
    """A finding that the record is not what it was."""
    return Found("critical", code, message, _BY_HAND, task_id)


def check_chain(broken: Sequence[int], total: int) -> Iterator[Found]:
    """Events that are missing, altered, forged or out of order."""
    if broken:
        shown = ", ".join(str(seq) for seq in broken[:10]) + ("…" if len(broken) > 10 else "")
        yield Found(
            "critical", "chain_broken", f"The chain of {total} events does not hold at number {shown}.",
            "Somebody changed the database by hand; compare with a backup.",
        )  # fmt: skip


def check_project(project: Any, replay: Replay) -> Iterator[Found]:
    """A project that stands elsewhere than its events say."""
    if project.status != replay.project_status:
        said = f"The project is {project.status}; by its events it is {replay.project_status}."
        yield altered("project_altered", said)
    if project.plan_version != replay.plan_version:
        said = f"The project's plan is version {project.plan_version}; by its events it is {replay.plan_version}."
        yield altered("project_altered", said)
    if project.run_id != replay.run_id:
        yield altered("project_altered", f"The project's run is {project.run_id}; by its events it is {replay.run_id}.")
    for difference in _unlike(project, replay.project, PROJECT_COLUMNS):
        yield altered("project_altered", f"The project is not what its events say: {difference}.")


def check_plans(versions: Sequence[Any], unreadable: Collection[str], replay: Replay) -> Iterator[Found]:
    """Plan versions that are gone, were never made, or are not those that the events tell of."""
    rows = {row.version: row for row in versions}
    for version, told in replay.plans.items():
        row = rows.get(version)
        if row is None:
            if str(version) not in unreadable:
                yield altered("plan_altered", f"Plan version {version} is gone from the record.")
            continue
        if row.digest != told.digest:
            yield altered("plan_altered", f"Plan version {version} has another digest than the one its event sealed.")
        for difference in _unlike(row, told, PLAN_COLUMNS):
            yield altered("plan_altered", f"Plan version {version} is not what its events say: {difference}.")
    for version, row in rows.items():
        if row.digest is not None and version not in replay.plans:
            yield altered("plan_altered", f"No event tells of plan version {version}.")
        elif row.status != replay.plan_status.get(version):
            said = f"Plan version {version} is {row.status}; by its events it is {replay.plan_status.get(version)}."
            yield altered("plan_altered", said)


def check_runs(rows: Sequence[Any], replay: Replay) -> Iterator[Found]:
    """Runs that are not those that the events tell of."""
    by_id = {row.id: row for row in rows}
    for run_id, told in replay.runs.items():
        row = by_id.pop(run_id, None)
        if row is None:
            yield altered("run_altered", f"Run {run_id} is gone from the record.")
        elif (row.plan_version, row.plan_digest) != (told.plan_version, told.plan_digest):
            yield altered("run_altered", f"Run {row.number} names another plan than its events.")
        elif row.status != told.status:
            yield altered("run_altered", f"Run {row.number} is {row.status}; by its events it is {told.status}.")
        else:
            for difference in _unlike(row, told, RUN_COLUMNS):
                yield altered("run_altered", f"Run {row.number} is not what its events say: {difference}.")
    for row in by_id.values():
        yield altered("run_altered", f"No event tells of run {row.number}.")


def check_phases(rows: Sequence[Any], replay: Replay) -> Iterator[Found]:
    """Phases whose status or approval is not what the events say."""
    for row in rows:
        told = replay.phase_status(row.id)
        if row.status != told:
            yield altered("phase_altered", f"Phase '{row.key}' is {row.status}; by its events it is {told}.")
        by, at = replay.approvals.get(row.id, (None, None))
        if (row.approved_by, row.approved_at) != (by, at):
            said = f"Phase '{row.key}' is approved by {row.approved_by} at {row.approved_at}; by its events by {by} at {at}."
            yield altered("phase_altered", said)


def check_tasks(rows: Sequence[Any], replay: Replay) -> Iterator[Found]:
    """Tasks whose state is not what the events say."""
    for row in rows:
        for what in _differences(row, replay.tasks.get(row.id, ToldTask())):
            yield altered("task_altered", f"Task '{row.key}' is not what its events say: {what}.", row.id)


def _differences(row: Any, told: ToldTask) -> Iterator[str]:
    if row.status != told.status:
        yield f"its status is {row.status}, not {told.status}"
        return
    if row.attempt != told.attempt:
        yield f"its attempt is {row.attempt}, not {told.attempt}"
    if row.status in FINISHED_TASK and row.status != TaskStatus.SKIPPED and row.completed_at != told.ended_at:
        yield f"it ended at {row.completed_at}, not {told.ended_at}"
    if "exit_code" in told.last and row.exit_code != told.last["exit_code"]:
        yield f"its exit code is {row.exit_code}, not {told.last['exit_code']}"
    log = told.last.get("log")
    if isinstance(log, dict) and row.log_bytes != log.get("bytes"):  # pyright: ignore[reportUnknownMemberType]
        yield f"its log has {row.log_bytes} bytes, not {log.get('bytes')}"  # pyright: ignore[reportUnknownMemberType]
    sealed = "outputs_hash" in told.last
    if (sealed and outputs_hash(row.outputs) != told.last["outputs_hash"]) or (
        row.status in _NOT_STARTED and row.outputs
    ):
        yield "its outputs are others"
    if row.status in _WITH_ERROR and row.error != told.last.get("error"):
        yield "its error is another"
    reason_told = row.status == TaskStatus.COMPLETED or "reason" in told.last
    if row.status in FINISHED_TASK and reason_told and row.reason != told.last.get("reason"):
        yield "its reason is another"


def check_signed(
    what: str, signed: Sequence[Mapping[str, Any]], rows: Sequence[Any], unreadable: Collection[str]
) -> Iterator[Found]:
    """Rows that are not what the plan says; `what` they are is `phase` or `task`, and `signed` has each row's fields by name."""
    by_id = {row.id: row for row in rows}
    for fields in signed:
        about = fields["id"] if what == "task" else None
        name = f"{what.capitalize()} '{fields['key']}'"
        row = by_id.pop(fields["id"], None)
        if row is None:
            if fields["key"] not in unreadable:
                yield altered(f"{what}_altered", f"{name} of the plan is gone from the record.", about)
            continue
        others = [field for field, value in fields.items() if getattr(row, field) != value]
        if others:
            yield altered(f"{what}_altered", f"{name} is not what was signed: {', '.join(others)}.", about)
    for row in by_id.values():
        about = row.id if what == "task" else None
        yield altered(f"{what}_altered", f"{what.capitalize()} '{row.key}' is in no plan that was signed.", about)


def check_attempts(rows: Sequence[Any], replay: Replay) -> Iterator[Found]:
    """Attempts that are not those that the events tell of."""
    by_key = {(row.task_id, row.number): row for row in rows}
    for (task_id, number), told in replay.attempts.items():
        row = by_key.pop((task_id, number), None)
        if row is None:
            yield altered("attempt_altered", f"Attempt {number} at task {task_id} is gone from the record.", task_id)
            continue
        for difference in _unlike(row, told, ATTEMPT_COLUMNS):
            said = f"Attempt {number} at task {task_id} is not what its events say: {difference}."
            yield altered("attempt_altered", said, task_id)
    for task_id, number in by_key:
        yield altered("attempt_altered", f"No event tells of attempt {number} at task {task_id}.", task_id)


def check_questions(rows: Sequence[Any], decisions: Sequence[Decision], replay: Replay) -> Iterator[Found]:
    """Questions that are not those that were asked, or whose answers are not what was decided."""
    by_id = {row.id: row for row in rows}
    decided = {decision.id: decision for decision in decisions}
    for question_id, told in replay.questions.items():
        row = by_id.pop(question_id, None)
        if row is None:
            yield altered("question_altered", f"Question {question_id} is gone from the record.")
            continue
        asked = {column: told.get(name) for column, name in QUESTION_COLUMNS.items()}
        others = [column for column, value in asked.items() if getattr(row, column) != value]
        others += ["details"] if outputs_hash(row.details or {}) != told.get("details_hash") else []
        if others:
            yield altered("question_altered", f"Question {question_id} is not what was asked: {', '.join(others)}.")
        yield from _answer_unlike(row, decided)
    for row in by_id.values():
        yield altered("question_altered", f"No event tells of question {row.id}.")


def _answer_unlike(row: Any, decided: Mapping[str, Decision]) -> Iterator[Found]:
    """An answer that nobody gave, or that another gave."""
    if row.status not in {QuestionStatus.ANSWERED, QuestionStatus.EXPIRED}:
        if row.answer is not None or row.decision_id is not None:
            yield altered("question_altered", f"Question {row.id} is {row.status} and has an answer.")
        return
    decision = decided.get(row.decision_id)
    if decision is None:
        yield altered("question_altered", f"Question {row.id} was answered by a decision that is not on record.")
        return
    given = {decision.payload.get("answer"), decision.payload.get("effect"), decision.kind.value}
    if row.closed_by != decision.actor or (row.answer is not None and row.answer not in given):
        said = f"Question {row.id} has the answer {row.answer} by {row.closed_by}, which is not what was decided."
        yield altered("question_altered", said)


def check_logs(logs: Mapping[tuple[str, int], str | None], replay: Replay) -> Iterator[Found]:
    """Logs that are not what their tasks wrote; `logs` has the checksum of each that is there."""
    for (task_id, number), told in replay.attempts.items():
        if told.log is None:
            continue
        found = logs.get((task_id, number))
        if found is None:
            yield Found(
                "high", "log_missing", f"The log of attempt {number} at task {task_id} is missing.",
                "Look for who removed files from the workspace.", task_id,
            )  # fmt: skip
        elif found != told.log.get("sha256"):
            said = f"The log of attempt {number} at task {task_id} is not what the task wrote."
            yield Found("critical", "log_altered", said, "Somebody changed the file after the attempt.", task_id)


def check_files(found: Mapping[str, str | None], replay: Replay) -> Iterator[Found]:
    """Files that are not what their task left; `found` has the checksum of each that is there."""
    for path, told in replay.files.items():
        current = found.get(path)
        if told.task_id is not None and told.sha256 is not None and current is not None and current != told.sha256:
            yield Found(
                "medium", "file_changed", f"The file '{path}' has changed since its task completed.",
                "Find out what changed it: a later task, or somebody by hand.", told.task_id,
            )  # fmt: skip


def check_decisions(decisions: Sequence[Decision], unreadable: Collection[str], replay: Replay) -> Iterator[Found]:
    """Decisions that are not what their events sealed, are gone, or that no event tells of."""
    suggestion = "Somebody changed the database by hand; the event has the hash of what was decided."
    known = {decision.id: decision for decision in decisions}
    for decision_id, told in replay.decisions.items():
        decision = known.get(decision_id)
        if decision is None:
            if decision_id not in unreadable:
                said = f"Decision {decision_id} is gone from the record."
                yield Found("critical", "decision_missing", said, suggestion)
        elif decision.seal()["decision_hash"] != told.digest:
            said = f"Decision {decision_id} ({decision.kind} by {decision.actor}) is not what its event sealed."
            yield Found("critical", "decision_altered", said, suggestion)
        elif told.actors != {decision.actor}:
            said = f"Decision {decision_id} is by {decision.actor}; by its events it is by {', '.join(sorted(told.actors))}."
            yield Found("critical", "decision_altered", said, suggestion)
        elif told.plans and told.plans != {(decision.plan_version, decision.plan_digest)}:
            said = f"Decision {decision_id} approved another plan than its event tells of."
            yield Found("critical", "decision_altered", said, suggestion)
    for decision in decisions:
        if decision.outcome == Outcome.ACCEPTED and decision.id not in replay.decisions:
            said = f"No event tells of decision {decision.id} ({decision.kind} by {decision.actor})."
            yield Found("critical", "decision_unsealed", said, suggestion)
