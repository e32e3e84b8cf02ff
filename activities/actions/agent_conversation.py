"""One conversation of an agent, from the task to its answer. Every call to the model and every use of a tool is recorded.

This module is loaded only when an agent task runs: its libraries take a second to load, and are not installed everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_ai import Agent, ModelRetry, RunContext, StructuredDict, UsageLimits
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelContextWindowExceededError,
    OutputTokenLimitExceeded,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.toolsets import FunctionToolset, ToolsetTool, WrapperToolset

from activities import prompts
from activities.actions.agent_tools import Mistake, Tools
from activities.actions.linear_schema import CheckTooSlow, faults_of_value
from activities.actions.products import check_written, empty_products, missing_products
from app.domain.actions import PersonAsked, TaskContext, TaskFailed
from app.domain.agents import AgentEntry, AgentTool
from app.domain.budget import BudgetExceeded
from app.domain.errors import Conflict, Unavailable
from app.domain.material import framed, one_line
from app.domain.plan import Json
from app.domain.program_values import storable_text
from app.llm.access import ModelAccess, model_for
from app.llm.agent_context import AgentContext
from app.llm.asking import explained, output_of
from app.llm.clock import time_in_words
from app.llm.ledger import DatabaseLedger
from app.llm.metered import Metered
from app.llm.provider import open_model
from app.llm.sentences import sentences_of
from signoff.schemas.json_value import JsonObject, JsonValue

RETRIES = 3
MAX_LOGGED_LENGTH = 4_000
MAX_CALL_ID_LENGTH = 100
MAX_BRIEF_LENGTH = 2_000
_JSON: TypeAdapter[JsonValue] = TypeAdapter(Json)
_MAX_FAULTS = 20
_MAX_FAULT_LENGTH = 500
_CUT = "The answer was cut off: it is longer than the model or the project's budget allows. Split the task."


class _InSentences:
    """Checks the arguments of a tool, and says in sentences what is wrong with them."""

    def __init__(self, validator: Any, tool: str) -> None:
        self._validator = validator
        self._tool = tool

    def validate_json(self, *args: Any, **options: Any) -> Any:
        """Check arguments that are JSON."""
        return self._checked(self._validator.validate_json, args, options)

    def validate_python(self, *args: Any, **options: Any) -> Any:
        """Check arguments that are a dictionary."""
        return self._checked(self._validator.validate_python, args, options)

    def _checked(self, check: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        try:
            return check(*args, **options)
        except ValidationError as error:
            message = f"{self._tool} was not called correctly. Correct this, and call it again:\n{sentences_of(error)}"
            raise ModelRetry(message) from error


@dataclass
class _Recorded(WrapperToolset[None]):
    """Records every use of a tool. A use with a recorded outcome is not repeated."""

    ledger: DatabaseLedger
    calls: Callable[[], int]
    model: str
    log: Callable[[str], None]
    masked: Callable[[str], str]

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        """The tools. A wrong call of one is answered in sentences."""
        tools = await super().get_tools(ctx)
        return {
            name: replace(tool, args_validator=_InSentences(tool.args_validator, name)) for name, tool in tools.items()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> str:
        call_id = ctx.tool_call_id or name
        if len(call_id) > MAX_CALL_ID_LENGTH:
            call_id = hashlib.sha256(call_id.encode()).hexdigest()
        reference = f"{self.ledger.conversation.name}/{self.calls()}/{call_id}"[-200:]
        reply = await self.ledger.reply(reference)

        async def use() -> str:
            if reply is not None:
                return self.masked(json.dumps(asdict(reply), ensure_ascii=False))
            try:
                return self.masked(
                    storable_text(str(await super(_Recorded, self).call_tool(name, tool_args, ctx, tool)))
                )
            except PersonAsked as asked:
                raise PersonAsked(asked.question, asked.options, reference) from None
            except (Mistake, TaskFailed) as mistake:
                return self.masked(storable_text(f"Error: {mistake}"))
            except OSError as error:
                return f"Error: {error.strerror or type(error).__name__}."

        self.log(f"-> {name} {json.dumps(tool_args, ensure_ascii=False)}")
        result = await self.ledger.tool(self.calls(), call_id, name, self.model, use)
        self.log(f"<- {result}")
        return result


def _agent(
    context: TaskContext,
    model: Model[Any],
    name: str,
    metered: Metered,
    ledger: DatabaseLedger,
    output_schema: JsonObject | None,
    log: Callable[[str], None],
    masked: Callable[[str], str],
) -> Any:
    """The agent with its tools, and with the checks of its answer."""
    entry: AgentEntry = context.agent_context.agent
    functions: FunctionToolset[None] = FunctionToolset(
        # Sequential: a file that was written can be read by the next call, and a question interrupts no other call.
        Tools(context, entry).offered(),
        max_retries=RETRIES,
        sequential=True,
    )
    tools = _Recorded(functions, ledger, lambda: metered.calls, name, log, masked)
    answer_type: Any = output_of(model, StructuredDict(output_schema, name="result")) if output_schema else str
    # Its overloads do not accept an output type that is made at run time.
    make: Any = Agent
    agent = make(
        metered,
        output_type=answer_type,
        instructions=_instructions(context),
        toolsets=[tools] if entry.tools else [],
        retries=RETRIES,
    )
    if output_schema is not None:
        agent.output_validator(_checker(output_schema))
    if context.expected_files:
        agent.output_validator(_Products(context, ledger, metered, name).remind)
    return agent


async def converse(context: TaskContext, prompt: str, output_schema: JsonObject | None, most_calls: int) -> JsonObject:
    """Let the task's agent execute the task. Return its answer as `text`, or as `output_schema` describes.

    Raises:
        PersonAsked: the agent has a question.
        TaskFailed: `model_unavailable`, `model_refused`, `budget_exceeded`, `too_many_steps`, `context_exceeded`,
            `answer_cut`, `bad_answer`, `file_missing` or `file_empty`.
    """
    agent_context: AgentContext = context.agent_context
    access = _access(agent_context)
    ledger = DatabaseLedger(agent_context.database, agent_context.settings, agent_context.conversation)

    def masked(text: str) -> str:
        return str(context.log.mask(text))

    def log(text: str) -> None:
        text = masked(text)
        shown = text if len(text) <= MAX_LOGGED_LENGTH else f"{text[:MAX_LOGGED_LENGTH]} [...]"
        context.log.write(shown.encode("utf-8", "replace") + b"\n")

    try:
        model = open_model(access)
        metered = Metered(model, access, ledger, lambda answer: log(_said(answer)))
        agent = _agent(context, model, access.name, metered, ledger, output_schema, log, masked)
        # A resumed conversation repeats its first words, and so the time when it began.
        began = await ledger.resume()
        request = _request(context, prompt, began, _limits(agent_context.agent, access, most_calls))
        log(f"Model {access.name}, agent {agent_context.agent_id}\n{request}")
        async with model:
            result = await agent.run(request, usage_limits=UsageLimits(request_limit=most_calls))
        if metered.finish == "length":
            await ledger.close()
            raise TaskFailed("answer_cut", _CUT, retryable=False)
        outputs: JsonObject = dict(result.output) if output_schema else {"text": str(result.output)}
        await _finish(context, ledger, outputs)
        return outputs
    except BudgetExceeded as error:
        raise TaskFailed(error.info.code, error.info.message, retryable=False, asks=True) from error
    except Conflict as error:
        raise TaskFailed(error.info.code, error.info.message, retryable=False) from error
    except (UsageLimitExceeded, UnexpectedModelBehavior, ModelAPIError, UserError) as error:
        failure, over = _failure(access, error, most_calls)
        if over:
            await ledger.close()
        raise failure from error


def _failure(access: ModelAccess, error: Exception, most_calls: int) -> tuple[TaskFailed, bool]:
    """The failure of the task, and whether the conversation is over. If it is, continuing would give the same result."""
    if isinstance(error, UsageLimitExceeded):
        message = (
            f"The agent did not finish within {most_calls} calls to its model. Raise max_calls, or split the task."
        )
        return TaskFailed("too_many_steps", message, retryable=False), True
    if isinstance(error, ModelContextWindowExceededError):
        message = "The conversation exceeds the model's context limit. Split the task, or let it read less."
        return TaskFailed("context_exceeded", message, retryable=False), True
    if isinstance(error, OutputTokenLimitExceeded):
        return TaskFailed("answer_cut", _CUT, retryable=False), True
    if isinstance(error, UserError):
        message = f"The model {access.name} cannot be used for this task: {str(error).splitlines()[0]}"
        return TaskFailed("model_unavailable", message, retryable=False), False
    info = explained(access, error)
    if isinstance(error, UnexpectedModelBehavior):
        return TaskFailed("bad_answer", info.info.message), True
    return TaskFailed(info.info.code, info.info.message, retryable=isinstance(info, Unavailable)), False


def _access(agent_context: AgentContext) -> ModelAccess:
    access = model_for(agent_context.settings, agent_context.strategy, agent_context.agent)
    if access is None:
        message = (
            f"The agent '{agent_context.agent_id}' has no model on this worker. Set SIGNOFF_MODEL, or its `model` in "
            "signoff.toml."
        )
        raise TaskFailed("no_model", message, retryable=False)
    return access


async def _finish(context: TaskContext, ledger: DatabaseLedger, outputs: JsonObject) -> None:
    """Fail the task if it lacks a file, or left one empty. The next attempt begins a new conversation."""
    try:
        await check_written(context, outputs)
    except TaskFailed:
        await ledger.close()
        raise


@dataclass
class _Products:
    """Reminds the model once of files that are missing or empty. The record says what it was told, as for a tool."""

    context: TaskContext
    ledger: DatabaseLedger
    metered: Metered
    model: str
    told: bool = False

    async def remind(self, answer: Any) -> Any:
        """Accept an answer, or return it to the model once, if a file is missing or empty."""
        if self.told or self.metered.finish == "length":
            return answer
        reminder = await self.ledger.tool(self.metered.calls, "check_files", "check_files", self.model, self._reminder)
        if reminder:
            self.told = True
            raise ModelRetry(reminder)
        return answer

    async def _reminder(self) -> str:
        absent, empty = await missing_products(self.context), await empty_products(self.context)
        can_write = AgentTool.WRITE_FILE in self.context.agent_context.agent.tools
        do, how = ("Write", "with write_file") if can_write else ("Make", "or say why it cannot be done")
        faults = [_fault(absent, "not there"), _fault(empty, "empty")]
        them = "it" if len(absent + empty) == 1 else "them"
        return " ".join([*filter(None, faults), f"{do} {them} {how}."]) if absent or empty else ""


def _fault(paths: list[str], what: str) -> str:
    return f"{', '.join(paths)} {'is' if len(paths) == 1 else 'are'} {what}." if paths else ""


def _instructions(context: TaskContext) -> str:
    result = prompts.text("agent_files" if context.expected_files else "agent_answer")
    rules = prompts.text("agent", result=result)
    return f"{rules}\n\n{context.agent_context.agent.instructions}".strip()


def _request(context: TaskContext, prompt: str, began: datetime, limits: str) -> str:
    agent_context: AgentContext = context.agent_context
    parts = [f"Project: {context.project_name}"]
    if brief := agent_context.brief.strip():
        cut = brief if len(brief) <= MAX_BRIEF_LENGTH else f"{brief[:MAX_BRIEF_LENGTH]} [...]"
        parts.append(f"What the project is for, as background; your task is only the one below:\n{framed(cut)}")
    parts += [time_in_words(began), limits, f"Task: {agent_context.title}\n{prompt}"]
    if context.expected_files:
        parts.append("Files that this task must make:\n" + "\n".join(map(one_line, context.expected_files)))
    if context.inputs:
        inputs = json.dumps(context.inputs, ensure_ascii=False)
        parts.append(f"Inputs:\n{framed(inputs)}")
    return "\n\n".join(parts)


def _limits(agent: AgentEntry, access: ModelAccess, most_calls: int) -> str:
    """What the agent must get along with. A round of tools is one answer."""
    spoken = (
        f"You have {most_calls} answers, and each round of tool calls takes one of them. An answer has at most "
        f"{access.max_output:,} tokens, including the arguments of tools: write long files in parts."
    )
    limits = [spoken]
    if AgentTool.RUN_COMMAND in agent.tools:
        limits.append(f"Programs that you can run: {', '.join(agent.commands)}.")
    elif agent.tools:
        limits.append("You cannot run programs, not even those that you write.")
    if AgentTool.HTTP_GET in agent.tools:
        limits.append(f"Hosts that you can reach: {', '.join(agent.hosts)}.")
    return " ".join(limits)


def _said(answer: ModelResponse) -> str:
    usage = answer.usage
    texts = [part.content for part in answer.parts if isinstance(part, TextPart) and part.content.strip()]
    calls = [part.tool_name for part in answer.parts if isinstance(part, ToolCallPart)]
    wants = f", calls {', '.join(calls)}" if calls else ""
    head = f"[model: {usage.input_tokens} tokens in, {usage.output_tokens} out{wants}]"
    return "\n".join([head, *texts])


def _checker(schema: JsonObject) -> Callable[[JsonValue], JsonValue]:
    def check(answer: JsonValue) -> JsonValue:
        try:
            _JSON.validate_python(answer)
        except ValidationError as error:
            raise ModelRetry(f"The result cannot be stored: {error.errors(include_url=False)[0]['msg']}.") from error
        try:
            faults = faults_of_value(schema, answer, _MAX_FAULTS)
        except CheckTooSlow as error:
            raise ModelRetry(
                "The result takes too long to check against its schema. Return a smaller result."
            ) from error
        problems = [f"- {fault.json_path}: {fault.message[:_MAX_FAULT_LENGTH]}" for fault in faults]
        if problems:
            raise ModelRetry("The result does not match its schema. Correct these problems:\n" + "\n".join(problems))
        return answer

    return check
