"""Settings as environment variables: their names, and how to pass them to another process."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pydantic import AliasChoices, BaseModel, SecretStr

from app.domain.notifying import NotifyEntry
from app.settings import Settings

PREFIX = "SIGNOFF_"
SECRETS_PREFIX = "SIGNOFF_SECRET_"
# Settings that are lists of paths.
PATHS = {"workspace_roots", "task_path", "sandbox_read"}
_TEMPORALS = "TEMPORAL_"
# Keys of a collector of traces.
_TRACES = "OTEL_"


def as_variables(settings: Settings) -> dict[str, str]:
    """The `SIGNOFF_…` variables that give another process the same settings."""
    variables = {variable_of(name): _as_text(name, getattr(settings, name)) for name in settings.model_fields_set}
    if settings.notify:
        variables[variable_of("notify")] = json.dumps([_with_secrets(entry) for entry in settings.notify])
    return variables


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return next(str(choice) for choice in alias.choices if str(choice).startswith(PREFIX))
    return f"{PREFIX}{name.upper()}"


def _as_text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case SecretStr():
            return value.get_secret_value()
        case list():
            return (os.pathsep if name in PATHS else ",").join(map(str, cast("list[object]", value)))
        case Path() | int() | float():
            return str(value)
        case _:
            return json.dumps(value, default=_as_json)


def _as_json(value: BaseModel) -> object:
    return value.model_dump(mode="json", by_alias=True)


def _with_secrets(entry: NotifyEntry) -> dict[str, object]:
    values = entry.model_dump(mode="json", exclude_unset=True)
    hidden = {name: getattr(entry, name) for name in ("url", "secret")}
    return values | {name: text.get_secret_value() for name, text in hidden.items() if text is not None}


# Providers whose libraries read variables that do not begin with the provider's name.
_PREFIXES = {
    "alibaba": ("ALIBABA_", "DASHSCOPE_"),
    "bedrock": ("AWS_",),
    "cohere": ("CO_",),
    "gateway": ("PYDANTIC_AI_GATEWAY_", "PAIG_"),
    "google": ("GOOGLE_", "GEMINI_"),
    "grok": ("GROK_", "XAI_"),
    "huggingface": ("HF_",),
}


def wanted_by_worker(settings: Settings) -> Callable[[str], bool]:
    """A predicate for the names of secrets that a worker needs: those of tasks, the database, Temporal and its models."""
    entries = settings.known_agents.values()
    models = [settings.model, settings.small_model, *(entry.model or "" for entry in entries)]
    providers = {re.split("[:-]", model)[0] for model in models if model}
    prefixes = [PREFIX, _TEMPORALS, _TRACES]
    for provider in providers:
        prefixes += _PREFIXES.get(provider, (f"{provider.upper()}_",))
    # The worker only masks DATABASE_PASSWORD.
    named = {"PGPASSWORD", "DATABASE_PASSWORD", *(entry.api_key_env for entry in entries if entry.api_key_env)}
    named |= {name for entry in settings.notify for name in entry.variables}
    unwanted = {variable_of(name) for name in ("api_key", "seal_key", "oidc_client_secret", "url")}
    return lambda name: name not in unwanted and (name in named or name.startswith(tuple(prefixes)))


def wanted_by_app(name: str) -> bool:
    """Whether the app needs the secret with this name: its own keys, and those of the database and Temporal."""
    if name.startswith((SECRETS_PREFIX, variable_of("model_api_key"))):
        return False
    return name == "PGPASSWORD" or name.startswith((PREFIX, _TEMPORALS, _TRACES))
