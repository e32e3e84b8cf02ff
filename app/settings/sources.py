"""The environment as a source of settings, including what was removed from it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_settings import EnvSettingsSource

from app import hidden_environment


def secrets_from_environment() -> dict[str, str]:
    """This process's `SIGNOFF_SECRET_NAME=value` variables as `{NAME: value}`. Only workers read them; never stored."""
    prefix = "SIGNOFF_SECRET_"
    variables = hidden_environment.variables().items()
    return {name.removeprefix(prefix): value for name, value in variables if name.startswith(prefix) and value}


class Environment(EnvSettingsSource):
    """The environment, including the secrets that were removed from it."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        lowercase = {name.lower(): value for name, value in hidden_environment.variables().items()}
        return lowercase if self.case_sensitive is False else hidden_environment.variables()
