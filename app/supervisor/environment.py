"""The environments of a stack's processes: each gets its settings, and nothing that is meant for another.

Secrets are among the variables here; how a process gets those without their being seen is up to `child`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from app.hidden_environment import MASKED, split
from app.settings import Settings, settings_file
from app.settings_environment import PREFIX, as_variables, variable_of, wanted_by_app, wanted_by_worker

_TEMPORALS = "TEMPORAL_"


def for_temporal(inherited: Mapping[str, str]) -> dict[str, str]:
    """For the dev server: neither our settings, nor any secret, nor the client's connection to some other server."""
    return _without(split(inherited)[0], PREFIX, _TEMPORALS)


def for_worker(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the worker: the one that reads the secrets of tasks. The app's key it gets only to mask it."""
    variables = _wanted(_for_client(inherited, settings), wanted_by_worker(settings))
    for name in ("api_key", "seal_key"):
        # The app alone seals records; what a task can make of its worker must not include that.
        variables.pop(variable_of(name), None)
    key = settings.api_key.get_secret_value()
    return variables | ({MASKED: json.dumps([key])} if key else {})


def for_app(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the app: no secrets of tasks, and no keys of models."""
    return _wanted(_for_client(inherited, settings), wanted_by_app)


def _for_client(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    # This process has taken the file; its children would refuse one that sets an address, as all keys are variables to them.
    inherited = {**inherited, "SIGNOFF_CONFIG": str(settings_file().absolute())}
    if settings.temporal_address:
        return inherited | as_variables(settings)
    # TLS and keys in TEMPORAL_… are for another server than our own on loopback, which they would keep us from.
    own = settings.model_copy(update={"temporal_address": settings.effective_temporal_address})
    return _without(inherited, _TEMPORALS) | as_variables(own)


def _wanted(variables: Mapping[str, str], wanted: Callable[[str], bool]) -> dict[str, str]:
    """Everything that is no secret, and the secrets that are wanted."""
    plain, hidden = split(variables)
    return plain | {name: value for name, value in hidden.items() if wanted(name)}


def _without(inherited: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(prefixes)}
