"""Waits of a run: timers, people, gates, pauses, cancellations, and histories that become long."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.domain.actions import Mode
from app.domain.commands import CommandKind
from tests.waiting import eventually
from tests.workflows.logic.conftest import Workflows
from tests.workflows.logic.record import Record, Task, failed, lost
from workflows.contracts import TaskInput, Thresholds

COMMAND = {"command": "cmd_1"}


def always_failing(_: TaskInput) -> None:
    raise failed()


async def test_a_timer_of_a_month_takes_its_time(workflows: Workflows) -> None:
    month = timedelta(days=30)
    record = Record({"One": [Task("wait", mode=Mode.TIMER, seconds=month.total_seconds()), Task("it", after=["wait"])]})
    async with workflows.running(record) as running:
        assert await running.ended() == "completed"
        assert month <= await running.took() < month + timedelta(minutes=1)
    assert record.tries_of("it") == [1]


async def test_a_person_ends_a_timer_before_its_time(workflows: Workflows) -> None:
    record = Record({"One": [Task("wait", mode=Mode.TIMER, seconds=3600.0)]})
    record.accept("answer", CommandKind.COMPLETE, key="wait")
    async with workflows.running(record) as running:
        await running.until_waiting("wait", "timer")
        await running.handle.signal("answer", COMMAND)
        assert await running.ended() == "completed"
        assert await running.took() < timedelta(minutes=1)


async def test_a_gate_opens_by_an_accepted_approval_alone(workflows: Workflows) -> None:
    record = Record({"One": [Task("a")], "Two": [Task("b")]}, closed={"Two"})
    async with workflows.running(record) as running:
        await running.until(lambda seen: seen.gate is not None)
        await running.handle.signal("approve", COMMAND)
        await running.until(lambda _: record.calls["decide approve"] == 1)
        assert (await running.snapshot()).gate is not None
        record.accept("approve", CommandKind.APPROVE)
        await running.handle.signal("approve", COMMAND)
        assert await running.ended() == "completed"
    assert record.tries == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("task", "state"),
    [
        (Task("it", mode=Mode.TIMER, seconds=3600.0), "timer"),
        (Task("it", mode=Mode.PERSON), "person"),
        (Task("it", retries=9, step=always_failing), "retrying"),
    ],
    ids=["timer", "person", "back-off"],
)
async def test_a_cancel_ends_what_only_waits_at_once(workflows: Workflows, task: Task, state: str) -> None:
    record = Record({"One": [task, Task("next", after=["it"])]})
    record.accept("cancel", CommandKind.CANCEL)
    async with workflows.running(record) as running:
        await running.until_waiting("it", state)
        await running.handle.signal("cancel", COMMAND)
        assert await running.ended() == "cancelled"
        assert await running.took() < timedelta(minutes=1)
    assert not record.tries_of("next")


async def test_nothing_starts_during_a_pause(workflows: Workflows) -> None:
    record = Record({"One": [Task("ask", mode=Mode.PERSON), Task("it", after=["ask"])]})
    record.accept("pause", CommandKind.PAUSE)
    record.accept("answer", CommandKind.COMPLETE, key="ask")
    record.accept("resume", CommandKind.RESUME)
    async with workflows.running(record) as running:
        await running.until_waiting("ask", "person")
        await running.handle.signal("pause", COMMAND)
        await running.until(lambda seen: seen.stage == "paused")
        await running.handle.signal("answer", COMMAND)
        await running.until(lambda seen: not seen.in_progress)
        assert record.tries == []
        await running.handle.signal("resume", COMMAND)
        assert await running.ended() == "completed"
    assert record.tries == [("it", 1)]


async def test_a_long_run_continues_as_new_and_repeats_nothing(workflows: Workflows) -> None:
    chain = [Task(f"s{number}", after=[f"s{number - 1}"] if number else []) for number in range(20)]
    record = Record({"One": chain, "Two": [Task("last")]})
    async with workflows.running(record, Thresholds(rest=40, drain=60)) as running:
        assert await running.ended() == "completed"
        assert len(await running.histories()) >= 3
    assert record.tries == [*((task.key, 1) for task in chain), ("last", 1)]


async def test_a_wide_phase_starts_no_more_tasks_before_it_continues(workflows: Workflows) -> None:
    wide = [Task(f"w{number}") for number in range(40)]
    record = Record({"One": [*wide, Task("wait", mode=Mode.TIMER, seconds=600.0)]}, max_parallel=4)
    async with workflows.running(record, Thresholds(rest=60, drain=90)) as running:
        assert await running.ended() == "completed"
        assert len(await running.histories()) >= 2
        assert await running.took() < timedelta(seconds=660), "the timer is taken over, not begun again"
    assert sorted(record.tries) == sorted((task.key, 1) for task in wide)


async def test_a_history_is_not_much_longer_than_where_it_may_end(workflows: Workflows) -> None:
    wide = [Task(f"w{number}") for number in range(60)]
    chain = [Task(f"s{number}", after=[f"s{number - 1}"] if number else []) for number in range(30)]
    record = Record({"One": wide, "Two": chain}, max_parallel=4)
    async with workflows.running(record, Thresholds(rest=60, drain=10_000)) as running:
        assert await running.ended() == "completed"
        lengths = await running.histories()
    # Four tasks may begin right before the limit, and each of them takes six events or so.
    assert max(lengths) < 2 * 60, lengths
    assert sorted(record.tries) == sorted((task.key, 1) for task in (*wide, *chain))


async def test_tasks_whose_attempts_are_lost_again_and_again_do_not_make_a_history_long(workflows: Workflows) -> None:
    left = dict.fromkeys([f"w{number}" for number in range(4)], 30)

    def lost_for_long(task: TaskInput) -> None:
        left[task.task] -= 1
        if left[task.task]:
            raise lost()

    record = Record({"One": [Task(key, step=lost_for_long) for key in left]}, max_parallel=4)
    async with workflows.running(record, Thresholds(rest=60, drain=10_000)) as running:
        assert await running.ended() == "completed"
        lengths = await running.histories()
    # Four attempts may begin right before the limit, and each of them and its look at the record take twelve events or so.
    assert max(lengths) < 3 * 60, lengths
    assert not any(left.values())


async def test_a_long_task_does_not_hold_up_the_others(workflows: Workflows) -> None:
    released = asyncio.Event()
    wide = [Task(f"w{number}") for number in range(60)]
    record = Record({"One": [Task("long", until=released), *wide]}, max_parallel=4)
    async with workflows.running(record, Thresholds(rest=60, drain=10_000, patience=0.1)) as running:

        async def others_have_run() -> bool:
            return len(record.tries) == len(wide) + 1

        await eventually(others_have_run, what="the other tasks have run")
        released.set()
        assert await running.ended() == "completed"
    assert sorted(record.tries) == sorted((task.key, 1) for task in (*wide, Task("long")))
