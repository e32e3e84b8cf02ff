"""The environments of a stack's processes: each gets its settings, and nothing that is meant for another."""

from __future__ import annotations

from collections.abc import Mapping

from app.settings import Settings, settings_file
from app.settings_environment import PREFIX, SECRETS_PREFIX, as_variables

_TEMPORALS = "TEMPORAL_"


def for_temporal(inherited: Mapping[str, str]) -> dict[str, str]:
    """For the dev server: neither our settings and secrets, nor the client's connection to some other server."""
    return _without(inherited, PREFIX, _TEMPORALS)


def for_worker(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the worker: the one that reads the secrets."""
    return _for_client(inherited, settings)


def for_app(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """For the app: as the worker's, without the secrets."""
    return _without(_for_client(inherited, settings), SECRETS_PREFIX)


def _for_client(inherited: Mapping[str, str], settings: Settings) -> dict[str, str]:
    # This process has taken the file; its children would refuse one that sets an address, as all keys are variables to them.
    inherited = {**inherited, "SIGNOFF_CONFIG": str(settings_file().absolute())}
    if settings.temporal_address:
        return inherited | as_variables(settings)
    # TLS and keys in TEMPORAL_… are for another server than our own on loopback, which they would keep us from.
    own = settings.model_copy(update={"temporal_address": settings.effective_temporal_address})
    return _without(inherited, _TEMPORALS) | as_variables(own)


def _without(inherited: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(prefixes)}
