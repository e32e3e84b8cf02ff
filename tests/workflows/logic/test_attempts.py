"""Attempts at a task: back-off, lost workers, and what is asked after a failure."""

from __future__ import annotations

from datetime import timedelta

from app.domain.commands import CommandKind
from tests.workflows.logic.conftest import Workflows
from tests.workflows.logic.record import Record, Step, Task, failed, lost
from workflows.contracts import TaskInput


def failing(times: int) -> Step:
    """A step whose first attempts fail."""

    def step(task: TaskInput) -> None:
        if task.try_number <= times:
            raise failed()

    return step


async def test_each_wait_before_the_next_attempt_doubles_up_to_a_minute(workflows: Workflows) -> None:
    record = Record({"One": [Task("it", retries=9, step=failing(9))]})
    async with workflows.running(record) as running:
        assert await running.ended() == "completed"
        waited = sum([1, 2, 4, 8, 16, 32, 60, 60, 60])
        assert timedelta(seconds=waited) <= await running.took() < timedelta(seconds=waited + 30)
    assert record.tries_of("it") == list(range(1, 11))


async def test_the_last_attempt_decides_and_dependents_are_skipped(workflows: Workflows) -> None:
    tasks = [Task("it", retries=2, step=failing(3)), Task("next", after=["it"]), Task("beside")]
    record = Record({"One": tasks, "Two": [Task("later")]})
    async with workflows.running(record) as running:
        assert await running.ended() == "failed"
    assert record.tries_of("it") == [1, 2, 3]
    statuses = {key: record.status(key) for key in ("it", "next", "beside", "later")}
    assert statuses == {"it": "failed", "next": "skipped", "beside": "completed", "later": "pending"}


async def test_a_careful_run_starts_nothing_more_after_the_first_failure(workflows: Workflows) -> None:
    record = Record({"One": [Task("it", step=failing(1)), Task("other")]}, max_parallel=1, stop_at_first_failure=True)
    async with workflows.running(record) as running:
        assert await running.ended() == "failed"
    assert record.tries == [("it", 1)]


async def test_a_lost_worker_costs_no_attempt(workflows: Workflows) -> None:
    workers = ["lost", "lost", "kept"]

    def step(_: TaskInput) -> None:
        if workers.pop(0) == "lost":
            raise lost()

    record = Record({"One": [Task("it", step=step)]})
    async with workflows.running(record) as running:
        assert await running.ended() == "completed"
    assert record.tries_of("it") == [1, 1, 1]
    assert record.calls["lose_attempt"] == 2


async def test_after_a_failure_a_person_decides(workflows: Workflows) -> None:
    for effect, status, tries in (
        (CommandKind.RETRY, "completed", [1, 2]),
        (CommandKind.SKIP, "completed", [1]),
        (CommandKind.COMPLETE, "completed", [1]),
        (CommandKind.FAIL, "failed", [1]),
    ):
        record = Record({"One": [Task("it", asks=True, step=failing(1))]})
        record.accept("answer", CommandKind.ANSWER, key="it", effect=effect)
        async with workflows.running(record) as running:
            await running.until_waiting("it", "person")
            await running.handle.signal("answer", {"command": "cmd_1"})
            assert await running.ended() == status
        assert record.tries_of("it") == tries
