"""Asks a model for one answer in a given schema, and checks it. An invalid answer goes back to the model a few times."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, ToolOutput, capture_run_messages
from pydantic_ai.exceptions import (
    ModelAPIError,
    OutputTokenLimitExceeded,
    ToolRetryError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model
from pydantic_core import ErrorDetails

from app.domain.errors import Conflict, DomainError, Invalid, Unavailable
from app.domain.material import framed
from app.llm.access import ModelAccess
from app.llm.ledger import DatabaseLedger
from app.llm.metered import Metered
from app.llm.provider import open_model
from app.llm.sentences import as_list

CUT_OFF = "- The answer was cut off. Make it shorter."

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


async def ask(
    access: ModelAccess,
    ledger: DatabaseLedger,
    shape: type[M],
    checked: Callable[[M], R],
    *,
    instructions: str,
    request: Callable[[datetime], str],
    repairs: int,
    worded: Callable[[str, str], str] = lambda wrong, _: wrong,
) -> R:
    """Ask the model, and return the result of `checked` for its answer.

    Args:
        access: the model.
        ledger: the ledger of this conversation; an interrupted conversation is replayed from it.
        shape: the type of the answer.
        checked: converts the answer; it raises ValueError with a text for the model if the answer is not valid.
        instructions: the general instructions.
        request: words the request, given the time when the conversation began. Resuming it must repeat its words.
        repairs: how many times an invalid answer may be sent back.
        worded: puts what is wrong with an answer into the answer's own terms; it gets both as texts.

    Raises:
        Conflict: `model_unavailable`, `budget_exceeded` or `price_unknown`.
        Invalid: `model_answer_invalid`: the last answer was not valid either.
        Unavailable: the provider does not answer.
    """
    model = open_model(access)
    made: list[R] = []
    agent = _agent(model, access, ledger, shape, instructions)

    @agent.output_validator
    def check(answer: M) -> M:
        try:
            made[:] = [checked(answer)]
        except ValueError as error:
            raise ModelRetry(str(error)) from error
        return answer

    first = prompt = request(await ledger.resume())
    async with model:
        for left in range(repairs, -1, -1):
            with capture_run_messages() as messages:
                try:
                    await agent.run(prompt)
                except (ModelAPIError, UnexpectedModelBehavior) as error:
                    wrong = _wrong(error, _answer(messages))
                    if wrong is None or not left:
                        raise explained(access, error) from error
                    answer = _whole(_answer(messages))
                    prompt = _again(first, answer, worded(wrong, answer))
                else:
                    return made[0]
    raise AssertionError("the last attempt returns or raises")


def _agent(
    model: Model[Any], access: ModelAccess, ledger: DatabaseLedger, shape: type[M], instructions: str
) -> Agent[None, M]:
    try:
        return Agent(
            Metered(model, access, ledger), output_type=output_of(model, shape), instructions=instructions, retries=0
        )
    except UserError as error:
        message = f"The model {access.name} cannot answer in the required schema: {str(error).splitlines()[0]}"
        raise Conflict(message, code="model_unavailable") from error


def _wrong(error: Exception, answer: list[str]) -> str | None:
    """What is wrong with an answer, as a text for the model. None if the answer itself is not the problem."""
    if isinstance(error, OutputTokenLimitExceeded):
        # A model that spent all its tokens on thinking would do so again.
        return CUT_OFF if answer else None
    cause = error.__cause__
    if isinstance(cause, ToolRetryError):
        return _as_list(cause.tool_retry.content)
    return str(cause) if isinstance(cause, ModelRetry) else None


def _as_list(found: Any) -> str:
    """Format validation errors, which are data or text, as a list for the model that must correct them."""
    return as_list(cast("list[ErrorDetails]", found)) if isinstance(found, list) else str(found)


def _again(request: str, answer: str, wrong: str) -> str:
    """A new request that lists the problems. The earlier chat is left out, because it would confuse a model again."""
    previous = f"Your last answer:\n{framed(answer)}\n\n" if answer else ""
    return (
        f"{request}\n\n{previous}Your answer is not valid. Correct these problems, and answer again in full:\n{wrong}"
    )


def _answer(messages: list[ModelMessage]) -> list[str]:
    """The model's last answer: its text, and the arguments of its tool calls."""
    answers = [message for message in messages if isinstance(message, ModelResponse)]
    parts = answers[-1].parts if answers else ()
    texts = [part.content for part in parts if isinstance(part, TextPart)]
    return texts + [part.args_as_json_str() for part in parts if isinstance(part, ToolCallPart)]


def _whole(answer: list[str]) -> str:
    """An answer as compact JSON. Empty if the answer is incomplete, because it is of no further use."""
    for text in answer:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except ValueError:
            continue
    return ""


def output_of(model: Model[Any], shape: Any) -> Any:
    """How to make a model answer in a schema: with its native support if it has any, or else with a tool for the answer.

    Anthropic's native support requires objects with fixed field names. Inputs and headers of tasks do not have them.
    """
    own = model.profile.get("supports_json_schema_output") and model.system != "anthropic"
    return NativeOutput(shape) if own else ToolOutput(shape)


def explained(access: ModelAccess, error: Exception) -> DomainError:
    """Convert an error of pydantic-ai to our own error. It says whether the provider or the model's answer is at fault."""
    reason = " ".join(str(error).split())
    if access.api_key:
        # A server may repeat the key in its error.
        reason = reason.replace(access.api_key, "***")
    reason = reason[:300]
    if isinstance(error, UnexpectedModelBehavior):
        return Invalid(f"The model {access.name} did not give a usable answer: {reason}", code="model_answer_invalid")
    status = getattr(error, "status_code", None)
    if status is not None and status < 500 and status not in {408, 409, 429}:
        message = f"The provider of {access.name} refused the request ({status}): {reason}"
        return Conflict(message, code="model_refused")
    return Unavailable(f"The provider of {access.name} is not answering correctly: {reason}", code="model_unavailable")
