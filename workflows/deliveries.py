"""Reads the content of signals without trusting it. The functions are pure, so a replay reads the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from workflows.contracts import CommandSignal

# The maximum length of a signal that was sent directly through Temporal. Waiting signals are carried over to a new history.
MAX_CONTENT_LENGTH = 65_536
UNREADABLE = "unreadable"


def command_in(payload: Sequence[object]) -> str | None:
    """Return the id of the command that a signal names, or None if it carries anything else."""
    if len(payload) != 1 or not isinstance(payload[0], dict) or set(cast("dict[Any, Any]", payload[0])) != {"command"}:
        return None
    try:
        return CommandSignal.model_validate(payload[0]).command
    except ValidationError:
        return None


def as_text(payload: Sequence[object]) -> str:
    """Return the content of a signal without a command as JSON, or `UNREADABLE` if it is not valid or is too long."""
    try:
        text = to_json(payload[0] if len(payload) == 1 else list(payload)).decode()
    except PydanticSerializationError:
        return UNREADABLE
    return text if len(text) <= MAX_CONTENT_LENGTH else UNREADABLE
