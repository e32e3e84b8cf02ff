"""An upper bound for the tokens of a request, computed before it is sent.

A byte-level tokenizer never makes more tokens than there are bytes. Providers add tokens of their own. They are included here
with a margin: a few tokens per message, and a text for tools if there are any (Anthropic documents up to 530 tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_core import to_json

from signoff.schemas.json_value import JsonObject

PER_MESSAGE = 16
_WORDS = (SystemPromptPart, UserPromptPart, TextPart)
FOR_TOOLS = 600


def most_input_tokens(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> int:
    """An upper bound for a request's tokens. It starts from the count in the last answer, or else from the first byte."""
    known, start = 0, 0
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, ModelResponse) and message.usage.input_tokens:
            known, start = message.usage.input_tokens + message.usage.output_tokens, index + 1
            break
    new = sum(_bytes(message) for message in messages[start:])
    return known + new + (0 if known else _of_parameters(parameters))


def _bytes(message: ModelMessage) -> int:
    words = [part.content for part in message.parts if isinstance(part, _WORDS) and isinstance(part.content, str)]
    if isinstance(message, ModelRequest) and message.instructions:
        words.append(message.instructions)
    size = sum(PER_MESSAGE + len(text.encode("utf-8", "surrogatepass")) for text in words)
    others = [part for part in message.parts if not (isinstance(part, _WORDS) and isinstance(part.content, str))]
    if others:
        # As JSON with field names, which is longer than what is sent.
        rest: Any = replace(message, parts=others)
        size += PER_MESSAGE + len(ModelMessagesTypeAdapter.dump_json([rest]))
    return size


def _of_parameters(parameters: ModelRequestParameters) -> int:
    tools = [*parameters.function_tools, *parameters.output_tools]
    described: list[JsonObject] = [
        {"name": tool.name, "description": tool.description, "schema": tool.parameters_json_schema} for tool in tools
    ]
    output = asdict(parameters.output_object) if parameters.output_object is not None else None
    text = len(to_json([described, output], serialize_unknown=True))
    return text + (FOR_TOOLS if tools else 0)
