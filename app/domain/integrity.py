"""Whether the record is what it was: rows held against the plan that was signed, and against events that the chain seals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from app.domain.audit import Found
from app.domain.decisions import Decision, Outcome
from app.domain.replay import Replay, ToldTask, outputs_hash
from app.domain.states import FINISHED_TASK, TaskStatus

_BY_HAND = "Somebody changed the database by hand; the events, sealed by the chain, are what happened."
_NOT_STARTED = frozenset({TaskStatus.PENDING, TaskStatus.RUNNING})
_WITH_ERROR = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})


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
        for name, was in (("created_by", told.created_by), ("approved_by", told.approved_by)):
            if getattr(row, name) != was:
                said = f"Plan version {version} is not what its events say: {name} is {getattr(row, name)}, not {was}."
                yield altered("plan_altered", said)
    for version, row in rows.items():
        if row.digest is not None and version not in replay.plans:
            yield altered("plan_altered", f"No event tells of plan version {version}.")


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
    for row in by_id.values():
        yield altered("run_altered", f"No event tells of run {row.number}.")


def check_phases(rows: Sequence[Any], replay: Replay) -> Iterator[Found]:
    """Phases whose status is not what the events say."""
    for row in rows:
        told = replay.phase_status(row.id)
        if row.status != told:
            yield altered("phase_altered", f"Phase '{row.key}' is {row.status}; by its events it is {told}.")


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
    sealed = "outputs_hash" in told.last
    if (sealed and outputs_hash(row.outputs) != told.last["outputs_hash"]) or (
        row.status in _NOT_STARTED and row.outputs
    ):
        yield "its outputs are others"
    if row.status in _WITH_ERROR and row.error != told.last.get("error"):
        yield "its error is another"
    if row.status in FINISHED_TASK and "reason" in told.last and row.reason != told.last["reason"]:
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


def check_decisions(
    decisions: Sequence[Decision], unreadable: Collection[str], sealed: Mapping[str, str]
) -> Iterator[Found]:
    """Decisions that are not what their events sealed, are gone, or that no event tells of."""
    suggestion = "Somebody changed the database by hand; the event has the hash of what was decided."
    known = {decision.id: decision for decision in decisions}
    for decision_id, digest in sealed.items():
        decision = known.get(decision_id)
        if decision is None:
            if decision_id not in unreadable:
                said = f"Decision {decision_id} is gone from the record."
                yield Found("critical", "decision_missing", said, suggestion)
        elif decision.seal()["decision_hash"] != digest:
            said = f"Decision {decision_id} ({decision.kind} by {decision.actor}) is not what its event sealed."
            yield Found("critical", "decision_altered", said, suggestion)
    for decision in decisions:
        if decision.outcome == Outcome.ACCEPTED and decision.id not in sealed:
            said = f"No event tells of decision {decision.id} ({decision.kind} by {decision.actor})."
            yield Found("critical", "decision_unsealed", said, suggestion)
