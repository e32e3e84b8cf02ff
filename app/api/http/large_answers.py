"""Encodes large answers as JSON in a thread: thousands of tasks would block the event loop for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

from litestar import Response
from pydantic import BaseModel

# Number of list items. Encoding fewer takes less time than switching to another thread.
LARGE = 200


async def encode_large(response: Response[Any]) -> Response[Any]:
    """Encode the content of `response` as JSON if it is large; return `response`."""
    content: object = response.content
    if isinstance(content, BaseModel) and is_large(content):
        encoded = await asyncio.to_thread(content.model_dump_json)
        response.content = encoded.encode()
        response.media_type = response.media_type or "application/json"
    return response


def is_large(model: BaseModel) -> bool:
    """Whether the lists in a model and in the items of its lists have at least LARGE items together."""
    count = 0
    for size in _sizes(model, deeper=True):
        count += size
        if count >= LARGE:
            return True
    return False


def _sizes(model: BaseModel, *, deeper: bool) -> Iterator[int]:
    for value in model.__dict__.values():
        if not isinstance(value, list):
            continue
        items = cast("list[object]", value)
        yield len(items)
        if deeper and len(items) < LARGE:
            for item in items:
                if isinstance(item, BaseModel):
                    yield from _sizes(item, deeper=False)
