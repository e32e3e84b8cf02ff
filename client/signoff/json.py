"""Turns results back into the JSON that they were made from."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel


def to_json(value: object) -> Any:
    """`value` as the API sent it, for `json.dumps`. Fields that this client does not know are included."""
    if isinstance(value, BaseModel):
        return {name: to_json(item) for name, item in value}
    if isinstance(value, dict):
        return {str(name): to_json(item) for name, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list):
        return [to_json(item) for item in cast("list[object]", value)]
    return value
