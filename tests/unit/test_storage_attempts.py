"""Attempts in the database: only the holder of the fencing token may write, and a recorded attempt never runs again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, event

from app.commands import handlers
from app.database import sqlite
from app.domain.commands import CommandKind, CommandRequest
from app.domain.errors import Conflict
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.storage import attempts, decisions, events, plans, projects, quarantines, runs, tasks
from app.storage.attempt_values import AttemptKey, Ending, Recorded
from signoff.vocabulary import ProjectStatus, Stage, TaskStatus
from tests.factories import plan_of, project_row, task

PROJECT = new_id("proj")


@pytest.fixture
def conn(file: Path) -> Iterator[Connection]:
    """A database with one running project of one task, `it`."""
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", sqlite.configure)
    event.listen(engine, "begin", sqlite.begin_write)
    with engine.begin() as connection:
        projects.create(connection, project_row(id=PROJECT), actor="local")
        row = projects.get(connection, PROJECT)
        plans.edit(connection, row, lambda _: plan_of(task("it")), load_actions(), actor="local")
        request = CommandRequest(project_id=PROJECT, request_id="r", kind=CommandKind.APPROVE, actor="local")
        decisions.decide(connection, request, handlers.approve).raise_if_refused()
        phase = runs.phase_at(connection, PROJECT, 0)
        assert phase is not None
        runs.begin_phase(connection, projects.get(connection, PROJECT), phase)
        yield connection
    engine.dispose()


def key(conn: Connection, token: str, try_number: int = 1) -> AttemptKey:
    task = tasks.get(conn, PROJECT, "it")
    run_id = projects.get(conn, PROJECT).run_id
    return AttemptKey(project_id=PROJECT, run_id=run_id, task_id=task.id, try_number=try_number, token=token)


DONE = Ending(TaskStatus.COMPLETED, {"x": "1"})


def test_a_recorded_try_is_not_carried_out_again(conn: Connection) -> None:
    attempts.start(conn, key(conn, "a"))
    assert attempts.finish(conn, key(conn, "a"), DONE) == Recorded(TaskStatus.COMPLETED)
    again = attempts.start(conn, key(conn, "b"))
    assert again.recorded == Recorded(TaskStatus.COMPLETED)
    assert tasks.get(conn, PROJECT, "it").attempt == 1


def test_a_lost_attempt_that_comes_back_late_changes_nothing(conn: Connection) -> None:
    attempts.start(conn, key(conn, "first"))
    lost = attempts.mark_worker_lost(conn, key(conn, ""), status=TaskStatus.WAITING, cause="test")
    assert lost == Recorded(TaskStatus.WAITING)
    # Recording a loss twice is harmless.
    assert attempts.mark_worker_lost(conn, key(conn, ""), status=TaskStatus.WAITING, cause="again") == lost
    attempts.start(conn, key(conn, "second"))
    assert attempts.finish(conn, key(conn, "first"), Ending(TaskStatus.FAILED, {"x": "late"})) is None
    assert tasks.get(conn, PROJECT, "it").status == TaskStatus.RUNNING
    assert attempts.finish(conn, key(conn, "second"), DONE) == Recorded(TaskStatus.COMPLETED)
    row = tasks.get(conn, PROJECT, "it")
    assert (row.status, row.attempt, row.outputs) == (TaskStatus.COMPLETED, 2, {"x": "1"})


def test_losing_an_attempt_whose_outcome_is_recorded_finds_the_outcome(conn: Connection) -> None:
    attempts.start(conn, key(conn, "a"))
    attempts.finish(conn, key(conn, "a"), DONE)
    found = attempts.mark_worker_lost(conn, key(conn, ""), status=TaskStatus.WAITING, cause="test")
    assert found == Recorded(TaskStatus.COMPLETED)
    assert tasks.get(conn, PROJECT, "it").status == TaskStatus.COMPLETED


def test_losing_what_had_not_begun_leaves_it_to_begin(conn: Connection) -> None:
    """A worker that dies after it has received a task, but before it recorded the start, has done nothing."""
    found = attempts.mark_worker_lost(conn, key(conn, ""), status=TaskStatus.WAITING, cause="test", ask=True)
    assert found == Recorded(TaskStatus.PENDING)
    attempts.start(conn, key(conn, "a"))
    failed = Ending(TaskStatus.WAITING, {}, error={"type": "x", "message": "x"}, next_try_in=1.0)
    attempts.finish(conn, key(conn, "a"), failed)
    assert attempts.mark_worker_lost(
        conn, key(conn, "", try_number=2), status=TaskStatus.WAITING, cause="test"
    ) == Recorded(TaskStatus.WAITING)
    assert tasks.get(conn, PROJECT, "it").reason == "retry"


def test_nothing_starts_once_the_run_is_being_cancelled(conn: Connection) -> None:
    cancel = CommandRequest(project_id=PROJECT, request_id="c", kind=CommandKind.CANCEL, actor="local")
    decisions.decide(conn, cancel, handlers.cancel).raise_if_refused()
    assert projects.get(conn, PROJECT).stage == Stage.CANCELLING
    with pytest.raises(Conflict, match="being cancelled"):
        attempts.start(conn, key(conn, "a"))


def test_another_runs_attempt_does_not_start(conn: Connection) -> None:
    stranger = AttemptKey(PROJECT, "run_other", tasks.get(conn, PROJECT, "it").id, 1, "a")
    with pytest.raises(Conflict, match="has ended"):
        attempts.start(conn, stranger)


def test_a_task_is_quarantined_once_two_workers_were_lost_in_the_middle_of_it(conn: Connection) -> None:
    reasons: list[str | None] = []
    for number, silent in enumerate([True, False, True]):
        task = tasks.get(conn, PROJECT, "it")
        attempts.start(conn, replace(key(conn, f"t{number}"), worker=f"w{number}"))
        quarantines.note_loss(conn, task, silent=silent)
        attempts.mark_worker_lost(conn, key(conn, ""), status=TaskStatus.WAITING, cause="test")
        reasons.append(tasks.get(conn, PROJECT, "it").quarantine)
    assert reasons[:2] == [None, None], "an attempt that its worker gave up says nothing of the task"
    assert "2 workers were lost while it was in progress (w0, w2)" in (reasons[2] or "")
    seen = [e.data["attempt"] for e in events.after(conn, PROJECT, 0) if e.type == "task.started"]
    assert seen == [1, 2, 3]


def test_what_still_stops_blocks_the_deletion(conn: Connection) -> None:
    attempts.start(conn, key(conn, "a"))
    runs.finish(conn, projects.get(conn, PROJECT), ProjectStatus.CANCELLED, failure=None, actor="local")
    task = tasks.get(conn, PROJECT, "it")
    assert (task.status, task.error["type"]) == (TaskStatus.CANCELLED, "did_not_stop")
    with pytest.raises(Conflict, match="has not stopped yet"):
        projects.check_erasable(conn, PROJECT)
    attempts.end(conn, key(conn, "a"))
    projects.check_erasable(conn, PROJECT)
