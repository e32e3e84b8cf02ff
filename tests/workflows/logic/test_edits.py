"""Edits of a run that wait for a person: nothing starts until each is approved or discarded."""

from __future__ import annotations

from app.domain.actions import Mode
from app.domain.commands import CommandKind
from tests.workflows.logic.conftest import Workflows
from tests.workflows.logic.record import Record, Task

COMMAND = {"command": "cmd_1"}


def edited(record: Record, version: int) -> None:
    """Have the next signal `edit` make this version."""
    record.edited = version
    record.accept("edit", CommandKind.EDIT)
    record.edited = 0


async def test_a_run_continues_with_its_plan_once_an_edit_is_discarded(workflows: Workflows) -> None:
    record = Record({"One": [Task("ask", mode=Mode.PERSON), Task("it", after=["ask"])], "Two": [Task("last")]})
    edited(record, 2)
    record.accept("answer", CommandKind.COMPLETE, key="ask")
    record.accept("discard", CommandKind.DISCARD, plan_version=2)
    async with workflows.running(record) as running:
        await running.until_waiting("ask", "person")
        await running.handle.signal("edit", COMMAND)
        await running.until(lambda seen: seen.stage == "awaiting_approval")
        await running.handle.signal("answer", COMMAND)
        await running.until(lambda seen: not seen.in_progress)
        assert record.tries == []
        await running.handle.signal("discard", COMMAND)
        assert await running.ended() == "completed"
    assert record.tries == [("it", 1), ("last", 1)]


async def test_an_old_discard_that_is_repeated_does_not_discard_a_later_edit(workflows: Workflows) -> None:
    record = Record({"One": [Task("ask", mode=Mode.PERSON), Task("it", after=["ask"])]})
    edited(record, 2)
    record.accept("discard", CommandKind.DISCARD, plan_version=2)
    edited(record, 3)
    record.accept("discard", CommandKind.DISCARD, plan_version=2)
    record.accept("answer", CommandKind.COMPLETE, key="ask")
    record.accept("discard", CommandKind.DISCARD, plan_version=3)
    async with workflows.running(record) as running:
        await running.until_waiting("ask", "person")
        for signal in ("edit", "discard", "edit", "discard", "answer"):
            await running.handle.signal(signal, COMMAND)
        await running.until(lambda seen: not seen.in_progress and not seen.requests_waiting)
        assert (await running.snapshot()).stage == "awaiting_approval"
        assert record.tries == []
        await running.handle.signal("discard", COMMAND)
        assert await running.ended() == "completed"
    assert record.tries == [("it", 1)]


async def test_an_answer_of_the_record_that_comes_late_does_not_revive_a_discarded_edit(workflows: Workflows) -> None:
    record = Record({"One": [Task("ask", mode=Mode.PERSON)], "Two": [Task("it")]})
    edited(record, 2)
    record.accept("discard", CommandKind.DISCARD, plan_version=2)
    record.accept("answer", CommandKind.COMPLETE, key="ask")
    record.late_edit = 2
    async with workflows.running(record) as running:
        await running.until_waiting("ask", "person")
        for signal in ("edit", "discard", "answer"):
            await running.handle.signal(signal, COMMAND)
        assert await running.ended() == "completed"
    assert record.tries == [("it", 1)]
