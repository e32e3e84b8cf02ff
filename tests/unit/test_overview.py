"""Runs, model calls and slow steps are added up as they end, and restricted as the list of projects is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from app.database.database import Database
from app.domain.identity import isoformat, new_id
from app.domain.weeks import last_weeks, week_of
from app.storage import overview, projects, runs, slow_steps, tasks
from app.storage.model_table import model_steps
from app.storage.overview import WeekTotals
from app.storage.tables import attempts
from app.storage.tables import projects as project_table
from app.storage.tables import runs as run_table
from app.storage.total_tables import slow_steps as step_table
from app.storage.total_tables import weekly_totals
from signoff.vocabulary import ProjectStatus
from tests.unit.conftest import with_plan

SINCE = last_weeks(13)[0]


def run_of(conn: Connection, status: str, seconds: int = 60, **fields: Any) -> str:
    """A project with a run that has taken so long and ended like this. Returns the project's id."""
    project_id = with_plan(conn, "Import", **fields)
    again(conn, project_id, status, seconds)
    return project_id


def again(conn: Connection, project_id: str, status: str, seconds: int) -> None:
    """Run the project once, with one attempt that takes as long as the run."""
    started = datetime.now(UTC) - timedelta(seconds=seconds)
    run_id = new_id("run")
    conn.execute(
        insert(run_table).values(
            id=run_id,
            project_id=project_id,
            number=1 + conn.execute(select(func.count()).where(run_table.c.project_id == project_id)).scalar_one(),
            plan_version=1,
            plan_digest="d",
            status="running",
            started_at=isoformat(started),
        )
    )
    running = {"status": "running", "stage": "executing", "run_id": run_id}
    conn.execute(update(project_table).where(project_table.c.id == project_id).values(**running))
    task = tasks.all_of(conn, project_id)[0]
    conn.execute(
        insert(attempts).values(
            task_id=task.id,
            number=1 + conn.execute(select(func.count()).where(attempts.c.task_id == task.id)).scalar_one(),
            project_id=project_id,
            run_id=run_id,
            try_number=1,
            token=run_id,
            status="completed",
            started_at=isoformat(started),
            ended_at=isoformat(started + timedelta(seconds=seconds)),
            with_worker=False,
            witnessed=False,
        )
    )
    row = projects.get(conn, project_id)
    runs.finish(conn, row, ProjectStatus(status), failure=None, actor="ann")


def call_of(conn: Connection, project_id: str, status: str, cost: float | None, at: str | None = None) -> None:
    """A call to a model that ends like this."""
    row = {
        "project_id": project_id,
        "conversation": "plan:1",
        "number": 1,
        "call_id": "",
        "model": "m",
        "status": "open",
        "reserved_tokens": 1000,
        "reserved_cost": 5.0,
        "input_tokens": 0,
        "output_tokens": 0,
        "started_at": "2026-01-01T00:00:00.000Z",
    }
    position = conn.execute(insert(model_steps).values(row).returning(model_steps.c.position)).scalar_one()
    ended = {"status": status, "input_tokens": 10, "output_tokens": 2, "cost_usd": cost}
    ended["ended_at"] = at or isoformat(datetime.now(UTC))
    conn.execute(update(model_steps).where(model_steps.c.position == position).values(**ended))


def by_template(conn: Connection, within: list[str] | None = None) -> dict[str | None, tuple[int, int, int]]:
    """Completed, failed and cancelled runs of each template."""
    found: dict[str | None, tuple[int, int, int]] = {}
    for row in overview.totals(conn, SINCE, within):
        before = found.get(row.template, (0, 0, 0))
        found[row.template] = (before[0] + row.completed, before[1] + row.failed, before[2] + row.cancelled)
    return {template: numbers for template, numbers in found.items() if any(numbers)}


def only(rows: list[WeekTotals]) -> WeekTotals:
    assert len(rows) == 1
    return rows[0]


async def test_runs_are_added_up_by_template(database: Database) -> None:
    def work(conn: Connection) -> None:
        run_of(conn, "completed", 60, template="Report")
        run_of(conn, "completed", 120, template="Report")
        run_of(conn, "failed", template="Report")
        run_of(conn, "cancelled")

    await database.transact(work)
    assert await database.read(by_template) == {"Report": (2, 1, 0), None: (0, 0, 1)}
    rows = await database.read(lambda conn: overview.totals(conn, SINCE, None))
    took = sum(row.completed_ms for row in rows)
    assert 180_000 <= took < 190_000, "only completed runs"
    await database.transact(overview.merge_totals)
    assert await database.read(by_template) == {"Report": (2, 1, 0), None: (0, 0, 1)}
    kept = await database.read(lambda conn: conn.execute(select(weekly_totals.c.merged)).scalars().all())
    assert list(kept) == [True, True]


async def test_a_second_merge_adds_to_the_first(database: Database) -> None:
    for expected in (1, 2):
        await database.transact(lambda conn: run_of(conn, "completed", template="Report"))
        await database.transact(overview.merge_totals)
        assert await database.read(by_template) == {"Report": (expected, 0, 0)}
        count = await database.read(lambda conn: conn.execute(select(func.count(weekly_totals.c.week))).scalar())
        assert count == 1


async def test_a_reader_of_labels_gets_the_figures_of_their_projects(database: Database) -> None:
    def work(conn: Connection) -> str:
        run_of(conn, "completed", labels=["ops"])
        run_of(conn, "completed", labels=["ops", "team"])
        return run_of(conn, "failed", labels=["ops-2"])

    moved = await database.transact(work)
    assert await database.read(lambda conn: by_template(conn, ["ops"])) == {None: (2, 0, 0)}
    assert await database.read(lambda conn: by_template(conn, ["team", "ops-2"])) == {None: (1, 1, 0)}
    assert await database.read(lambda conn: by_template(conn, [])) == {}

    def relabel(conn: Connection) -> None:
        call_of(conn, moved, "done", 0.25)
        changes = {"labels": ["team"], "template": "Report"}
        conn.execute(update(project_table).where(project_table.c.id == moved).values(**changes))

    await database.transact(relabel)
    for _ in range(2):
        assert await database.read(lambda conn: by_template(conn, ["ops-2"])) == {}
        assert await database.read(lambda conn: by_template(conn, ["team"])) == {None: (1, 0, 0), "Report": (0, 1, 0)}
        rows = await database.read(lambda conn: overview.totals(conn, SINCE, ["ops-2"]))
        assert sum(row.cost_usd for row in rows) == 0
        await database.transact(overview.merge_totals)
    slow = await database.read(lambda conn: slow_steps.slowest(conn, SINCE, ["team"], limit=9))
    assert moved in {step.project_id for step in slow}
    labels = await database.read(
        lambda conn: conn.execute(select(step_table.c.labels).where(step_table.c.project_id == moved)).scalars().all()
    )
    assert list(labels) == ['["team"]']


async def test_model_calls_cost_what_they_have_cost(database: Database) -> None:
    def work(conn: Connection) -> None:
        project_id = with_plan(conn, template="Report")
        call_of(conn, project_id, "done", 0.5)
        call_of(conn, project_id, "done", None)
        call_of(conn, project_id, "void", None)
        call_of(conn, project_id, "lost", None)
        call_of(conn, project_id, "done", 9.0, at="2020-01-01T00:00:00.000Z")

    await database.transact(work)
    row = only(await database.read(lambda conn: overview.totals(conn, SINCE, None)))
    assert (row.calls, row.unpriced, row.tokens, row.cost_usd) == (3, 1, 1036, 5.5)
    assert row.week == week_of(isoformat(datetime.now(UTC)))


async def test_figures_of_a_deleted_project_stay_but_not_its_steps(database: Database) -> None:
    project_id = await database.transact(lambda conn: run_of(conn, "completed"))
    await database.transact(lambda conn: projects.erase(conn, project_id, actor="ann"))
    assert await database.read(by_template) == {None: (1, 0, 0)}
    assert await database.read(lambda conn: slow_steps.slowest(conn, SINCE, None, limit=9)) == []


async def test_the_slowest_steps_are_kept_and_those_of_a_template_shown_once(database: Database) -> None:
    def work(conn: Connection) -> None:
        for seconds in range(1, 41):
            run_of(conn, "completed", seconds, template="Report")
        run_of(conn, "completed", 30)
        run_of(conn, "completed", 1)

    await database.transact(work)
    slow = await database.read(lambda conn: slow_steps.slowest(conn, SINCE, None, limit=9))
    assert [(step.template, step.title, step.duration_ms) for step in slow] == [
        ("Report", "Import", 40_000),
        (None, "Import", 30_000),
    ]


async def test_running_projects_come_longest_first(database: Database) -> None:
    def work(conn: Connection) -> list[str]:
        ids = [run_of(conn, "completed", labels=labels) for labels in (["ops"], [], ["ops"])]
        for project_id in ids:
            running = {"status": "running", "stage": "executing"}
            conn.execute(update(project_table).where(project_table.c.id == project_id).values(**running))
        return ids

    ids = await database.transact(work)
    rows = await database.read(lambda conn: overview.running(conn, None, limit=2))
    assert [row.id for row in rows] == ids[:2]
    rows = await database.read(lambda conn: overview.running(conn, ["ops"], limit=5))
    assert [row.id for row in rows] == [ids[0], ids[2]]
    assert (await database.read(lambda conn: overview.count_by_status(conn, ["ops"])))["running"] == 2


def test_weeks_begin_on_monday() -> None:
    assert week_of("2026-11-23T00:00:00.000Z") == week_of("2026-11-29T23:59:59.999Z") == "2026-11-23"
    assert week_of("2026-11-22T23:59:59.999Z") == "2026-11-16"
