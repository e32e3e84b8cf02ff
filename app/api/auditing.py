"""How an audit is carried out: the record read in pages, files looked at in a thread, every check run, nothing written."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.api.models.insight import Audit, AuditResults, Finding, Trail
from app.api.services import Services
from app.domain import audit as checks
from app.domain import integrity, signed_audit
from app.domain.actions import Action
from app.domain.audit import SEVERITIES, Found, Severity, worst_first
from app.domain.errors import Conflict
from app.domain.identity import now
from app.domain.plan import PlanDraft, RunSettings
from app.domain.replay import Replay
from app.domain.signed_values import PROJECT_VALUES
from app.domain.validation import Agents, effective_dependencies
from app.storage import audit as storage
from app.storage import files, plans
from app.storage.audit import Record
from app.storage.events import ChainCheck
from app.storage.workspaces import root_of

# Events that one look at the database checks: others are not to wait for a long record.
_PAGE = 500
_ALTERED = {
    "plans": "plan", "runs": "run", "phases": "phase", "tasks": "task", "decisions": "decision", "attempts": "attempt",
    "questions": "question",
}  # fmt: skip


async def audit(services: Services, project_id: str) -> Audit:
    """Audit a project.

    Raises:
        NotFound: there is no such project.
    """
    # Rows change in one transaction with their events: those up to the number that the project has here tell all of them.
    record = await services.database.read(lambda conn: storage.read(conn, project_id))
    chain, replay = await _check_chain(services, record)
    # Files are looked at, and thousands of commands read: nothing for the event loop.
    return await asyncio.to_thread(_answer, record, chain, replay, services.agents)


async def _check_chain(services: Services, record: Record) -> tuple[ChainCheck, Replay]:
    chain, replay, project = ChainCheck(), Replay(), record.project
    while chain.last < project.last_seq:
        limit = min(_PAGE, project.last_seq - chain.last)
        page = await services.database.read(lambda conn, limit=limit: chain.read(conn, project.id, limit=limit))
        for event in page:
            replay.take(event)
        if not page:
            break
    replay.end()
    chain.check_end(project.last_seq, project.last_hash)
    chain.broken.extend(seq for seq in record.stray if seq not in chain.broken)
    return chain, replay


def _alterations(record: Record, chain: ChainCheck, replay: Replay) -> Iterator[Found]:
    """Where the record is not what it was."""
    for row in record.unreadable:
        what = _ALTERED[row.table]
        said = f"{what.capitalize()} '{row.name}' cannot be read: nothing that Signoff writes is in its {row.column}."
        yield integrity.altered(f"{what}_altered", said)
    yield from integrity.check_chain(chain.broken, chain.last)
    yield from integrity.check_project(record.project, replay)
    yield from integrity.check_plans(record.plans, record.unreadable_in("plans"), replay)
    yield from _plan_texts(record)
    yield from signed_audit.check_frozen(record.plans, record.decisions)
    yield from integrity.check_runs(record.runs, replay)
    yield from integrity.check_phases(record.phases, replay)
    yield from integrity.check_tasks(record.tasks, replay)
    yield from integrity.check_attempts(record.attempts, replay)
    yield from integrity.check_questions(record.questions, record.decisions, replay)
    yield from integrity.check_decisions(record.decisions, record.unreadable_in("decisions"), replay)


def _plan_texts(record: Record) -> Iterator[Found]:
    """Versions whose text is not what was signed; where the current one's is, rows that are not what it says."""
    for row in record.plans:
        if row.digest is None:
            continue
        try:
            draft = plans.verified_draft(row)
        except (Conflict, ValueError):
            yield integrity.altered("plan_altered", f"Plan version {row.version} is not what its digest says.")
            continue
        if row.version == record.project.plan_version:
            yield from _signed(record, row, draft)


def _signed(record: Record, row: Any, draft: PlanDraft) -> Iterator[Found]:
    # A project may be renamed in the middle of its run; its tasks go on with the name that was signed.
    names = [name for name in RunSettings.model_fields if name not in PROJECT_VALUES]
    others = [name for name in names if getattr(record.project, name) != row.settings.get(name)]
    if others:
        said = f"The project is not what was signed with plan version {row.version}: {', '.join(others)}."
        yield integrity.altered("project_altered", said)
    try:
        phases, tasks = _rows_of(record, row, draft)
    except KeyError as error:
        yield integrity.altered("plan_altered", f"Plan version {row.version} has lost the id of {error}.")
        return
    named = {"phases": {phase["key"] for phase in phases}, "tasks": {task["key"] for task in tasks}}
    if {what: set(ids) for what, ids in row.ids.items()} != named:
        yield integrity.altered("plan_altered", f"Plan version {row.version} has ids of what is not in it.")
    yield from integrity.check_signed("phase", phases, record.phases, record.unreadable_in("phases"))
    yield from integrity.check_signed("task", tasks, record.tasks, record.unreadable_in("tasks"))


def _rows_of(record: Record, row: Any, draft: PlanDraft) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The fields that the rows of phases and tasks have by the plan."""
    phases: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    # Which retries a task has by default, its action said when the plan was made, and may say differently now.
    actions = {task.action.type: Action for task in draft.tasks()}
    for position, phase in enumerate(draft.phases):
        phases.append(plans.phase_row(record.project, phase, position, row.ids))
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            fields = plans.task_row(record.project, task, needed, actions)
            fields |= {"id": row.ids["tasks"][task.key], "phase_id": phases[-1]["id"], "position": len(tasks)}
            state = {"status", "outputs"} if task.retries is not None else {"status", "outputs", "retries"}
            tasks.append({name: value for name, value in fields.items() if name not in state})
    return [{name: value for name, value in fields.items() if name != "status"} for fields in phases], tasks


def _sizes(root: Path, rows: Sequence[Any]) -> dict[str, int | None]:
    """The size of each file that tasks were to make; None where there is no regular file inside of the workspace."""
    return {path: _size(root, path) for row in rows for path in row.expected_files}


def _size(root: Path, path: str) -> int | None:
    try:
        resolved = (root / path).resolve()
        if not resolved.is_relative_to(root):
            return None
        found = resolved.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return 1 if any(resolved.iterdir()) else 0
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _logs(workspace: Path, replay: Replay) -> dict[tuple[str, int], str | None]:
    """The checksum of each log that an event tells of."""
    wanted = [key for key, told in replay.attempts.items() if told.log is not None]
    return {key: _sha256(workspace, files.log_path(*key)) for key in wanted}


def _checksums(workspace: Path, replay: Replay) -> dict[str, str | None]:
    """The checksum of each file that a task left."""
    return {path: _sha256(workspace, path) for path, told in replay.files.items() if told.task_id is not None}


def _sha256(workspace: Path, path: str) -> str | None:
    found = files.fingerprint(workspace, path)
    return found["sha256"] if found is not None else None


def _answer(record: Record, chain: ChainCheck, replay: Replay, agents: Agents) -> Audit:
    workspace = root_of(record.project.workspace, record.project.path)
    alterations = list(_alterations(record, chain, replay))
    alterations += integrity.check_logs(_logs(workspace, replay), replay)
    found = [
        *alterations,
        *checks.check_plan(record.tasks, agents),
        *checks.check_outcomes(record.tasks, _sizes(workspace, record.tasks)),
        *integrity.check_files(_checksums(workspace, replay), replay),
        *checks.check_author(record.plans),
        *checks.check_by_hand(record.decisions),
        *signed_audit.check_unsigned(record.decisions),
    ]
    summary: dict[Severity, int] = {
        severity: sum(item.severity == severity for item in found) for severity in SEVERITIES
    }
    worst = ", ".join(f"{count} {severity}" for severity, count in summary.items() if count)
    findings = [
        Finding(
            id=item.id, severity=item.severity, code=item.code, message=item.message, task_id=item.task_id,
            suggestion=item.suggestion,
        )
        for item in worst_first(found)
    ]  # fmt: skip
    intact = not any(item.severity == "critical" for item in alterations)
    word = "The record is whole" if intact else "The record was altered"
    decided = len(record.decisions) + len(record.unreadable_in("decisions"))
    return Audit(
        project_id=record.project.id,
        checked_at=now(),
        results=AuditResults(findings=findings, summary=summary, audited_task_count=len(record.tasks)),
        trail=Trail(events=chain.last, decisions=decided, intact=intact, head=chain.head),
        message=f"{word}; {worst + ' to look at' if worst else 'nothing to look at'}.",
    )
