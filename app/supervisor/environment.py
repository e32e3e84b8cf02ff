"""The environments of the stack's processes. Each process gets only the settings that it needs.

These environments include secrets; `child` passes them to the process without exposing them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from app.hidden_environment import MASKED, split
from app.settings import Settings
from app.settings.environment import PREFIX, as_variables, variable_of, wanted_by_app, wanted_by_worker
from app.settings.location import settings_file

_TEMPORALS = "TEMPORAL_"


def for_temporal(inherited: Mapping[str, str]) -> dict[str, str]:
    """The dev server's environment, without Signoff's settings, secrets, or settings for another Temporal server."""
    return _without(split(inherited)[0], PREFIX, _TEMPORALS)


def for_worker(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The worker's environment. Only the worker gets the secrets of tasks; it gets the app's key only to mask it."""
    variables = _wanted(_for_client(inherited, settings), wanted_by_worker(settings))
    for name in ("api_key", "seal_key", "oidc_client_secret"):
        # Only the app seals records: a task that takes over its worker must not be able to.
        variables.pop(variable_of(name), None)
    key = settings.api_key.get_secret_value()
    return variables | ({MASKED: json.dumps([key])} if key else {})


def for_another_worker(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The environment of a worker that a worker starts. It masks what that one masks, whose settings have no keys any more."""
    return for_worker(inherited, settings) | {name: inherited[name] for name in {MASKED} & inherited.keys()}


def for_app(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The app's environment, without the secrets of tasks and the keys of models."""
    return _wanted(_for_client(inherited, settings), wanted_by_app)


def _for_client(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    # This process has accepted the file. Its children get all keys as variables and would otherwise refuse a file that sets an
    # address.
    inherited = {**inherited, "SIGNOFF_CONFIG": str(settings_file().absolute())}
    if settings.temporal_address:
        return inherited | as_variables(settings)
    # TLS settings and keys in TEMPORAL_… are for another server. They would prevent a connection to our own on loopback.
    own = settings.model_copy(update={"temporal_address": settings.effective_temporal_address})
    return _without(inherited, _TEMPORALS) | as_variables(own)


def _wanted(variables: Mapping[str, str], wanted: Callable[[str], bool]) -> dict[str, str]:
    """All variables except the secrets that `wanted` rejects."""
    plain, hidden = split(variables)
    return plain | {name: value for name, value in hidden.items() if wanted(name)}


def _without(inherited: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(prefixes)}
