"""Checks whether a record is intact, by comparing rows, events, plans, decisions, commands and seals.

The same checks apply to a database and to an exported record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from app.domain import gate_audit, integrity, signed_audit
from app.domain.actions import Action
from app.domain.audit import AuditedRow, Found
from app.domain.commands import Outcome
from app.domain.errors import Conflict
from app.domain.frozen import Frozen
from app.domain.passkey_audit import objection_to_opening
from app.domain.passkeys import objection_to_decision, objection_to_frozen
from app.domain.plan import PlanDraft, RunSettings
from app.domain.replay import Replay
from app.domain.seals import Head, check_seals
from app.domain.signals import UNAUTHENTICATED
from app.domain.signed_values import PROJECT_VALUES
from app.domain.signing import KeyRing
from app.domain.validation import effective_dependencies
from app.sealing.authentic import MODEL_PREFIX, OWN_ACTORS, command_content, commands_match
from app.storage import plan_rows, plans
from app.storage.audit import Record
from app.storage.commands import CommandRow
from app.storage.events import ChainCheck

_ALTERED = {
    "plans": "plan",
    "runs": "run",
    "phases": "phase",
    "tasks": "task",
    "decisions": "decision",
    "attempts": "attempt",
    "questions": "question",
    "commands": "command",
    "gates": "gate",
}


def alterations(
    record: Record, chain: ChainCheck, replay: Replay, keys: KeyRing, published: Head | None, refused: str | None = None
) -> Iterator[Found]:
    """Yield a finding for everything in the record that was altered.

    Args:
        record: the rows.
        chain: a check that has read all events.
        replay: a replay of the same events.
        keys: the keys whose seals are valid.
        published: the newest head published before the rows were read, if known.
        refused: why the app does not seal this record, or None.
    """
    yield from _rows(record, replay, chain)
    yield from check_seals(record.seals, chain.hashes, keys, published)
    yield from check_commands(record, replay, keys)
    yield from check_passkeys(record, replay)
    if refused is not None:
        yield integrity.altered("not_sealed", f"The app does not seal this record: {refused}")


def is_intact(found: Iterable[Found]) -> bool:
    """Whether nothing was altered. A missing log is not an alteration."""
    return not any(item.severity == "critical" for item in found)


def _rows(record: Record, replay: Replay, chain: ChainCheck) -> Iterator[Found]:
    for row in record.unreadable:
        what = _ALTERED[row.table]
        message = (
            f"{what.capitalize()} '{row.name}' cannot be read: Signoff does not write what its {row.column} contains."
        )
        yield integrity.altered(f"{what}_altered", message)
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
    yield from gate_audit.check_gates(record.gates, record.decisions, replay)
    yield from integrity.check_decisions(record.decisions, record.unreadable_in("decisions"), replay)


def _plan_texts(record: Record) -> Iterator[Found]:
    """Yield plan versions whose text was altered. For an intact current version, also yield the rows that differ from it."""
    for row in record.plans:
        if row.digest is None:
            continue
        try:
            draft = plans.verified_draft(row)
        except (Conflict, ValueError):
            yield integrity.altered("plan_altered", f"Plan version {row.version} does not match its digest.")
            continue
        if row.version == record.project.plan_version:
            yield from _signed(record, row, draft)


def _signed(record: Record, row: AuditedRow, draft: PlanDraft) -> Iterator[Found]:
    # A project may be renamed during its run. Its tasks keep the approved name, and the approved values of the parameters.
    names = [name for name in RunSettings.model_fields if name not in {*PROJECT_VALUES, "parameters"}]
    others = [name for name in names if getattr(record.project, name) != row.settings.get(name)]
    if others:
        message = f"The project differs from what was approved with plan version {row.version}: {', '.join(others)}."
        yield integrity.altered("project_altered", message)
    if row.ids is None:
        yield integrity.altered("plan_altered", f"Plan version {row.version} has lost its ids.")
        return
    try:
        phases, tasks = _rows_of(record, row, draft)
    except KeyError as error:
        yield integrity.altered("plan_altered", f"Plan version {row.version} has lost the id of {error}.")
        return
    named = {"phases": {phase["key"] for phase in phases}, "tasks": {task["key"] for task in tasks}}
    if {what: set(ids) for what, ids in row.ids.items()} != named:
        yield integrity.altered(
            "plan_altered", f"Plan version {row.version} has ids for phases or tasks that are not in it."
        )
    yield from integrity.check_signed("phase", phases, record.phases, record.unreadable_in("phases"))
    yield from integrity.check_signed("task", tasks, record.tasks, record.unreadable_in("tasks"))


def _rows_of(
    record: Record, row: AuditedRow, draft: PlanDraft
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the fields that the rows of phases and tasks must have according to the plan."""
    phases: list[plan_rows.NewPhase] = []
    tasks: list[dict[str, object]] = []
    # The default for a task's retries came from its action when the plan was made, and may be different now.
    actions = {task.action.type: Action for task in draft.tasks()}
    for position, phase in enumerate(draft.phases):
        phases.append(plan_rows.phase_row(record.project, phase, draft.parameters, position, row.ids))
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True):
            fields = plan_rows.task_row(
                record.project, phase, task, draft.parameters, needed, len(tasks), row.ids, actions
            )
            state = {"status", "outputs"} if task.retries is not None else {"status", "outputs", "retries"}
            tasks.append({name: value for name, value in fields.items() if name not in state})
    return [{name: value for name, value in fields.items() if name != "status"} for fields in phases], tasks


def check_passkeys(record: Record, replay: Replay) -> Iterator[Found]:
    """Yield decisions with the signature of a device that is not valid."""
    frozen = {row.version: row.frozen for row in record.plans}
    used = set[str]()
    for decision in record.decisions:
        objection = objection_to_decision(decision) if decision.outcome == Outcome.ACCEPTED else None
        if objection is None and decision.outcome == Outcome.ACCEPTED:
            objection = objection_to_frozen(decision, _readable(frozen.get(decision.plan_version)))
        if objection is None and decision.outcome == Outcome.ACCEPTED:
            objection = objection_to_opening(decision, replay, used)
        if objection is not None:
            message = f"The passkey's signature of decision {decision.id} by {decision.actor} is not valid. {objection}"
            yield integrity.altered("passkey_invalid", message)


def _readable(frozen: object) -> Frozen | None:
    try:
        return Frozen.model_validate(frozen) if frozen is not None else None
    except ValueError:
        # Other checks report it.
        return None


def check_commands(record: Record, replay: Replay, keys: KeyRing) -> Iterator[Found]:
    """Yield commands that the app did not store, and people's decisions without a matching command."""
    by_request = {str(row.request_id): cast("CommandRow", vars(row)) for row in record.commands}
    for row in record.commands:
        if not keys.verifies("command", command_content(by_request[row.request_id]), row.seal):
            message = f"Command {row.id} ({row.kind} by {row.actor}) differs from what the app stored."
            yield integrity.altered("command_altered", message)
    later = max((seal.sealed_later for seal in record.seals), default=0)
    for decision in record.decisions:
        replayed = replay.decisions.get(decision.id)
        if replayed is None or min(replayed.seqs, default=0) <= later:
            continue
        if decision.actor in {*OWN_ACTORS, UNAUTHENTICATED} or decision.actor.startswith(MODEL_PREFIX):
            continue
        row = by_request.get(decision.request_id)
        if row is None:
            message = f"No command asked for decision {decision.id} ({decision.kind} by {decision.actor})."
            yield integrity.altered("command_missing", message)
        elif not commands_match(decision, row, keys):
            message = f"Decision {decision.id} ({decision.kind} by {decision.actor}) does not match its command."
            yield integrity.altered("command_altered", message)
