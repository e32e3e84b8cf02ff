"""Values of settings that logs must not show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from app import hidden_environment
from app.settings import Settings

# A shorter password, such as the word `signoff`, would also be masked where it occurs by chance.
_MIN_MASKED = 8


def masked_values(settings: Settings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values that logs must not show, in addition to the secrets of tasks: keys and the database password."""
    url = urlsplit(settings.database_url)
    password = url.password or ""
    told = [entry.url or entry.secret for entry in settings.notify]
    names = {name for entry in settings.notify for name in entry.variables}
    names |= {"DATABASE_PASSWORD", *(agent.api_key_env for agent in settings.agents.values() if agent.api_key_env)}
    values = [
        settings.api_key.get_secret_value(),
        settings.model_api_key.get_secret_value(),
        *(text.get_secret_value() for text in told if text is not None),
        password,
        unquote(password),
        *(environment.get(name, "") for name in sorted(names)),
        *json.loads(environment.get(hidden_environment.MASKED, "[]")),
    ]
    return tuple(dict.fromkeys(value for value in values if len(value.strip()) >= _MIN_MASKED))
