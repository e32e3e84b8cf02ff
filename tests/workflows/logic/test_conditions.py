"""What the workflow does with what the record says about conditions, clean-up and tasks that wait to be released."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.actions import Mode
from app.domain.commands import CommandKind
from tests.workflows.logic.conftest import Workflows
from tests.workflows.logic.record import Record, Task, failed
from workflows.clean_up import CLEAN_UP_LIMIT
from workflows.contracts import TaskInput, Thresholds

COMMAND = {"command": "cmd_1"}


def always_failing(_: TaskInput) -> None:
    raise failed()


async def test_a_task_starts_once_its_dependencies_have_ended_unless_the_record_skips_it(workflows: Workflows) -> None:
    tasks = [
        Task("bad", step=always_failing, skips=["a"]),
        Task("a", after=["bad"]),
        Task("alert", after=["bad"]),
        Task("b", after=["a", "alert"]),
    ]
    record = Record({"One": tasks, "Two": [Task("c")]})
    async with workflows.running(record) as running:
        assert await running.ended() == "failed"
    # The record of this test has no phase that it would skip.
    assert record.tries == [("bad", 1), ("alert", 1), ("b", 1), ("c", 1)]


async def test_a_run_that_an_answer_ends_is_cancelled(workflows: Workflows) -> None:
    record = Record({"One": [Task("ask", mode=Mode.DECISION, stops=True, skips=["it"]), Task("it", after=["ask"])]})
    record.accept("answer", CommandKind.ANSWER, key="ask", effect="complete")
    async with workflows.running(record) as running:
        await running.until_waiting("ask", "person")
        record.progress["ask"] = record.progress["ask"].model_copy(update={"status": "completed"})
        await running.handle.signal("answer", COMMAND)
        assert await running.ended() == "cancelled"
    assert not record.tries


async def test_the_clean_up_after_a_cancel_has_a_limit(workflows: Workflows) -> None:
    clean = [Task("clean"), Task("wait", mode=Mode.TIMER, seconds=86_400.0)]
    record = Record({"One": [Task("it", mode=Mode.PERSON)], "Two": [Task("no")], "Clean": clean}, always={"Clean"})
    record.accept("cancel", CommandKind.CANCEL)
    async with workflows.running(record) as running:
        await running.until_waiting("it", "person")
        await running.handle.signal("cancel", COMMAND)
        assert await running.ended() == "cancelled"
        assert CLEAN_UP_LIMIT <= await running.took() < CLEAN_UP_LIMIT + timedelta(minutes=1)
    assert record.tries == [("clean", 1)]


async def test_the_limit_of_the_clean_up_does_not_start_again_with_a_new_history(workflows: Workflows) -> None:
    timers = [Task(f"t{n}", mode=Mode.TIMER, seconds=90.0, after=[f"t{n - 1}"] if n else []) for n in range(12)]
    record = Record({"One": [Task("it", mode=Mode.PERSON)], "Clean": timers}, always={"Clean"})
    record.accept("cancel", CommandKind.CANCEL)
    async with workflows.running(record, Thresholds(rest=40, drain=1_000)) as running:
        await running.until_waiting("it", "person")
        await running.handle.signal("cancel", COMMAND)
        assert await running.ended() == "cancelled"
        assert len(await running.histories()) > 1
        assert CLEAN_UP_LIMIT <= await running.took() < CLEAN_UP_LIMIT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answer", "tries"), [(CommandKind.RETRY, [1]), (CommandKind.COMPLETE, []), (CommandKind.SKIP, [])]
)
async def test_a_task_waits_to_be_released(workflows: Workflows, answer: CommandKind, tries: list[int]) -> None:
    record = Record({"One": [Task("it", release=True), Task("next", after=["it"])]})
    record.accept("answer", answer, key="it")
    async with workflows.running(record) as running:
        await running.until_waiting("it", "person")
        assert not record.tries
        await running.handle.signal("answer", COMMAND)
        assert await running.ended() == "completed"
    assert record.tries_of("it") == tries
    assert record.tries_of("next") == [1]
