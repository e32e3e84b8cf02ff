"""Decisions: each request is decided once, stored with its outcome, and sealed in the chain of events."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.commands import editing
from app.database.database import Database
from app.domain.commands import CommandKind, CommandRecord, CommandRequest, Outcome
from app.domain.errors import Conflict, NotFound
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.storage import decisions, events, plans, projects, runs, tasks
from signoff.schemas.event_data import RunLost
from signoff.vocabulary import ProjectStatus, WaitReason
from tests.unit.conftest import add_task, data_of, decide, new_project, opened, plain, types_of, with_plan


def count(conn: Connection, table: str, project_id: str) -> int:
    return conn.execute(text(f"SELECT count(*) FROM {table} WHERE project_id = :id"), {"id": project_id}).scalar_one()


def running(conn: Connection, *titles: str, **fields: Any) -> str:
    """An approved project in its first phase, in which every task waits for a person."""
    project_id = with_plan(conn, *titles, **fields)
    assert decide(conn, project_id, "approve").error is None
    phase = runs.phase_at(conn, project_id, 0)
    assert phase is not None
    assert runs.begin_phase(conn, projects.get(conn, project_id), phase)
    for task in tasks.all_of(conn, project_id):
        tasks.open_task(conn, task, reason=WaitReason.MANUAL)
    return project_id


def planning(conn: Connection) -> str:
    project_id = new_project(conn)
    assert decide(conn, project_id, "generate").error is None
    return project_id


def finished(conn: Connection) -> str:
    project_id = running(conn)
    task = tasks.all_of(conn, project_id)[0]
    decide(conn, project_id, "complete", task=task.id)
    runs.finish(conn, projects.get(conn, project_id), ProjectStatus.COMPLETED, failure=None, actor="signoff")
    return project_id


def replanning(conn: Connection) -> str:
    project_id = finished(conn)
    assert decide(conn, project_id, "return").error is None
    return project_id


async def test_repeat_finds_the_first_outcome_and_changes_nothing(database: Database) -> None:
    project_id = await database.transact(with_plan)
    first = await database.transact(lambda conn: decide(conn, project_id, "approve", "req_1"))
    before = await database.read(lambda conn: types_of(conn, project_id))
    again = await database.transact(lambda conn: decide(conn, project_id, "approve", "req_1"))
    assert first.outcome == Outcome.ACCEPTED
    assert again == first
    assert await database.read(lambda conn: types_of(conn, project_id)) == before
    assert await database.read(lambda conn: count(conn, "runs", project_id)) == 1
    assert await database.read(lambda conn: decisions.find(conn, project_id, "req_1")) == first
    assert await database.read(lambda conn: decisions.find(conn, project_id, "req_2")) is None


async def test_refusal_is_kept_and_stands_even_when_it_would_be_allowed_now(database: Database) -> None:
    project_id = await database.transact(new_project)
    refused = await database.transact(lambda conn: decide(conn, project_id, "approve", "req_1", comment="go"))
    assert refused.outcome == Outcome.REFUSED
    assert refused.error is not None
    assert refused.error.code == "no_plan"
    await database.transact(lambda conn: add_task(conn, project_id, "Look"))
    assert await database.transact(lambda conn: decide(conn, project_id, "approve", "req_1")) == refused
    with pytest.raises(Conflict, match="no plan"):
        refused.raise_if_refused()
    assert await database.read(lambda conn: projects.get(conn, project_id).status) == "pending"
    accepted = await database.transact(lambda conn: decide(conn, project_id, "approve", "req_2"))
    assert accepted.error is None
    assert await database.read(lambda conn: count(conn, "decisions", project_id)) == 2


async def test_refused_effect_is_undone_and_the_refusal_alone_remains(database: Database) -> None:
    project_id = await database.transact(new_project)
    request = CommandRequest(project_id=project_id, request_id="req_1", kind=CommandKind.CANCEL, actor="bob")

    def half(conn: Connection, decision: CommandRecord) -> None:
        events.append(conn, project_id, RunLost(run_id="run_1", code="x"), actor="bob")
        add_task(conn, project_id, "Half done")
        raise Conflict("Not after all.", code="not_after_all", context={"n": 1})

    decision = await database.transact(lambda conn: decisions.decide(conn, request, half))
    assert decision.error is not None
    assert (decision.error.code, decision.error.context) == ("not_after_all", {"n": 1})
    assert await database.read(lambda conn: types_of(conn, project_id)) == ["project.created"]
    assert await database.read(lambda conn: tasks.count(conn, project_id)) == 0
    assert await database.read(lambda conn: decisions.find(conn, project_id, "req_1")) == decision


async def test_unexpected_error_records_nothing_so_that_a_repeat_is_decided_again(database: Database) -> None:
    project_id = await database.transact(with_plan)
    request = CommandRequest(project_id=project_id, request_id="req_1", kind=CommandKind.APPROVE, actor="bob")

    def broken(_conn: Connection, _decision: CommandRecord) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.transact(lambda conn: decisions.decide(conn, request, broken))
    assert await database.read(lambda conn: count(conn, "decisions", project_id)) == 0
    assert (await database.transact(lambda conn: decide(conn, project_id, "approve", "req_1"))).error is None


async def test_request_for_no_project_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.transact(lambda conn: decide(conn, "proj_none", "approve"))


async def test_same_request_id_means_another_request_in_another_project(database: Database) -> None:
    one, two = await database.transact(with_plan), await database.transact(with_plan)
    first = await database.transact(lambda conn: decide(conn, one, "approve", "req_1"))
    second = await database.transact(lambda conn: decide(conn, two, "approve", "req_1"))
    assert first.error is None
    assert second.error is None
    assert first.id != second.id


@pytest.mark.parametrize("same_request", [True, False])
async def test_two_who_approve_at_once_start_one_run(database_url: str, same_request: bool) -> None:
    async def race(one: Database, two: Database) -> None:
        project_id = await one.transact(with_plan)
        first, second = await asyncio.gather(
            one.transact(lambda conn: decide(conn, project_id, "approve", "req_1")),
            two.transact(lambda conn: decide(conn, project_id, "approve", "req_1" if same_request else "req_2")),
        )
        assert await one.read(lambda conn: count(conn, "runs", project_id)) == 1
        assert await one.read(lambda conn: types_of(conn, project_id).count("plan.approved")) == 1
        if same_request:
            assert first == second
        else:
            assert {first.outcome, second.outcome} == {"accepted", "refused"}
            assert [error.code for error in (first.error, second.error) if error is not None] == ["project_running"]

    async with opened(database_url) as one, opened(database_url) as two:
        for _ in range(20):
            await race(one, two)


async def test_approve_and_cancel_at_once_leave_one_winner_or_a_cancelled_run(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two:
        project_id = await one.transact(with_plan)
        approved, cancelled = await asyncio.gather(
            one.transact(lambda conn: decide(conn, project_id, "approve")),
            two.transact(lambda conn: decide(conn, project_id, "cancel")),
        )
        assert cancelled.error is None
        row = await one.read(lambda conn: projects.get(conn, project_id))
        if approved.error is None:
            assert (row.status, row.stage) == ("running", "cancelling")
        else:
            assert approved.error.code == "not_pending"
            assert (row.status, row.stage) == ("cancelled", "finished")


async def test_approval_binds_to_the_version_and_digest_that_were_read(database: Database) -> None:
    project_id = await database.transact(with_plan)
    old = await database.read(lambda conn: plans.get(conn, project_id, 1))
    await database.transact(lambda conn: add_task(conn, project_id, "More"))
    new = await database.read(lambda conn: plans.get(conn, project_id, 2))
    for stale in ({"plan_version": 1}, {"plan_digest": old.digest}, {"plan_version": 2, "plan_digest": old.digest}):
        decision = await database.transact(lambda conn, stale=stale: decide(conn, project_id, "approve", **stale))
        assert decision.error is not None
        assert decision.error.code == "plan_superseded"
        assert decision.error.context == {"plan_version": 2, "plan_digest": new.digest}
    assert await database.read(lambda conn: count(conn, "runs", project_id)) == 0
    bound = {"plan_version": 2, "plan_digest": new.digest}
    decision = await database.transact(lambda conn: decide(conn, project_id, "approve", **bound))
    assert decision.error is None
    assert (decision.plan_version, decision.plan_digest) == (2, new.digest)
    row = await database.read(lambda conn: plans.get(conn, project_id, 2))
    assert (row.status, row.approved_by, row.approved_at) == ("approved", "bob", decision.at)


async def test_plan_that_was_altered_in_the_database_is_not_started(file: Path) -> None:
    async with opened(file) as database:
        project_id = await database.transact(with_plan)
        with plain(file) as other:
            other.execute("UPDATE plans SET draft = replace(draft, 'Look', 'Wipe')")
        decision = await database.transact(lambda conn: decide(conn, project_id, "approve"))
        assert decision.error is not None
        assert decision.error.code == "plan_altered"
        assert await database.read(lambda conn: count(conn, "runs", project_id)) == 0


async def test_workspace_serves_one_run_at_a_time(database: Database) -> None:
    first = await database.transact(lambda conn: running(conn, workspace="/nowhere/shared"))
    second = await database.transact(lambda conn: with_plan(conn, workspace="/nowhere/shared"))
    decision = await database.transact(lambda conn: decide(conn, second, "approve"))
    assert decision.error is not None
    assert decision.error.code == "workspace_busy"
    assert decision.error.context == {"project_id": first}


def sealed(kind: str, **payload: Any) -> Any:
    """Decide on a project, or on its first task if the decision is about a task."""

    def act(conn: Connection, project_id: str) -> CommandRecord:
        row = tasks.all_of(conn, project_id)
        more = {"task": row[0].id} if kind in {"complete", "skip", "fail", "retry"} else {}
        return decide(conn, project_id, kind, comment="why", **payload, **more)

    return act


SITUATIONS: dict[str, tuple[Any, Any]] = {
    "generate": (new_project, sealed("generate")),
    "return": (with_plan, sealed("return")),
    "regenerate after the end": (finished, sealed("return")),
    "approve": (with_plan, sealed("approve")),
    "cancel pending": (with_plan, sealed("cancel")),
    "cancel planning": (planning, sealed("cancel")),
    "cancel planning again": (replanning, sealed("cancel")),
    "cancel running": (running, sealed("cancel")),
    "complete": (running, sealed("complete", outputs={"n": 1})),
    "skip": (running, sealed("skip")),
    "fail": (running, sealed("fail")),
}


@pytest.mark.parametrize(("prepare", "act"), SITUATIONS.values(), ids=SITUATIONS)
async def test_accepted_decision_is_stored_as_it_was_sealed_in_its_event(
    database: Database, prepare: Any, act: Any
) -> None:
    project_id = await database.transact(prepare)
    before = await database.read(lambda conn: projects.get(conn, project_id).last_seq)
    decision = await database.transact(lambda conn: act(conn, project_id))
    assert decision.error is None
    stored = await database.read(lambda conn: decisions.find(conn, project_id, decision.request_id))
    assert stored == decision
    told = await database.read(lambda conn: events.after(conn, project_id, before))
    seals = {event.data["decision_id"]: event.data["decision_hash"] for event in told if "decision_id" in event.data}
    assert seals == {stored.id: stored.seal()["decision_hash"]}
    assert {event.actor for event in told} == {"bob"}


async def test_cancelling_twice_is_accepted_and_told_once(database: Database) -> None:
    project_id = await database.transact(running)
    for _ in range(2):
        assert (await database.transact(lambda conn: decide(conn, project_id, "cancel"))).error is None
    assert await database.read(lambda conn: types_of(conn, project_id).count("run.cancelling")) == 1


async def test_cancel_of_a_planning_leaves_a_finished_project_as_it_was(database: Database) -> None:
    project_id = await database.transact(replanning)
    assert await database.read(lambda conn: projects.get(conn, project_id).stage) == "planning"
    assert (await database.transact(lambda conn: decide(conn, project_id, "cancel"))).error is None
    row = await database.read(lambda conn: projects.get(conn, project_id))
    assert (row.status, row.stage, row.plan_version) == ("completed", "finished", 1)


@pytest.mark.parametrize(
    ("kind", "status", "event"),
    [
        ("complete", "completed", "task.completed"),
        ("skip", "skipped", "task.skipped"),
        ("fail", "failed", "task.failed"),
    ],
)
async def test_answer_of_a_person_ends_the_task_once(database: Database, kind: str, status: str, event: str) -> None:
    project_id = await database.transact(running)
    task = (await database.read(lambda conn: tasks.all_of(conn, project_id)))[0]
    first = await database.transact(lambda conn: decide(conn, project_id, kind, task=task.key, comment="said"))
    assert first.error is None
    row = await database.read(lambda conn: tasks.get(conn, project_id, task.id))
    assert row.status == status
    told = await database.read(lambda conn: data_of(conn, project_id, event))
    assert (told["task_id"], told["comment"]) == (task.id, "said")
    late = await database.transact(lambda conn: decide(conn, project_id, "complete", task=task.id))
    assert late.error is not None
    assert (late.error.code, late.error.context["status"]) == ("task_not_waiting", status)


async def test_answer_to_no_task_or_to_a_cancelling_run_is_refused(database: Database) -> None:
    project_id = await database.transact(running)
    nobody = await database.transact(lambda conn: decide(conn, project_id, "complete", task="task_none"))
    assert nobody.error is not None
    assert nobody.error.code == "task_not_found"
    task = (await database.read(lambda conn: tasks.all_of(conn, project_id)))[0]
    retry = await database.transact(lambda conn: decide(conn, project_id, "retry", task=task.id))
    assert retry.error is not None
    assert retry.error.context["allowed"] == ["complete", "fail", "skip"]
    await database.transact(lambda conn: decide(conn, project_id, "cancel"))
    late = await database.transact(lambda conn: decide(conn, project_id, "complete", task=task.id))
    assert late.error is not None
    assert late.error.code == "project_not_running"


async def test_phase_gate_opens_by_one_approval_of_that_phase(database: Database) -> None:
    def gated(conn: Connection) -> str:
        project_id = with_plan(conn)
        editing.update_project(
            conn, project_id, {"auto_approve_phases": False}, load_actions(), workspace=None, actor="ann"
        )
        conn.execute(text("UPDATE phases SET requires_approval = true"))
        decide(conn, project_id, "approve")
        phase = runs.phase_at(conn, project_id, 0)
        assert phase is not None
        assert not runs.begin_phase(conn, projects.get(conn, project_id), phase)
        return project_id

    project_id = await database.transact(gated)
    gate = await database.read(lambda conn: projects.get(conn, project_id).gate)
    other = await database.transact(lambda conn: decide(conn, project_id, "approve", phase_id="phase_other"))
    assert other.error is not None
    assert other.error.code == "phase_not_waiting"
    mine = await database.transact(lambda conn: decide(conn, project_id, "approve", phase_id=gate["phase_id"]))
    assert mine.error is None
    told = await database.read(lambda conn: types_of(conn, project_id))
    assert told[-2:] == ["phase.approved", "phase.started"]
    again = await database.transact(lambda conn: decide(conn, project_id, "approve"))
    assert again.error is not None
    assert again.error.code == "project_running"


async def test_of_two_projects_in_one_workspace_that_are_approved_at_once_one_runs(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two:
        for _ in range(5):
            workspace = f"/nowhere/{new_id('proj')}"
            ids = [await one.transact(lambda conn, w=workspace: with_plan(conn, workspace=w)) for _ in range(2)]
            outcomes = await asyncio.gather(
                *(
                    database.transact(lambda conn, i=project_id: decide(conn, i, "approve"))
                    for database, project_id in zip((one, two), ids, strict=True)
                )
            )
            refused = [outcome.error.code for outcome in outcomes if outcome.error is not None]
            assert refused == ["workspace_busy"]
