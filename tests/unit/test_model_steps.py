"""The record of what models were asked: what counts as spent, what is found again, and who may write."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from app.database.database import Database
from app.domain.budget import Spent
from app.domain.errors import Conflict
from app.storage import model_steps, projects, tasks
from app.storage.model_steps import Conversation
from app.storage.tables import tasks as task_table
from signoff.vocabulary import TaskStatus
from tests.unit.conftest import data_of, decide, new_project, types_of
from tests.unit.test_storage_decisions import planning, running

MODEL = "openai-chat:test-model"


def reserve(
    conn: Connection, conversation: Conversation, number: int = 1, tokens: int = 1000, cost: float | None = 0.5
) -> int:
    return model_steps.reserve(conn, conversation, number, model=MODEL, tokens=tokens, cost=cost)


def settle(
    conn: Connection, conversation: Conversation, position: int, read: int = 100, written: int = 20, **more: object
) -> None:
    values = {"result": {"said": position}, "cost": 0.1, **more}
    model_steps.settle(conn, conversation, position, input_tokens=read, output_tokens=written, **values)  # type: ignore[arg-type]


def under_way(conn: Connection, token: str = "mine") -> Conversation:
    """The conversation of a task whose attempt holds `token`."""
    project_id = running(conn)
    task = tasks.all_of(conn, project_id)[0]
    conn.execute(
        update(task_table).where(task_table.c.id == task.id).values(token=token, status=TaskStatus.RUNNING, attempt=1)
    )
    run_id = projects.get(conn, project_id).run_id
    return Conversation(project_id, model_steps.conversation_of(conn, run_id, task.id), task.id, token)


def held_by(conn: Connection, conversation: Conversation, token: str | None, status: str = TaskStatus.RUNNING) -> None:
    conn.execute(update(task_table).where(task_table.c.id == conversation.task_id).values(token=token, status=status))


async def test_what_is_reserved_becomes_what_was_used(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation = Conversation(planning(conn), "plan:1")
        position = reserve(conn, conversation)
        assert model_steps.spent(conn, conversation.project_id) == Spent(0, 0.0, 1000, 0.5)
        assert model_steps.recorded(conn, conversation, 1) is None
        assert model_steps.usage(conn, model_steps.of_project(conversation.project_id)).calls == 0
        settle(conn, conversation, position)
        assert model_steps.spent(conn, conversation.project_id) == Spent(120, 0.1, 0, 0.0)
        found = model_steps.recorded(conn, conversation, 1)
        assert found is not None
        assert found.result == {"said": position}
        used = model_steps.usage(conn, model_steps.of_plans(conversation.project_id))
        assert (used.calls, used.input_tokens, used.output_tokens, used.cost_usd) == (1, 100, 20, 0.1)
        assert used.models == [MODEL]

    await database.transact(work)


async def test_conversations_and_projects_are_kept_apart(database: Database) -> None:
    def work(conn: Connection) -> None:
        first, other = Conversation(planning(conn), "plan:1"), Conversation(planning(conn), "plan:1")
        settle(conn, first, reserve(conn, first))
        reserve(conn, other)
        assert model_steps.recorded(conn, other, 1) is None
        assert model_steps.recorded(conn, Conversation(first.project_id, "plan:2"), 1) is None
        assert model_steps.recorded(conn, first, 2) is None
        model_steps.resume(conn, first)
        assert model_steps.spent(conn, first.project_id).tokens == 120
        assert model_steps.spent(conn, other.project_id) == Spent(0, 0.0, 1000, 0.5)

    await database.transact(work)


async def test_a_resumed_conversation_says_when_it_began(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def began(conn: Connection, conversation: Conversation, *, at: str) -> str:
        monkeypatch.setattr(model_steps, "now", lambda: at)
        return model_steps.resume(conn, conversation)

    def work(conn: Connection) -> None:
        conversation = Conversation(planning(conn), "plan:1")
        times = [f"2026-11-27T10:4{minute}:00.000Z" for minute in range(4)]
        assert began(conn, conversation, at=times[0]) == times[0]
        reserve(conn, conversation)
        # Nothing was answered, so it begins again.
        assert began(conn, conversation, at=times[1]) == times[1]
        settle(conn, conversation, reserve(conn, conversation))
        assert [began(conn, conversation, at=time) for time in times[2:]] == [times[1], times[1]]

    await database.transact(work)


async def test_a_call_of_a_lost_worker_counts_with_all_that_it_could_cost(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation = Conversation(planning(conn), "plan:1")
        settle(conn, conversation, reserve(conn, conversation))
        late = reserve(conn, conversation, 2)
        model_steps.resume(conn, conversation)
        assert model_steps.spent(conn, conversation.project_id) == Spent(1120, pytest.approx(0.6), 0, 0.0)
        assert model_steps.recorded(conn, conversation, 1) is not None
        assert model_steps.recorded(conn, conversation, 2) is None
        used = model_steps.usage(conn, model_steps.of_conversation(conversation.project_id, "plan:1"))
        assert (used.calls, used.input_tokens, used.output_tokens) == (2, 1100, 20)
        # The answer that comes after all says what it was.
        settle(conn, conversation, late)
        assert model_steps.spent(conn, conversation.project_id).tokens == 240

    await database.transact(work)


@pytest.mark.parametrize(("charged", "spent"), [(True, Spent(1000, 0.5)), (False, Spent())])
async def test_a_call_without_an_answer_counts_where_it_may_be_billed(
    database: Database, charged: bool, spent: Spent
) -> None:
    def work(conn: Connection) -> None:
        conversation = Conversation(planning(conn), "plan:1")
        model_steps.give_up(conn, reserve(conn, conversation), charged=charged)
        assert model_steps.spent(conn, conversation.project_id) == spent
        assert model_steps.usage(conn, model_steps.of_project(conversation.project_id)).calls == int(charged)
        # It may be asked again under the same number.
        settle(conn, conversation, reserve(conn, conversation))
        assert model_steps.recorded(conn, conversation, 1) is not None

    await database.transact(work)


async def test_an_attempt_that_was_given_up_is_fenced_off_and_its_answer_is_paid_for(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation = under_way(conn)
        position = reserve(conn, conversation)
        before = types_of(conn, conversation.project_id)
        held_by(conn, conversation, "another")
        settle(conn, conversation, position)
        assert model_steps.recorded(conn, conversation, 1) is None
        assert model_steps.spent(conn, conversation.project_id) == Spent(120, 0.1)
        for forbidden in (
            lambda: reserve(conn, conversation, 2),
            lambda: model_steps.resume(conn, conversation),
            lambda: model_steps.begin_tool(conn, conversation, 1, "call", "read_file", model=MODEL),
        ):
            with pytest.raises(Conflict) as refused:
                forbidden()
            assert refused.value.info.code == "fenced"
        model_steps.close(conn, conversation)
        assert (
            model_steps.conversation_of(conn, conversation.name.split(":")[1], conversation.task_id or "")
            == conversation.name
        )
        assert types_of(conn, conversation.project_id) == before

    await database.transact(work)


async def test_a_deleted_project_is_asked_nothing_more(database: Database) -> None:
    def work(conn: Connection) -> None:
        with pytest.raises(Conflict):
            reserve(conn, Conversation("proj_gone", "plan:1"))

    await database.transact(work)


async def test_a_step_of_a_task_is_an_event_and_one_of_a_plan_is_not(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation, plan = under_way(conn), Conversation(planning(conn), "plan:1")
        settle(conn, conversation, reserve(conn, conversation), event={"step": "model", "tokens": {"input": 100}})
        told = data_of(conn, conversation.project_id, "task.progress")
        assert (told["task_id"], told["attempt"], told["step"]) == (conversation.task_id, 1, "model")
        settle(conn, plan, reserve(conn, plan), event={"step": "model"})
        assert "task.progress" not in types_of(conn, plan.project_id)

    await database.transact(work)


async def test_tools_cost_nothing_and_are_found_by_their_call(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation = under_way(conn)
        position = model_steps.begin_tool(conn, conversation, 1, "call_1", "read_file", model=MODEL)
        assert model_steps.recorded(conn, conversation, 1, "call_1") is None
        model_steps.settle(conn, conversation, position, result="text")
        found = model_steps.recorded(conn, conversation, 1, "call_1")
        assert found is not None
        assert found.result == "text"
        assert model_steps.recorded(conn, conversation, 1) is None
        assert model_steps.recorded(conn, conversation, 1, "call_2") is None
        assert model_steps.spent(conn, conversation.project_id) == Spent()
        assert model_steps.tokens_by_task(conn, conversation.project_id) == {}

    await database.transact(work)


async def test_a_conversation_that_was_ended_is_followed_by_a_new_one(database: Database) -> None:
    def work(conn: Connection) -> None:
        conversation = under_way(conn)
        _, run_id, task_id, number = conversation.name.split(":")
        settle(conn, conversation, reserve(conn, conversation))
        assert model_steps.conversation_of(conn, run_id, task_id) == conversation.name
        model_steps.close(conn, conversation)
        assert model_steps.conversation_of(conn, run_id, task_id) == f"task:{run_id}:{task_id}:{int(number) + 1}"
        assert model_steps.conversation_of(conn, "another", task_id) == f"task:another:{task_id}:1"
        assert model_steps.tokens_by_task(conn, conversation.project_id) == {task_id: (100, 20, 0.1)}

    await database.transact(work)


async def test_nobody_waits_for_what_a_lost_worker_has_left_open(database: Database) -> None:
    def work(conn: Connection) -> None:
        project_id = planning(conn)
        ended, current = Conversation(project_id, "plan:1"), Conversation(project_id, "plan:2")
        reserve(conn, ended)
        decide(conn, project_id, "cancel")
        assert decide(conn, project_id, "generate").error is None
        reserve(conn, current, tokens=7, cost=None)
        model_steps.close_orphaned_calls(conn, project_id)
        assert model_steps.spent(conn, project_id) == Spent(1000, 0.5, 7, 0.0)

        conversation = under_way(conn)
        reserve(conn, conversation)
        model_steps.close_orphaned_calls(conn, conversation.project_id)
        assert model_steps.spent(conn, conversation.project_id).reserved_tokens == 1000
        held_by(conn, conversation, None, TaskStatus.CANCELLED)
        model_steps.close_orphaned_calls(conn, conversation.project_id)
        assert model_steps.spent(conn, conversation.project_id) == Spent(1000, 0.5)

        asked = Conversation(new_project(conn), "decision:gone")
        reserve(conn, asked)
        model_steps.close_orphaned_calls(conn, asked.project_id)
        assert model_steps.spent(conn, asked.project_id).reserved_tokens == 0

    await database.transact(work)
