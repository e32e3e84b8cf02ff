"""One question to a model, answered in a given shape and checked; what is wrong goes back to it a few times."""

from __future__ import annotations

import json
from collections.abc import Callable
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
from app.models.access import ModelAccess
from app.models.ledger import DatabaseLedger
from app.models.metered import Metered
from app.models.provider import open_model

MAX_SHOWN = 20
CUT_OFF = "- It was cut off before its end. Make it shorter."

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


async def ask(
    access: ModelAccess,
    ledger: DatabaseLedger,
    shape: type[M],
    checked: Callable[[M], R],
    *,
    instructions: str,
    request: str,
    repairs: int,
) -> R:
    """Ask, and give what `checked` makes of the answer.

    Args:
        access: the model.
        ledger: of this conversation; one that was begun before is played through to where it was.
        shape: of the answer.
        checked: raises ValueError with a text that goes back to the model.
        instructions: what always holds.
        request: what is asked.
        repairs: how often an answer may be sent back.

    Raises:
        Conflict: `model_unavailable`, `budget_exceeded` or `price_unknown`.
        Invalid: `model_answer_invalid`: the last answer was not right either.
        Unavailable: the provider does not answer.
    """
    model = open_model(access)
    made: list[R] = []
    try:
        agent: Agent[None, M] = Agent(
            Metered(model, access, ledger), output_type=output_of(model, shape), instructions=instructions, retries=0
        )
    except UserError as error:
        message = f"The model {access.name} cannot be asked for an answer of that shape: {str(error).splitlines()[0]}"
        raise Conflict(message, code="model_unavailable") from error

    @agent.output_validator
    def check(answer: M) -> M:
        try:
            made[:] = [checked(answer)]
        except ValueError as error:
            raise ModelRetry(str(error)) from error
        return answer

    await ledger.take_up()
    asked = request
    async with model:
        for left in range(repairs, -1, -1):
            with capture_run_messages() as messages:
                try:
                    await agent.run(asked)
                except (ModelAPIError, UnexpectedModelBehavior) as error:
                    wrong = _wrong(error, _answer(messages))
                    if wrong is None or not left:
                        raise explained(access, error) from error
                    asked = _again(request, _whole(_answer(messages)), wrong)
                else:
                    return made[0]
    raise AssertionError("the last try returns or raises")


def _wrong(error: Exception, answer: list[str]) -> str | None:
    """What is wrong with an answer, for the model that gave it; None where the trouble is not what it said."""
    if isinstance(error, OutputTokenLimitExceeded):
        # One that has spent it all on thoughts would do so again.
        return CUT_OFF if answer else None
    cause = error.__cause__
    if isinstance(cause, ToolRetryError):
        return _as_list(cause.tool_retry.content)
    return str(cause) if isinstance(cause, ModelRetry) else None


def _as_list(found: Any) -> str:
    """The errors of a validation, which come as data or as a text, for a reader that has to correct them."""
    if not isinstance(found, list):
        return str(found)
    errors = cast("list[ErrorDetails]", found)[:MAX_SHOWN]
    return "\n".join(f"- {'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}" for item in errors)


def _again(request: str, answer: str, wrong: str) -> str:
    """A fresh request with what is wrong: a model that has lost the thread gets no chat of its own to lose it in again."""
    shown = f"Your last answer:\n{framed(answer)}\n\n" if answer else ""
    return f"{request}\n\n{shown}It cannot be taken as it is. Correct all of this, and answer anew as a whole:\n{wrong}"


def _answer(messages: list[ModelMessage]) -> list[str]:
    """What the model has said last, in words or as what it handed to a tool."""
    answers = [message for message in messages if isinstance(message, ModelResponse)]
    parts = answers[-1].parts if answers else ()
    said = [part.content for part in parts if isinstance(part, TextPart)]
    return said + [part.args_as_json_str() for part in parts if isinstance(part, ToolCallPart)]


def _whole(answer: list[str]) -> str:
    """An answer in few tokens; nothing where it broke off, and so is worth no second look."""
    for said in answer:
        try:
            return json.dumps(json.loads(said), ensure_ascii=False)
        except ValueError:
            continue
    return ""


def output_of(model: Model[Any], shape: Any) -> Any:
    """How a model is made to answer in a shape: by its own means where it has some, else by a tool that takes the answer.

    Anthropic's own means know only objects whose every field is named beforehand, which inputs and headers of tasks are not.
    """
    own = model.profile.get("supports_json_schema_output") and model.system != "anthropic"
    return NativeOutput(shape) if own else ToolOutput(shape)


def explained(access: ModelAccess, error: Exception) -> DomainError:
    """An error of pydantic-ai in our own words: whether it lies with the provider, or with what the model said."""
    said = " ".join(str(error).split())
    if access.api_key:
        # A server may repeat it.
        said = said.replace(access.api_key, "***")
    said = said[:300]
    if isinstance(error, UnexpectedModelBehavior):
        return Invalid(f"The model {access.name} gave no answer that can be used: {said}", code="model_answer_invalid")
    status = getattr(error, "status_code", None)
    if status is not None and status < 500 and status not in {408, 409, 429}:
        message = f"The provider of {access.name} refuses the request ({status}): {said}"
        return Conflict(message, code="model_refused")
    return Unavailable(f"The provider of {access.name} does not answer as it should: {said}", code="model_unavailable")
