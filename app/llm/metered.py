"""A model wrapper that records every call, keeps it within the project's budget, and makes it only once.

This is the only place where a model is called. A recorded call is answered from the record. A conversation that starts again
after a crash is therefore replayed to where it was, without paying for a call twice.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Protocol, cast

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
)
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings, merge_model_settings
from pydantic_ai.usage import RequestUsage

from app.domain.backoff import backoff
from app.domain.material import storable
from app.llm.access import ModelAccess
from app.llm.prices import cost_of
from app.llm.tokens import most_input_tokens
from signoff.schemas.json_value import JsonObject

TRIES = 5
FIRST_PAUSE = 0.5
MAX_PAUSE = 30.0
# Limit for the pause that a provider asks for.
MAX_RETRY_AFTER = 300.0
_AGAIN = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError, ModelRequestTimeout)


class Ledger(Protocol):
    """Records the calls of one conversation, and enforces the budget of its project."""

    async def recorded(self, number: int) -> Any | None:
        """The recorded answer of an earlier call."""
        ...

    async def reserve(self, number: int, access: ModelAccess, input_tokens: int, output_tokens: int) -> tuple[int, int]:
        """Reserve the maximum cost of a call. Return the reservation and the maximum number of tokens for the answer.

        Raises:
            BudgetExceeded: the call would exceed the project's budget.
        """
        ...

    async def settle(
        self, reservation: int, answer: ModelResponse, dumped: JsonObject, usage: RequestUsage, cost: float | None
    ) -> None:
        """Record an answer and its cost."""
        ...

    async def give_up(self, reservation: int, *, charged: bool) -> None:
        """Release a reservation, because no answer came. `charged` says that the call may still have cost something."""
        ...


class Metered(WrapperModel):
    """Calls the model `access`, and records each call in `ledger`."""

    def __init__(
        self,
        wrapped: Model[Any],
        access: ModelAccess,
        ledger: Ledger,
        on_answer: Callable[[ModelResponse], None] = lambda _: None,
    ) -> None:
        super().__init__(wrapped)
        self._access = access
        self._ledger = ledger
        self._on_answer = on_answer
        self.calls = 0
        self.finish: str | None = None

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Answer from the record, or call the model, with retries if the provider is busy or unavailable.

        Raises:
            BudgetExceeded: the call would exceed the project's budget.
            ModelAPIError: the provider refuses the call, or is still unavailable after a few attempts.
        """
        self.calls += 1
        number = self.calls
        before = await self._ledger.recorded(number)
        if before is not None:
            response = _loaded(before)
            return self._taken(response)
        bound = most_input_tokens(messages, model_request_parameters)
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(number, bound, messages, model_settings, model_request_parameters)
            except ModelAPIError as error:
                # The base class itself means that the response could not be parsed.
                again = isinstance(error, _AGAIN) or type(error) is ModelAPIError
                if attempt == TRIES or not again:
                    raise
                await asyncio.sleep(_pause(attempt, error))
        raise AssertionError("the last attempt returns or raises")

    def request_stream(self, *args: Any, **keywords: Any) -> Any:
        """Not supported: an answer is recorded as a whole."""
        del args, keywords
        raise TypeError("A metered model does not support streaming.")

    async def _once(
        self,
        number: int,
        bound: int,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        reservation, max_tokens = await self._ledger.reserve(number, self._access, bound, self._access.max_output)
        limits = ModelSettings(max_tokens=max_tokens, timeout=self._access.timeout, max_retries=0)
        try:
            response = await self._streamed(messages, merge_model_settings(settings, limits), parameters)
        except BaseException as error:
            # An error response is not billed, and neither is a request that was never sent. Anything else may be billed.
            refused = isinstance(error, ModelHTTPError) and not error.in_stream
            refused |= isinstance(error, ModelConnectionError) and error.phase in {"pool", "connect"}
            await asyncio.shield(self._ledger.give_up(reservation, charged=not refused))
            raise
        usage = response.usage
        if not usage.input_tokens and not usage.output_tokens:
            # The server does not report usage, so the reserved amount counts as used.
            usage = response.usage = RequestUsage(input_tokens=bound, output_tokens=max_tokens)
        cost = cost_of(self._access, usage)
        await asyncio.shield(self._ledger.settle(reservation, response, _dumped(response), usage, cost))
        return self._taken(response)

    def _taken(self, response: ModelResponse) -> ModelResponse:
        self.finish = response.finish_reason
        self._on_answer(response)
        return response

    async def _streamed(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Stream the answer. This distinguishes silence from work, and a cancel ends the connection at once."""
        async with self.wrapped.request_stream(messages, settings, parameters) as stream:
            async for _ in stream:
                pass
            response = _kept(stream.get())
        if response.finish_reason is None:
            raise ModelConnectionError(self.model_name, "The answer ended before it was complete.", phase="read")
        return response


def _pause(attempt: int, error: ModelAPIError) -> float:
    """Seconds to wait after an attempt: what the provider asks for, or else a doubling delay with random jitter."""
    if error.retry_after is not None:
        return min(error.retry_after, MAX_RETRY_AFTER)
    return backoff(attempt, FIRST_PAUSE, MAX_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - not a secret


def _dumped(response: ModelResponse) -> JsonObject:
    return cast("list[JsonObject]", ModelMessagesTypeAdapter.dump_python([response], mode="json"))[0]


def _kept(response: ModelResponse) -> ModelResponse:
    """An answer that a database can store and that can be sent back to its provider. Its tool calls get unique ids."""
    dumped = _dumped(response)
    cleaned = cast("JsonObject", storable(dumped))
    ids: set[str] = set()
    for part in cast("list[JsonObject]", cleaned["parts"]):
        for name in ("args", "content"):
            if isinstance(text := part.get(name), str):
                part[name] = _kept_json(text)
        if part.get("part_kind") == "tool-call":
            call_id, number = str(part["tool_call_id"]), 1
            unique = call_id
            while unique in ids:
                number += 1
                unique = f"{call_id}_{number}"
            part["tool_call_id"] = unique
            ids.add(unique)
    return response if cleaned == dumped else _loaded(cleaned)


def _kept_json(text: str) -> str:
    """Clean a JSON text, in which unstorable characters are escaped. Any other text stays as it is."""
    if "\\u" not in text:
        return text
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    cleaned = storable(parsed)
    return text if cleaned == parsed else json.dumps(cleaned, ensure_ascii=False)


def _loaded(value: JsonObject) -> ModelResponse:
    response = ModelMessagesTypeAdapter.validate_python([value])[0]
    assert isinstance(response, ModelResponse)  # noqa: S101 - for the type checker: only responses are recorded
    return response
