"""How an audit is carried out: the record read in pages, files looked at in a thread, every check run, nothing written."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.api.catalogue import DEFAULT_AGENT
from app.api.models.insight import Audit, AuditResults, Finding, Trail
from app.api.services import Services
from app.domain import audit as checks
from app.domain.audit import SEVERITIES, Found, Severity
from app.domain.decisions import Decision
from app.domain.errors import Conflict
from app.domain.identity import now
from app.domain.replay import Replay
from app.storage import decisions, plans, projects, tasks
from app.storage.events import ChainCheck
from app.storage.projects import ProjectRow
from app.storage.tasks import TaskRow

# Events that one look at the database checks: others are not to wait for a long record.
_PAGE = 500


@dataclass(frozen=True)
class _Record:
    """What is on record at one moment."""

    project: ProjectRow
    tasks: list[TaskRow]
    versions: list[plans.PlanRow]
    decisions: list[Decision]


async def audit(services: Services, project_id: str) -> Audit:
    """Audit a project.

    Raises:
        NotFound: there is no such project.
    """
    # Rows change in one transaction with their events: those up to the number that the project has here tell all of them.
    record = await services.database.read(lambda conn: _read(conn, project_id))
    chain, replay = await _check_chain(services, record.project)
    # Files are looked at, and thousands of commands read: nothing for the event loop.
    return _answer(record, chain, await asyncio.to_thread(_findings, record, chain, replay))


def _findings(record: _Record, chain: ChainCheck, replay: Replay) -> list[Found]:
    files = _sizes(record.project.workspace, record.tasks)
    return [
        *checks.check_chain(chain.broken, chain.last),
        *checks.check_rows(record.tasks, record.project, replay),
        *checks.check_decisions(record.decisions, replay.sealed),
        *_plans(record),
        *checks.check_plan(record.tasks, {DEFAULT_AGENT}),
        *checks.check_outcomes(record.tasks, files),
        *checks.check_author(record.versions),
    ]


def _read(conn: Connection, project_id: str) -> _Record:
    return _Record(
        project=projects.get(conn, project_id),
        tasks=tasks.all_of(conn, project_id),
        versions=plans.all_of(conn, project_id),
        decisions=decisions.all_of(conn, project_id),
    )


async def _check_chain(services: Services, project: ProjectRow) -> tuple[ChainCheck, Replay]:
    chain, replay = ChainCheck(), Replay()
    while chain.last < project.last_seq:
        limit = min(_PAGE, project.last_seq - chain.last)
        page = await services.database.read(lambda conn, limit=limit: chain.read(conn, project.id, limit=limit))
        for event in page:
            replay.take(event.type, event.data)
        if not page:
            break
    replay.end()
    chain.check_end(project.last_seq, project.last_hash)
    return chain, replay


def _plans(record: _Record) -> list[Found]:
    """Versions whose text is not what was signed."""
    found: list[Found] = []
    for row in record.versions:
        if row.digest is None:
            continue
        try:
            plans.verified_draft(row)
        except (Conflict, ValueError):
            found.append(_altered(f"Plan version {row.version} is not what its digest says."))
    current = next((row for row in record.versions if row.version == record.project.plan_version), None)
    if current is not None and current.draft is not None and not found:
        try:
            draft = plans.content(current)
            by_phase: dict[str, list[TaskRow]] = {}
            for task in record.tasks:
                by_phase.setdefault(task.phase_id, []).append(task)
            for phase in draft.phases:
                plans.check_rows(phase, by_phase.get(current.ids["phases"][phase.key], []))
        except Conflict as error:
            found.append(_altered(error.info.message))
    return found


def _altered(message: str) -> Found:
    return Found("critical", "plan_altered", message, "Somebody changed the database by hand; make the plan anew.")


def _sizes(workspace: str, rows: Sequence[TaskRow]) -> dict[str, int | None]:
    """The size of each file that tasks were to make; None where there is no regular file inside of the workspace."""
    root = Path(workspace)
    return {path: _size(root, path) for row in rows for path in row.expected_files}


def _size(root: Path, path: str) -> int | None:
    try:
        resolved = (root / path).resolve()
        if not resolved.is_relative_to(root.resolve()):
            return None
        found = resolved.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return 1 if any(resolved.iterdir()) else 0
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _answer(record: _Record, chain: ChainCheck, found: list[Found]) -> Audit:
    ranked = sorted(found, key=lambda item: SEVERITIES.index(item.severity))
    summary: dict[Severity, int] = {
        severity: sum(item.severity == severity for item in found) for severity in SEVERITIES
    }
    worst = ", ".join(f"{count} {severity}" for severity, count in summary.items() if count)
    findings = [
        Finding(
            id=item.id, severity=item.severity, code=item.code, message=item.message, task_id=item.task_id,
            suggestion=item.suggestion,
        )
        for item in ranked
    ]  # fmt: skip
    tampered: set[Any] = {"chain_broken", "task_altered", "project_altered", "plan_altered"}
    tampered |= {"decision_altered", "decision_missing", "decision_unsealed"}
    intact = not any(item.code in tampered for item in found)
    word = "The record is whole" if intact else "The record was altered"
    return Audit(
        project_id=record.project.id,
        checked_at=now(),
        results=AuditResults(findings=findings, summary=summary, audited_task_count=len(record.tasks)),
        trail=Trail(events=chain.last, decisions=len(record.decisions), intact=intact, head=record.project.last_hash),
        message=f"{word}; {worst + ' to look at' if worst else 'nothing to look at'}.",
    )
