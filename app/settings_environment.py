"""Settings as environment variables: what they are called, and how to hand them on to another process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

from pydantic import AliasChoices, SecretStr

from app.settings import Settings

PREFIX = "SIGNOFF_"
SECRETS_PREFIX = "SIGNOFF_SECRET_"
# Settings that are lists of paths.
PATHS = {"workspace_roots", "task_path", "sandbox_read"}


def as_variables(settings: Settings) -> dict[str, str]:
    """The `SIGNOFF_…` variables that make the same settings in another process."""
    return {variable_of(name): _as_text(name, getattr(settings, name)) for name in settings.model_fields_set}


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return next(str(choice) for choice in alias.choices if str(choice).startswith(PREFIX))
    return f"{PREFIX}{name.upper()}"


def _as_text(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case SecretStr():
            return value.get_secret_value()
        case list():
            return (os.pathsep if name in PATHS else ",").join(map(str, cast("list[Any]", value)))
        case Path() | int() | float():
            return str(value)
        case dict():
            return json.dumps(value, default=lambda entry: entry.model_dump(mode="json"))
        case _:
            return json.dumps(value)
