"""Manual edits: what makes a new version, what stays, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.commands import editing
from app.database.database import Database
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.plan import digest_of
from app.domain.registry import load_actions
from app.storage import plans, projects, runs, tasks
from tests.unit.conftest import add_task, data_of, decide, new_project, types_of, with_plan
from tests.unit.test_storage_decisions import finished, planning, running


def update(conn: Connection, project_id: str, **wanted: Any) -> projects.ProjectRow:
    return editing.update_project(conn, project_id, wanted, load_actions(), workspace="/nowhere/new", actor="ann")


def ids(conn: Connection, project_id: str) -> dict[str, str]:
    """Return the ids of phases and tasks by key."""
    phases = {f"phase {phase.key}": phase.id for phase in runs.phases_of(conn, project_id)}
    return phases | tasks.ids_by_key(conn, project_id)


def versions(conn: Connection, project_id: str) -> list[tuple[int, str]]:
    query = text("SELECT version, status FROM plans WHERE project_id = :id ORDER BY version")
    return [(row.version, row.status) for row in conn.execute(query, {"id": project_id})]


async def test_first_task_makes_version_one_with_a_phase_of_its_own(database: Database) -> None:
    project_id = await database.transact(new_project)
    task_id = await database.transact(lambda conn: add_task(conn, project_id, "Look around"))

    def look(conn: Connection) -> None:
        project = projects.get(conn, project_id)
        assert (project.status, project.stage, project.plan_version) == ("pending", "awaiting_approval", 1)
        (phase,) = runs.phases_of(conn, project_id)
        assert (phase.name, phase.position, phase.strategy) == ("Tasks", 0, "dag")
        task = tasks.get(conn, project_id, "look_around")
        assert (task.id, task.phase_id, task.action, task.status) == (task_id, phase.id, {"type": "manual"}, "pending")
        assert types_of(conn, project_id) == ["project.created", "plan.ready", "task.created"]
        plan = plans.get(conn, project_id, 1)
        assert data_of(conn, project_id, "plan.ready")["plan_digest"] == plan.digest
        assert plan.digest == digest_of(
            plans.content(plan), plans.run_settings(project, plans.content(plan), load_actions())
        )

    await database.read(look)


async def test_next_task_makes_the_next_version_and_keeps_every_id(database: Database) -> None:
    project_id = await database.transact(lambda conn: with_plan(conn, "One"))
    before = await database.read(lambda conn: ids(conn, project_id))
    old = await database.read(lambda conn: plans.get(conn, project_id, 1))
    new_id = await database.transact(lambda conn: add_task(conn, project_id, "Two"))

    def look(conn: Connection) -> None:
        assert ids(conn, project_id) == before | {"two": new_id}
        assert versions(conn, project_id) == [(1, "superseded"), (2, "ready")]
        assert data_of(conn, project_id, "plan.superseded") == {"plan_version": 1, "by": 2}
        kept = plans.get(conn, project_id, 1)
        assert (kept.draft, kept.settings, kept.digest) == (old.draft, old.settings, old.digest)
        assert plans.get(conn, project_id, 2).digest != old.digest

    await database.read(look)


async def test_dependencies_may_be_named_by_id_or_key_and_phases_too(database: Database) -> None:
    project_id = await database.transact(lambda conn: with_plan(conn, "One", "Two"))
    known = await database.read(lambda conn: ids(conn, project_id))
    for phase in ("tasks", known["phase tasks"]):
        added = await database.transact(
            lambda conn, phase=phase: add_task(conn, project_id, "Next", phase, depends_on=[known["one"], "two"])
        )
        row = await database.read(lambda conn, added=added: tasks.get(conn, project_id, added))
        assert row.depends_on == ["one", "two"]
        assert row.phase_id == known["phase tasks"]
    assert set(await database.read(lambda conn: tasks.ids_by_key(conn, project_id))) == {"one", "two", "next", "next_2"}


@pytest.mark.parametrize(
    ("fields", "phase", "code"),
    [
        ({"depends_on": ["nobody"]}, None, "plan_invalid"),
        ({"key": "one"}, None, "plan_invalid"),
        ({"key": "new", "depends_on": ["new"]}, None, "plan_invalid"),
        ({"action": {"type": "teleport"}}, None, "plan_invalid"),
        ({"action": {"type": "wait"}}, None, "plan_invalid"),
        ({"inputs": {"x": "${{ tasks.nobody.outputs.x }}"}}, None, "plan_invalid"),
        ({}, "nowhere", "validation_error"),
    ],
)
async def test_task_that_makes_no_valid_plan_changes_nothing(
    database: Database, fields: dict[str, Any], phase: str | None, code: str
) -> None:
    project_id = await database.transact(lambda conn: with_plan(conn, "One"))
    before = await database.read(lambda conn: (types_of(conn, project_id), ids(conn, project_id)))
    with pytest.raises(Invalid) as refusal:
        await database.transact(lambda conn: add_task(conn, project_id, "Two", phase, **fields))
    assert refusal.value.info.code == code
    assert await database.read(lambda conn: (types_of(conn, project_id), ids(conn, project_id))) == before
    assert await database.read(lambda conn: versions(conn, project_id)) == [(1, "ready")]


async def test_text_of_a_project_changes_without_a_new_version(database: Database) -> None:
    project_id = await database.transact(with_plan)
    row = await database.transact(lambda conn: update(conn, project_id, name="New", description="Words"))
    assert (row.name, row.description, row.plan_version) == ("New", "Words", 1)
    assert await database.read(lambda conn: data_of(conn, project_id, "project.updated")) == {
        "fields": ["description", "name"]
    }


async def test_setting_what_is_set_already_is_no_change(database: Database) -> None:
    project_id = await database.transact(with_plan)
    before = await database.read(lambda conn: types_of(conn, project_id))
    await database.transact(lambda conn: update(conn, project_id, name="Project", strategy="performance"))
    assert await database.read(lambda conn: types_of(conn, project_id)) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "careful"),
        ("decision_mode", "human"),
        ("auto_approve_phases", False),
        ("path", "/nowhere/named"),
        ("agent_id", "default"),
    ],
)
async def test_field_that_an_approval_covers_makes_a_new_version_of_the_same_plan(
    database: Database, name: str, value: Any
) -> None:
    project_id = await database.transact(lambda conn: with_plan(conn, "One", "Two"))
    before = await database.read(lambda conn: ids(conn, project_id))
    old = await database.read(lambda conn: plans.get(conn, project_id, 2))
    row = await database.transact(lambda conn: update(conn, project_id, **{name: value}))
    assert (getattr(row, name), row.plan_version, row.status) == (value, 3, "pending")
    new = await database.read(lambda conn: plans.get(conn, project_id, 3))
    assert new.digest != old.digest
    assert (new.draft, new.settings) == (old.draft, old.settings | {name: value})
    assert await database.read(lambda conn: ids(conn, project_id)) == before
    told = await database.read(lambda conn: types_of(conn, project_id))
    assert told[-3:] == ["project.updated", "plan.superseded", "plan.ready"]
    stale = await database.transact(lambda conn: decide(conn, project_id, "approve", plan_version=2))
    assert stale.error is not None
    assert stale.error.code == "plan_superseded"


async def test_path_of_a_project_brings_its_workspace_with_it(database: Database) -> None:
    project_id = await database.transact(with_plan)
    row = await database.transact(lambda conn: update(conn, project_id, path="/nowhere/named"))
    assert row.workspace == "/nowhere/new"
    row = await database.transact(lambda conn: update(conn, project_id, strategy="economy"))
    assert row.workspace == "/nowhere/new"


async def test_covered_field_of_a_project_without_a_plan_makes_none(database: Database) -> None:
    project_id = await database.transact(new_project)
    row = await database.transact(lambda conn: update(conn, project_id, strategy="careful"))
    assert (row.strategy, row.plan_version, row.stage) == ("careful", None, "draft")


async def test_edit_of_a_finished_project_makes_it_pending_with_fresh_tasks(database: Database) -> None:
    project_id = await database.transact(finished)
    before = await database.read(lambda conn: ids(conn, project_id))
    await database.transact(lambda conn: conn.execute(text("UPDATE tasks SET attempt = 3")))
    await database.transact(lambda conn: add_task(conn, project_id, "Two"))

    def look(conn: Connection) -> None:
        project = projects.get(conn, project_id)
        assert (project.status, project.stage, project.plan_version) == ("pending", "awaiting_approval", 2)
        assert ids(conn, project_id).items() >= before.items()
        rows = tasks.all_of(conn, project_id)
        assert [(row.status, row.attempt, row.outputs, row.started_at) for row in rows] == [
            ("pending", 3, {}, None),
            ("pending", 0, {}, None),
        ], "attempts are numbered through"
        assert versions(conn, project_id)[0] == (1, "superseded")
        assert plans.get(conn, project_id, 1).approved_by == "bob", "who signed it stays on record"

    await database.read(look)


@pytest.mark.parametrize(("prepare", "code"), [(running, "project_running"), (planning, "plan_not_ready")])
async def test_live_project_takes_new_words_but_no_other_plan(database: Database, prepare: Any, code: str) -> None:
    project_id = await database.transact(prepare)
    before = await database.read(lambda conn: projects.get(conn, project_id))
    for change in (
        lambda conn: update(conn, project_id, strategy="careful"),
        lambda conn: update(conn, project_id, name="Not this either", agent_id="default"),
        lambda conn: add_task(conn, project_id, "Two"),
    ):
        with pytest.raises(Conflict) as refusal:
            await database.transact(change)
        assert refusal.value.info.code == code
    assert await database.read(lambda conn: projects.get(conn, project_id)) == before
    row = await database.transact(lambda conn: update(conn, project_id, name="New", description="Words"))
    assert (row.name, row.status, row.stage) == ("New", before.status, before.stage)


async def test_running_project_refuses_every_other_field(database: Database) -> None:
    project_id = await database.transact(running)
    with pytest.raises(Conflict) as refusal:
        await database.transact(lambda conn: update(conn, project_id, auto_approve_plan=True))
    assert refusal.value.info.code == "project_running"


async def test_edit_of_no_project_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.transact(lambda conn: update(conn, "proj_none", name="x"))
    with pytest.raises(NotFound):
        await database.transact(lambda conn: add_task(conn, "proj_none", "x"))
