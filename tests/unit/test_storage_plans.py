"""Plan versions from planners, and the compare-and-set behind every change of state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.database.database import Database
from app.domain.errors import Conflict, ErrorInfo, NotFound
from app.domain.plan import PhaseDraft, PlanDraft, digest_of
from app.domain.registry import load_actions
from app.domain.states import FINISHED_PROJECT
from app.storage import plan_rows, plans, projects, runs, tasks
from app.storage.verified_plans import verified_phase
from signoff.schemas.problems import Problem
from signoff.vocabulary import PhaseStatus, ProjectStatus, TaskStatus
from tests.unit.conftest import data_of, decide, new_project, opened, plain, types_of, with_plan
from tests.unit.test_storage_decisions import finished, planning, running

DRAFT = PlanDraft.model_validate(
    {
        "summary": "Words",
        "phases": [
            {
                "key": "first",
                "name": "First",
                "strategy": "sequential",
                "tasks": [
                    {"key": "a", "title": "A", "action": {"type": "shell", "command": "true"}, "retries": 2},
                    {"key": "b", "title": "B", "action": {"type": "manual"}, "inputs": {"x": [1.5, None, "ü"]}},
                ],
            },
            {"key": "second", "name": "Second", "tasks": [{"key": "c", "title": "C", "action": {"type": "milestone"}}]},
        ],
    }
)
ERROR = ErrorInfo(status=422, code="plan_invalid", message="No.", details=[Problem(field="x", message="y")])


def fill(conn: Connection, project_id: str, version: int = 1) -> str:
    return plans.finish_generation(conn, project_id, version, DRAFT, load_actions())


async def test_generated_plan_becomes_current_with_its_rows_and_digest(database: Database) -> None:
    project_id = await database.transact(planning)
    assert await database.read(lambda conn: projects.get(conn, project_id).plan_version) is None
    with pytest.raises(Conflict, match="has no content"):
        await database.read(lambda conn: plans.content(plans.get(conn, project_id, 1)))
    digest = await database.transact(lambda conn: fill(conn, project_id))

    def look(conn: Connection) -> None:
        project, plan = projects.get(conn, project_id), plans.get(conn, project_id, 1)
        assert (project.stage, project.plan_version, plan.status) == ("awaiting_approval", 1, "ready")
        assert plans.content(plan) == plans.verified_draft(plan) == DRAFT
        assert plan.digest == digest == digest_of(DRAFT, plans.run_settings(project, DRAFT, load_actions()))
        rows = tasks.all_of(conn, project_id)
        assert [(row.key, row.position, row.depends_on, row.retries) for row in rows] == [
            ("a", 0, [], 2),
            ("b", 1, ["a"], 0),
            ("c", 2, [], 0),
        ]
        phases = runs.phases_of(conn, project_id)
        assert [(phase.key, phase.position, phase.requires_approval) for phase in phases] == [
            ("first", 0, False),
            ("second", 1, False),
        ]
        for phase, draft in zip(phases, DRAFT.phases, strict=True):
            plan_rows.check_rows(draft, {}, [row for row in rows if row.phase_id == phase.id])
        said = data_of(conn, project_id, "plan.ready")
        assert said.pop("created_at") == plans.get(conn, project_id, 1).created_at
        assert said == {"plan_version": 1, "plan_digest": digest, "planner": "outline", "phases": 2, "tasks": 3}

    await database.read(look)


async def test_gates_stand_before_each_phase_but_the_first_unless_phases_are_approved_by_default(
    database: Database,
) -> None:
    project_id = await database.transact(lambda conn: new_project(conn, auto_approve_phases=False))
    await database.transact(lambda conn: decide(conn, project_id, "generate"))
    await database.transact(lambda conn: fill(conn, project_id))
    phases = await database.read(lambda conn: runs.phases_of(conn, project_id))
    assert [phase.requires_approval for phase in phases] == [False, True]


@pytest.mark.parametrize("prepare", [new_project, with_plan, finished])
async def test_failed_planning_leaves_everything_as_it_was_and_says_why(database: Database, prepare: Any) -> None:
    project_id = await database.transact(prepare)
    before = await database.read(lambda conn: projects.get(conn, project_id))
    kind = "generate" if before.plan_version is None else "return"
    decision = await database.transact(lambda conn: decide(conn, project_id, kind))
    version = decision.payload["version"]
    await database.transact(lambda conn: plans.fail_generation(conn, project_id, version, ERROR, actor="signoff"))

    def look(conn: Connection) -> None:
        now = projects.get(conn, project_id)
        kept = ("status", "stage", "plan_version", "former_stage", "run_id")
        assert [getattr(now, name) for name in kept] == [getattr(before, name) for name in kept]
        assert now.failure == {"code": "plan_invalid", "message": "No.", "task_id": None}
        assert plans.get(conn, project_id, version).status == "failed"
        assert data_of(conn, project_id, "plan.failed") == {
            "plan_version": version,
            "code": "plan_invalid",
            "message": "No.",
            "details": [{"field": "x", "message": "y"}],
        }

    await database.read(look)
    await database.transact(lambda conn: decide(conn, project_id, kind))
    await database.transact(lambda conn: fill(conn, project_id, version + 1))
    row = await database.read(lambda conn: projects.get(conn, project_id))
    assert (row.plan_version, row.status, row.failure) == (version + 1, "pending", None)


async def test_sending_a_plan_back_is_on_record_and_the_old_version_stays_until_the_new_one_is_ready(
    database: Database,
) -> None:
    project_id = await database.transact(with_plan)
    await database.transact(
        lambda conn: decide(conn, project_id, "return", comment="Shorter.", instructions="Shorter.")
    )
    row = await database.read(lambda conn: projects.get(conn, project_id))
    assert (row.stage, row.plan_version) == ("planning", 1)
    assert await database.read(lambda conn: data_of(conn, project_id, "plan.returned")["comment"]) == "Shorter."
    latest = await database.read(lambda conn: plans.latest(conn, project_id))
    assert latest is not None
    assert (latest.version, latest.status, latest.instructions) == (2, "generating", "Shorter.")
    await database.transact(lambda conn: fill(conn, project_id, 2))
    assert await database.read(lambda conn: plans.get(conn, project_id, 1).status) == "superseded"
    assert set(await database.read(lambda conn: tasks.ids_by_key(conn, project_id))) == {"a", "b", "c"}


async def test_plan_that_comes_after_its_planning_ended_is_refused(database: Database) -> None:
    project_id = await database.transact(planning)
    await database.transact(lambda conn: decide(conn, project_id, "cancel"))
    before = await database.read(lambda conn: types_of(conn, project_id))
    for late in (
        lambda conn: fill(conn, project_id),
        lambda conn: plans.fail_generation(conn, project_id, 1, ERROR, actor="signoff"),
        lambda conn: fill(conn, project_id, 9),
    ):
        with pytest.raises(Conflict) as refusal:
            await database.transact(late)
        assert refusal.value.info.code == "planning_ended"
    assert await database.read(lambda conn: types_of(conn, project_id)) == before
    assert await database.read(lambda conn: tasks.count(conn, project_id)) == 0


async def test_of_a_plan_and_a_cancel_at_once_both_leave_a_record_that_fits(database_url: str) -> None:
    async def race(one: Database, two: Database) -> None:
        project_id = await one.transact(planning)
        plan, cancel = await asyncio.gather(
            one.transact(lambda conn: fill(conn, project_id)),
            two.transact(lambda conn: decide(conn, project_id, "cancel")),
            return_exceptions=True,
        )
        assert not isinstance(cancel, BaseException)
        row = await one.read(lambda conn: projects.get(conn, project_id))
        assert (row.status, row.stage) == ("cancelled", "finished")
        assert (row.plan_version is None) == isinstance(plan, Conflict)

    async with opened(database_url) as one, opened(database_url) as two:
        for _ in range(10):
            await race(one, two)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE plans SET draft = json_set(draft, '$.phases[0].tasks[0].action.command', 'rm -r .')",
        "UPDATE plans SET settings = json_set(settings, '$.strategy', 'economy')",
        "UPDATE plans SET digest = printf('%064d', 1)",
    ],
)
async def test_stored_plan_that_is_not_what_its_digest_says_is_refused(file: Path, sql: str) -> None:
    async with opened(file) as database:
        project_id = await database.transact(planning)
        await database.transact(lambda conn: fill(conn, project_id))

        def second_phase(conn: Connection) -> PhaseDraft:
            return verified_phase(plans.get(conn, project_id, 1), 1)[0]

        # Twice: what was checked before is only compared.
        assert await database.read(second_phase) == await database.read(second_phase) == DRAFT.phases[1]
        with plain(file) as other:
            other.execute(sql)
        for check in (lambda conn: plans.verified_draft(plans.get(conn, project_id, 1)), second_phase):
            with pytest.raises(Conflict) as refusal:
                await database.read(check)
            assert refusal.value.info.code == "plan_altered"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tasks SET action = json_set(action, '$.command', 'rm -r .') WHERE key = 'a'",
        "UPDATE tasks SET inputs = '{}' WHERE key = 'b'",
        "UPDATE tasks SET agent_id = 'other' WHERE key = 'a'",
        "UPDATE tasks SET depends_on = '[]' WHERE key = 'b'",
        "UPDATE tasks SET timeout_seconds = 86400 WHERE key = 'a'",
        "UPDATE tasks SET on_crash = 'ask' WHERE key = 'a'",
        "UPDATE tasks SET after_failure = 'ask' WHERE key = 'a'",
        "UPDATE tasks SET expected_files = '[\"x\"]' WHERE key = 'a'",
        "UPDATE tasks SET position = 1 - position WHERE key IN ('a', 'b')",
        "DELETE FROM tasks WHERE key = 'b'",
    ],
)
async def test_task_row_that_is_not_what_was_signed_is_refused(file: Path, sql: str) -> None:
    async with opened(file) as database:
        project_id = await database.transact(planning)
        await database.transact(lambda conn: fill(conn, project_id))
        with plain(file) as other:
            other.execute(sql)

        def check(conn: Connection) -> None:
            phase = runs.phase_at(conn, project_id, 0)
            assert phase is not None
            plan_rows.check_rows(DRAFT.phases[0], {}, tasks.all_of(conn, project_id, phase_id=phase.id))

        with pytest.raises(Conflict) as refusal:
            await database.read(check)
        assert refusal.value.info.code == "plan_altered"


async def test_version_that_does_not_exist_is_not_found(database: Database) -> None:
    project_id = await database.transact(with_plan)
    with pytest.raises(NotFound) as refusal:
        await database.read(lambda conn: plans.get(conn, project_id, 2))
    assert refusal.value.info.code == "plan_not_found"


@pytest.mark.parametrize(
    "column", ["status = 'cancelled'", "stage = 'planning'", "plan_version = 9", "run_id = 'run_x'"]
)
async def test_project_changes_only_as_long_as_it_stands_as_it_was_read(database: Database, column: str) -> None:
    project_id = await database.transact(with_plan)
    read = await database.read(lambda conn: projects.get(conn, project_id))
    await database.transact(
        lambda conn: projects.change(conn, read, failure={"code": "x", "message": "", "task_id": None})
    )
    await database.transact(lambda conn: conn.execute(text(f"UPDATE projects SET {column}")))
    with pytest.raises(Conflict, match="at the same time"):
        await database.transact(lambda conn: projects.change(conn, read, failure=None))
    with pytest.raises(Conflict):
        await database.transact(lambda conn: projects.move(conn, read, ProjectStatus.RUNNING))


@pytest.mark.parametrize("status", sorted(FINISHED_PROJECT))
async def test_finished_project_moves_to_pending_or_running_alone(database: Database, status: ProjectStatus) -> None:
    project_id = await database.transact(with_plan)
    await database.transact(lambda conn: conn.execute(text("UPDATE projects SET status = :s"), {"s": status}))
    read = await database.read(lambda conn: projects.get(conn, project_id))
    for target in set(ProjectStatus) - {ProjectStatus.PENDING, ProjectStatus.RUNNING}:
        with pytest.raises(Conflict) as refusal:
            await database.transact(lambda conn, target=target: projects.move(conn, read, target))
        assert refusal.value.info.code == "impossible_move"
    await database.transact(lambda conn: projects.move(conn, read, ProjectStatus.PENDING))


async def test_task_and_phase_move_by_where_the_row_stands_not_by_what_was_read(database: Database) -> None:
    project_id = await database.transact(running)

    def stale(conn: Connection) -> None:
        task = tasks.all_of(conn, project_id)[0]
        phase = runs.phases_of(conn, project_id)[0]
        tasks.move(conn, task, TaskStatus.COMPLETED)
        runs.move_phase(conn, phase, PhaseStatus.COMPLETED)
        # Both rows were read before either changed.
        assert (task.status, phase.status) == ("waiting", "running")
        for refused in (
            lambda: tasks.move(conn, task, TaskStatus.FAILED),
            lambda: tasks.move(conn, task, TaskStatus.COMPLETED),
            lambda: runs.move_phase(conn, phase, PhaseStatus.FAILED),
        ):
            with pytest.raises(Conflict) as refusal:
                refused()
            assert refusal.value.info.code == "impossible_move"

    await database.transact(stale)


async def test_end_of_many_tasks_leaves_those_that_ended_otherwise(database: Database) -> None:
    project_id = await database.transact(lambda conn: with_plan(conn, "One", "Two", "Three"))

    def end(conn: Connection) -> list[str]:
        rows = tasks.all_of(conn, project_id)
        tasks.move(conn, rows[1], TaskStatus.COMPLETED)
        tasks.end_many(conn, rows, TaskStatus.SKIPPED, reason="phase_failed", at="2024-02-29T00:00:00.000Z")
        return [row.status for row in tasks.all_of(conn, project_id)]

    assert await database.transact(end) == ["skipped", "completed", "skipped"]
