"""Makes models of values that need no validation."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def unchecked(model: type[M], **values: Any) -> M:
    """Return an instance with these values, which must include every field and have the types of the model.

    For answers with thousands of parts, made of rows that Signoff has written: validation would take most of the time, and
    pydantic's own `model_construct` as long as validation.
    """
    made = model.__new__(model)
    for name, value in (
        ("__dict__", values),
        ("__pydantic_fields_set__", set(values)),
        ("__pydantic_extra__", None),
        ("__pydantic_private__", None),
    ):
        object.__setattr__(made, name, value)
    return made
