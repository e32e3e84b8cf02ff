"""A model whose every call is recorded, limited by the project's budget, and made once.

The one place where a model is asked. A call that is on record is answered from the record: so a conversation that is begun anew
after a crash is played through to where it was, without a call being paid for twice.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Protocol

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

from app.domain.material import storable
from app.models.access import ModelAccess
from app.models.prices import cost_of
from app.models.tokens import most_input_tokens

TRIES = 5
FIRST_PAUSE = 0.5
MAX_PAUSE = 30.0
# What a provider itself may ask for.
MAX_RETRY_AFTER = 300.0
_AGAIN = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError, ModelRequestTimeout)


class Ledger(Protocol):
    """Keeps the calls of one conversation, and knows what its project may still spend."""

    async def recorded(self, number: int) -> Any | None:
        """The answer of a call that was made before."""
        ...

    async def reserve(self, number: int, access: ModelAccess, input_tokens: int, output_tokens: int) -> tuple[int, int]:
        """Set aside what a call can cost at most; gives the reservation, and the most tokens that the answer may have.

        Raises:
            BudgetExceeded: the project may not spend that much any more.
        """
        ...

    async def settle(
        self, reservation: int, answer: ModelResponse, dumped: Any, usage: RequestUsage, cost: float | None
    ) -> None:
        """Record an answer and what it cost."""
        ...

    async def give_up(self, reservation: int, *, charged: bool) -> None:
        """Record that no answer came; `charged` where it may have cost something all the same."""
        ...


class Metered(WrapperModel):
    """Asks the model `access` through `ledger`."""

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
        """Answer from the record, else ask, with patience for a provider that is busy or away.

        Raises:
            BudgetExceeded: the project's budget does not allow the call.
            ModelAPIError: the provider refuses, or is away for longer than a few tries.
        """
        self.calls += 1
        number = self.calls
        before = await self._ledger.recorded(number)
        if before is not None:
            response = _loaded(before)
            return self._taken(response)
        bound = most_input_tokens(messages, model_request_parameters)
        for tried in range(1, TRIES + 1):
            try:
                return await self._once(number, bound, messages, model_settings, model_request_parameters)
            except ModelAPIError as error:
                # Of no kind at all: what came could not be read.
                again = isinstance(error, _AGAIN) or type(error) is ModelAPIError
                if tried == TRIES or not again:
                    raise
                await asyncio.sleep(_pause(tried, error))
        raise AssertionError("the last try returns or raises")

    def request_stream(self, *args: Any, **keywords: Any) -> Any:
        """Not offered: an answer is recorded as a whole."""
        del args, keywords
        raise TypeError("A metered model answers as a whole.")

    async def _once(
        self,
        number: int,
        bound: int,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        reservation, most = await self._ledger.reserve(number, self._access, bound, self._access.max_output)
        limits = ModelSettings(max_tokens=most, timeout=self._access.timeout, max_retries=0)
        try:
            response = await self._streamed(messages, merge_model_settings(settings, limits), parameters)
        except BaseException as error:
            # An error that came in place of an answer is not billed, nor what was never sent; whatever else happened may be.
            refused = isinstance(error, ModelHTTPError) and not error.in_stream
            refused |= isinstance(error, ModelConnectionError) and error.phase in {"pool", "connect"}
            await asyncio.shield(self._ledger.give_up(reservation, charged=not refused))
            raise
        usage = response.usage
        if not usage.input_tokens and not usage.output_tokens:
            # A server that counts nothing: what was set aside is taken for what was used.
            usage = response.usage = RequestUsage(input_tokens=bound, output_tokens=most)
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
        """Stream the answer, so that silence can be told from work, and a cancel ends the connection at once."""
        async with self.wrapped.request_stream(messages, settings, parameters) as stream:
            async for _ in stream:
                pass
            response = _kept(stream.get())
        if response.finish_reason is None:
            raise ModelConnectionError(self.model_name, "The answer broke off before its end.", phase="read")
        return response


def _pause(tried: int, error: ModelAPIError) -> float:
    """Seconds to wait after a try: what the provider asks for, else doubled each time, with some chance in it."""
    if error.retry_after is not None:
        return min(error.retry_after, MAX_RETRY_AFTER)
    return min(FIRST_PAUSE * 2 ** (tried - 1), MAX_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _dumped(response: ModelResponse) -> Any:
    return ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]


def _kept(response: ModelResponse) -> ModelResponse:
    """An answer as a database can keep it, and as it can be sent back to its provider; no two of its calls have one id."""
    dumped = _dumped(response)
    cleaned = storable(dumped)
    ids: set[str] = set()
    for part in cleaned["parts"]:
        for name in ("args", "content"):
            if isinstance(part.get(name), str):
                part[name] = _kept_json(part[name])
        if part.get("part_kind") == "tool-call":
            given, number = part["tool_call_id"], 1
            while part["tool_call_id"] in ids:
                number += 1
                part["tool_call_id"] = f"{given}_{number}"
            ids.add(part["tool_call_id"])
    return response if cleaned == dumped else _loaded(cleaned)


def _kept_json(text: str) -> str:
    """Arguments and results are JSON as a text, in which what cannot be kept stands escaped; other texts stay as they are."""
    if "\\u" not in text:
        return text
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return text
    cleaned = storable(given)
    return text if cleaned == given else json.dumps(cleaned, ensure_ascii=False)


def _loaded(value: Any) -> ModelResponse:
    response = ModelMessagesTypeAdapter.validate_python([value])[0]
    assert isinstance(response, ModelResponse)  # noqa: S101 - for the type checker: nothing else is recorded
    return response
