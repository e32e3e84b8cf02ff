"""Settings that a `signoff.toml` found in the current folder must not make: where keys are sent, and who gets in.

A person who runs a command in somebody else's folder, such as a clone, has probably not read its files. A file that
`SIGNOFF_CONFIG` names is the operator's own choice and may set everything.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from app import hidden_environment
from app.settings.environment import SECRETS_PREFIX, variable_of
from app.settings.file import KeyLines, Keys
from app.settings.location import settings_file
from signoff.schemas.json_value import JsonObject

# Addresses to which keys are sent, the keys themselves, the database, and who may connect.
GUARDED = (
    "url",
    "host",
    "public_url",
    "allowed_hosts",
    "cors_origins",
    "oidc",
    "oidc_client_secret",
    "proxy",
    "data_dir",
    "database_url",
    "temporal_address",
    "temporal_ui_url",
    "api_key",
    "model_base_url",
    "model_api_key",
    "notify",
    "traces",
    "metrics",
)
GUARDED_OF_AGENTS = ("base_url", "api_key_env")
_KEY_SUFFIX = "_API_KEY"
_OTHER_KEYS = frozenset(
    {
        "TEMPORAL_CODEC_AUTH",
        "TEMPORAL_CONFIG_FILE",
        "TEMPORAL_TLS_CLIENT_KEY_DATA",
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    }
)


def complaints_about_found_file(flags: Mapping[str, Any]) -> list[str]:
    """One line for each setting that the file in the current folder must not make while a key comes from elsewhere."""
    if "SIGNOFF_CONFIG" in os.environ:
        return []
    file = settings_file()
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, ValueError):
        # The file does not exist, or loading the settings will report it.
        return []
    key = _key_from_elsewhere(flags, values)
    if key is None:
        return []
    lines = KeyLines(text)
    return [
        f"{file}:{lines.find(keys)}: {'.'.join(keys)}: a file found in the current folder must not set this while {key} is "
        f"set, because the key could be sent to somebody else. If you trust the file, set SIGNOFF_CONFIG={file.absolute()}"
        for keys in _guarded(flags, values)
    ]


def _guarded(flags: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Keys]:
    variables = {name.upper() for name in hidden_environment.variables()}
    for name in GUARDED:
        # A flag or a variable overrides the file, which then has no effect.
        if name in values and name not in flags and variable_of(name) not in variables:
            yield (name,)
    for agent, entry in _agents(values):
        yield from (("agents", agent, name) for name in GUARDED_OF_AGENTS if name in entry)


def _key_from_elsewhere(flags: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    """The flag or variable that supplies a key from outside the file; None if there is none."""
    for name in ("api_key", "model_api_key"):
        if flags.get(name):
            return f"--{name.replace('_', '-')}"
    named = {str(entry["api_key_env"]).upper() for _, entry in _agents(values) if "api_key_env" in entry}
    for variable, value in sorted(hidden_environment.variables().items()):
        name = variable.upper()
        is_key = name.endswith(_KEY_SUFFIX) or name.startswith(SECRETS_PREFIX) or name in _OTHER_KEYS or name in named
        if is_key and value.strip():
            return variable
    return None


def _agents(values: Mapping[str, Any]) -> Iterator[tuple[str, JsonObject]]:
    agents = values.get("agents")
    for name, entry in cast("JsonObject", agents).items() if isinstance(agents, dict) else ():
        if isinstance(entry, dict):
            yield name, cast("JsonObject", entry)
