"""Where settings come from: the settings file, and the environment, including what was removed from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic_settings import EnvSettingsSource

from app import hidden_environment


def settings_file() -> Path:
    """The path of the settings file, which may not exist."""
    return Path(os.environ.get("SIGNOFF_CONFIG", "signoff.toml"))


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
