"""Keeps secrets out of what is stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

MASK = "***"


def mask(value: Any, secrets: Collection[str]) -> Any:
    """A JSON value with every secret in its texts replaced, longest first."""
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, dict):
        return {mask(key, secrets): mask(item, secrets) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [mask(item, secrets) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
