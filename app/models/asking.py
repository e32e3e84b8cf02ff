"""One question to a model, answered in a given shape and checked; what is wrong goes back to it a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, ToolOutput
from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior
from pydantic_ai.models import Model

from app.domain.errors import Conflict, DomainError, Invalid, Unavailable
from app.models.access import ModelAccess
from app.models.ledger import DatabaseLedger
from app.models.metered import Metered
from app.models.provider import open_model

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
    agent: Agent[None, M] = Agent(
        Metered(model, access, ledger), output_type=output_of(model, shape), instructions=instructions, retries=repairs
    )
    made: list[R] = []

    @agent.output_validator
    def check(answer: M) -> M:
        try:
            made[:] = [checked(answer)]
        except ValueError as error:
            raise ModelRetry(str(error)) from error
        return answer

    await ledger.take_up()
    try:
        async with model:
            await agent.run(request)
    except (ModelAPIError, UnexpectedModelBehavior) as error:
        raise explained(access, error) from error
    return made[0]


def output_of(model: Model[Any], shape: Any) -> Any:
    """How a model is made to answer in a shape: by its own means where it has some, else by a tool that takes the answer.

    Anthropic's own means know only objects whose every field is named beforehand, which inputs and headers of tasks are not.
    """
    own = model.profile.get("supports_json_schema_output") and model.system != "anthropic"
    return NativeOutput(shape) if own else ToolOutput(shape)


def explained(access: ModelAccess, error: Exception) -> DomainError:
    """An error of pydantic-ai in our own words: whether it lies with the provider, or with what the model said."""
    said = " ".join(str(error).split())[:300]
    if isinstance(error, UnexpectedModelBehavior):
        return Invalid(f"The model {access.name} gave no answer that can be used: {said}", code="model_answer_invalid")
    status = getattr(error, "status_code", None)
    if status is not None and status < 500 and status not in {408, 409, 429}:
        message = f"The provider of {access.name} refuses the request ({status}): {said}"
        return Conflict(message, code="model_refused")
    return Unavailable(f"The provider of {access.name} does not answer as it should: {said}", code="model_unavailable")
