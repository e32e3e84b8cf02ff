"""Runs an audit: reads the record in pages, inspects files in a thread, runs every check, and writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from app.api.http.services import Services
from app.domain import audit as checks
from app.domain import integrity, model_audit, signed_audit, unseen
from app.domain.audit import SEVERITIES, AuditedRow, Severity, worst_first
from app.domain.certificate_story import Story
from app.domain.errors import Conflict
from app.domain.identity import now
from app.domain.plan import PlanDraft
from app.domain.replay import Replay
from app.domain.seals import Head
from app.domain.unseen import Step, Unseen
from app.domain.validation import for_project
from app.sealing import whole
from app.storage import audit as storage
from app.storage import plans
from app.storage.audit import Record
from app.storage.events import ChainCheck
from app.workspace import files
from app.workspace.workspaces import root_of
from signoff.schemas.insight import Audit, AuditResults, Finding, Trail
from signoff.schemas.json_value import JsonObject
from signoff.schemas.record import RecordSeal
from signoff.vocabulary import PlanStatus, ProjectStatus

# Events per database query, so that a long record does not keep other queries waiting.
_PAGE = 500


async def audit(services: Services, project_id: str) -> Audit:
    """Audit a project.

    Raises:
        NotFound: the project does not exist.
    """
    await services.sealer.seal(project_id)
    published = services.sealer.heads.get(project_id)
    # Rows change in the same transaction as their events, so the events up to `last_seq` explain all of these rows.
    record = await services.database.read(lambda conn: storage.read(conn, project_id))
    chain, replay = await check_chain(services, record)
    # Inspecting files and thousands of commands would block the event loop.
    return await asyncio.to_thread(_answer, services, record, chain, replay, published)


async def check_chain(services: Services, record: Record, story: Story | None = None) -> tuple[ChainCheck, Replay]:
    """Read the events of a record. `story` takes them too."""
    chain, replay, project = ChainCheck(), Replay(), record.project
    while chain.last < project.last_seq:
        limit = min(_PAGE, project.last_seq - chain.last)
        page = await services.database.read(lambda conn, limit=limit: chain.read(conn, project.id, limit=limit))
        for event in page:
            replay.take(event)
            if story is not None:
                story.take(event)
        if not page:
            break
    chain.check_end(project.last_seq, project.last_hash)
    chain.broken.extend(seq for seq in record.stray if seq not in chain.broken)
    return chain, replay


def _sizes(root: Path, rows: Sequence[AuditedRow]) -> dict[str, int | None]:
    """The size of each file that tasks were expected to create; None if it is not a regular file inside the workspace."""
    return {path: files.size_of(root, path) for row in rows for path in row.expected_files}


def _logs(workspace: Path, replay: Replay) -> dict[tuple[str, int], str | None]:
    """The checksum of each log that an event mentions."""
    logged = [key for key, attempt in replay.attempts.items() if attempt.log is not None]
    return {key: _sha256(workspace, files.log_path(*key)) for key in logged}


def _checksums(workspace: Path, replay: Replay) -> dict[str, str | None]:
    """The checksum of each file that a task created."""
    return {path: _sha256(workspace, path) for path, file in replay.files.items() if file.task_id is not None}


def _sha256(workspace: Path, path: str) -> str | None:
    fingerprint = files.fingerprint(workspace, path)
    return fingerprint["sha256"] if fingerprint is not None else None


@dataclass(frozen=True)
class _Reviewed:
    """The plan that is reviewed: an edit that waits for approval during a run, or else the current plan.

    Attributes:
        version: its number.
        tasks: its tasks, as they would be in the record.
        edit: the draft of the edit, if it is one.
    """

    version: int | None
    tasks: Sequence[AuditedRow]
    edit: PlanDraft | None = None


def _reviewed(record: Record) -> _Reviewed:
    project = record.project
    edits = [row for row in record.plans if row.status == PlanStatus.READY and row.version != project.plan_version]
    current = _Reviewed(project.plan_version, record.tasks)
    if project.status != ProjectStatus.RUNNING or not edits:
        return current
    edit = max(edits, key=lambda row: row.version)
    try:
        draft = plans.verified_draft(edit)
        tasks = [
            SimpleNamespace(**{**task.model_dump(mode="json"), "id": edit.ids["tasks"].get(task.key)})
            for task in draft.tasks()
        ]
    except (Conflict, ValueError, KeyError, TypeError):
        # The version was altered, and the integrity checks say so.
        return current
    return _Reviewed(edit.version, tasks, draft)


def _answer(services: Services, record: Record, chain: ChainCheck, replay: Replay, published: Head | None) -> Audit:
    workspace, sealer = root_of(record.project.workspace, record.project.path), services.sealer
    refused = sealer.refusal(record.project.id)
    alterations = list(whole.alterations(record, chain, replay, sealer.ring, published, refused))
    alterations += integrity.check_logs(_logs(workspace, replay), replay)
    reviewed = _reviewed(record)
    draft, answered = model_audit.plan_in_force(record.plans, reviewed.version)
    in_force, _ = model_audit.plan_in_force(record.plans, record.project.plan_version)
    found = [
        *alterations,
        *checks.check_plan(reviewed.tasks, services.agents),
        *model_audit.check_deciders(draft, answered, {row.key: row.id for row in reviewed.tasks}),
        *model_audit.check_answers(in_force, record.tasks, record.decisions),
        *checks.check_questions(record.plans, reviewed.version),
        *unseen.check_unseen(_unseen(services, record, reviewed, workspace)),
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
            id=item.id,
            severity=item.severity,
            code=item.code,
            message=item.message,
            task_id=item.task_id,
            suggestion=item.suggestion,
        )
        for item in worst_first(found)
    ]
    trail = _trail(record, chain, sealer.keys.fingerprint, intact=whole.is_intact(alterations))
    verdict = "The record is intact" if trail.intact else "The record was altered"
    unsealed = f"; {trail.unsealed} events are not sealed yet" if trail.unsealed else ""
    return Audit(
        project_id=record.project.id,
        checked_at=now(),
        results=AuditResults(findings=findings, summary=summary, audited_task_count=len(record.tasks)),
        trail=trail,
        message=f"{verdict}{unsealed}; {worst + ' to review' if worst else 'nothing to review'}.",
    )


def _unseen(services: Services, record: Record, reviewed: _Reviewed, workspace: Path) -> list[Unseen]:
    """The tasks that would run what a model writes. What existed is known from the approval, or from the workspace before it."""
    current = next((plan for plan in record.plans if plan.version == record.project.plan_version), None)
    frozen: JsonObject | None = getattr(current, "frozen", None)
    signed: Collection[str] | None = None
    if frozen is not None:
        signed = {name for part in ("files", "unhashed") for name in cast("JsonObject", frozen.get(part) or {})}

    def exists(path: str) -> bool:
        return path in signed if signed is not None else files.size_of(workspace, path) is not None

    agents = for_project(services.agents, record.project.agent_id)
    return list(unseen.find_unseen(_steps(record, reviewed), agents, workspace=str(workspace), exists=exists))


def _steps(record: Record, reviewed: _Reviewed) -> list[list[Step]]:
    """The tasks of the plan that is reviewed, by phase."""
    if reviewed.edit is not None:
        ids = {row.key: row.id for row in reviewed.tasks}
        return [[step._replace(id=ids[step.key]) for step in phase] for phase in unseen.steps_of(reviewed.edit)]
    steps: dict[str, list[Step]] = {row.id: [] for row in sorted(record.phases, key=lambda phase: phase.position)}
    for row in record.tasks:
        step = Step(row.id, row.key, row.action, row.agent_id, row.depends_on, row.expected_files)
        steps.setdefault(row.phase_id, []).append(step)
    return list(steps.values())


def _trail(record: Record, chain: ChainCheck, fingerprint: str, *, intact: bool) -> Trail:
    newest = record.seals[-1] if record.seals else None
    return Trail(
        events=chain.last,
        decisions=len(record.decisions) + len(record.unreadable_in("decisions")),
        intact=intact,
        head=chain.head,
        seal=RecordSeal.model_validate(newest.model_dump()) if newest is not None else None,
        unsealed=max(0, chain.last - (newest.seq if newest is not None else 0)),
        sealed_later=max((seal.sealed_later for seal in record.seals), default=0),
        fingerprint=fingerprint,
    )
