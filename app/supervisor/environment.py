"""The environments of a stack's processes: each gets its settings, and nothing that is meant for another."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr

from app.settings import Settings

_OURS = "SIGNOFF_"
_SECRETS = "SIGNOFF_SECRET_"
_TEMPORALS = "TEMPORAL_"


def for_temporal(inherited: Mapping[str, str]) -> dict[str, str]:
    """For the dev server: neither our settings and secrets, nor the client's connection to some other server."""
    return _without(inherited, _OURS, _TEMPORALS)


def for_worker(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the worker: the one that reads the secrets."""
    return _for_client(inherited, settings)


def for_app(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the app: as the worker's, without the secrets."""
    return _without(_for_client(inherited, settings), _SECRETS)


def _for_client(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    if settings.temporal_address:
        return dict(inherited) | as_variables(settings)
    # TLS and keys in TEMPORAL_… are for another server than our own on loopback, which they would keep us from.
    own = settings.model_copy(
        update={
            "temporal_address": settings.effective_temporal_address,
            "temporal_ui_url": settings.effective_temporal_ui_url,
        }
    )
    return _without(inherited, _TEMPORALS) | as_variables(own)


def as_variables(settings: Settings) -> dict[str, str]:
    """The `SIGNOFF_…` variables that make the same settings in another process."""
    defaults = Settings.model_fields
    return {
        variable_of(name): _as_text(name, getattr(settings, name))
        for name in settings.model_fields_set
        if name in defaults
    }


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return next(str(choice) for choice in alias.choices if str(choice).startswith(_OURS))
    return f"{_OURS}{name.upper()}"


def _as_text(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case SecretStr():
            return value.get_secret_value()
        case list():
            items: list[Any] = value
            return (os.pathsep if name == "workspace_roots" else ",").join(str(item) for item in items)
        case Path() | int() | float():
            return str(value)
        case _:
            return json.dumps(value)


def _without(inherited: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(prefixes)}
