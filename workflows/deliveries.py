"""What signals carry, read without believing it: pure, so that replay reads the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from workflows.contracts import CommandSignal

# Characters of a signal sent by hand that are handed on: what waits is carried over to a fresh history.
MAX_CONTENT_LENGTH = 65_536
UNREADABLE = "unreadable"


def command_in(payload: Sequence[Any]) -> str | None:
    """The id of the command that a signal names; None where it carries anything else."""
    if len(payload) != 1 or not isinstance(payload[0], dict) or set(cast("dict[Any, Any]", payload[0])) != {"command"}:
        return None
    try:
        return CommandSignal.model_validate(payload[0]).command
    except ValidationError:
        return None


def as_text(payload: Sequence[Any]) -> str:
    """The JSON of what a signal carries by hand; `UNREADABLE` where there is none, or too much of it."""
    try:
        text = to_json(payload[0] if len(payload) == 1 else list(payload)).decode()
    except PydanticSerializationError:
        return UNREADABLE
    return text if len(text) <= MAX_CONTENT_LENGTH else UNREADABLE
