"""The ledger of one conversation, stored in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.usage import RequestUsage
from sqlalchemy import Connection

from app.database.database import Database
from app.domain.budget import Budget, grant
from app.domain.identity import parse_time
from app.llm.access import ModelAccess
from app.llm.prices import most_cost
from app.settings import Settings
from app.storage import model_steps, projects, questions
from app.storage.model_steps import Conversation
from signoff.schemas.json_value import JsonObject

# Seconds between checks whether calls in progress have finished, when the budget must wait for them.
PAUSE = 0.5


class DatabaseLedger:
    """Records calls to a model, and allows them only within the project's budget. Implements `app.llm.metered.Ledger`."""

    def __init__(self, database: Database, settings: Settings, conversation: Conversation) -> None:
        self._database = database
        self._settings = settings
        self.conversation = conversation

    async def resume(self) -> datetime:
        """Begin or resume the conversation, and replace its previous owner. Return when the conversation began."""
        return parse_time(await self._database.transact(lambda conn: model_steps.resume(conn, self.conversation)))

    async def recorded(self, number: int) -> Any | None:
        """The recorded answer of an earlier call."""
        row = await self._database.read(lambda conn: model_steps.recorded(conn, self.conversation, number))
        return row.result if row is not None else None

    async def reserve(self, number: int, access: ModelAccess, input_tokens: int, output_tokens: int) -> tuple[int, int]:
        """Reserve the maximum cost of a call.

        Raises:
            BudgetExceeded: the call would exceed the project's budget.
            Conflict: `fenced`.
        """

        def work(conn: Connection) -> tuple[int, int] | None:
            project = projects.get(conn, self.conversation.project_id)
            spent = model_steps.spent(conn, project.id)
            max_tokens = grant(
                _budget(self._settings, project),
                spent,
                input_tokens,
                output_tokens,
                lambda read, written: most_cost(access, read, written),
            )
            if max_tokens is None:
                model_steps.close_orphaned_calls(conn, project.id)
                return None
            cost = most_cost(access, input_tokens, max_tokens)
            tokens = input_tokens + max_tokens
            position = model_steps.reserve(conn, self.conversation, number, model=access.name, tokens=tokens, cost=cost)
            return position, max_tokens

        while True:
            granted = await self._database.transact(work)
            if granted is not None:
                return granted
            await asyncio.sleep(PAUSE)

    async def settle(
        self, reservation: int, answer: ModelResponse, dumped: JsonObject, usage: RequestUsage, cost: float | None
    ) -> None:
        """Record an answer and its cost. For a task, also append an event."""
        event: model_steps.StepEvent = {
            "step": "model",
            "model": answer.model_name,
            "tokens": {"input": usage.input_tokens, "output": usage.output_tokens},
            "cost_usd": cost,
            "calls": [part.tool_name for part in answer.parts if isinstance(part, ToolCallPart)],
            "characters": sum(len(part.content) for part in answer.parts if isinstance(part, TextPart)),
        }
        await self._database.persist(
            lambda conn: model_steps.settle(
                conn,
                self.conversation,
                reservation,
                result=dumped,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost=cost,
                event=event,
            )
        )

    async def tool(self, number: int, call_id: str, name: str, model: str, use: Callable[[], Awaitable[str]]) -> str:
        """The result of a tool: from the record, or by using the tool, which appends an event.

        If a worker died during a tool call, the call is made again: it may have been incomplete.

        Raises:
            Conflict: `fenced`.
        """
        before = await self._database.read(lambda conn: model_steps.recorded(conn, self.conversation, number, call_id))
        if before is not None:
            return str(before.result)
        position = await self._database.persist(
            lambda conn: model_steps.begin_tool(conn, self.conversation, number, call_id, name, model=model)
        )
        result = await use()
        event: model_steps.StepEvent = {"step": "tool", "tool": name, "characters": len(result)}
        await self._database.persist(
            lambda conn: model_steps.settle(conn, self.conversation, position, result=result, event=event)
        )
        return result

    async def reply(self, call_id: str) -> questions.Reply | None:
        """A person's reply to the question that a tool call asked."""
        return await self._database.read(
            lambda conn: questions.reply_to(conn, self.conversation.task_id or "", call_id)
        )

    async def close(self) -> None:
        """End the conversation. The next attempt of its task starts a new one."""
        await self._database.persist(lambda conn: model_steps.close(conn, self.conversation))

    async def give_up(self, reservation: int, *, charged: bool) -> None:
        """Release a reservation, because no answer came."""
        await self._database.persist(lambda conn: model_steps.give_up(conn, reservation, charged=charged))


def _budget(settings: Settings, project: projects.ProjectRow) -> Budget:
    return Budget(
        max_tokens=project.max_tokens if project.max_tokens is not None else settings.max_tokens,
        max_cost_usd=project.max_cost_usd if project.max_cost_usd is not None else settings.max_cost_usd,
    )
