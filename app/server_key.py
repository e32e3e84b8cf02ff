"""Where the app may listen, and what its key has to be: checked before it starts."""

from __future__ import annotations

import secrets

from app.settings import LOOPBACK_HOSTS, Settings

MIN_CHARACTERS = 32
HOW_TO_MAKE_ONE = "make one with: signoff key"


def new_key() -> str:
    """A key that nobody can guess: 43 characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def check_server_key(settings: Settings) -> None:
    """Make sure that nobody gets in without a key, or with one that can be guessed.

    Raises:
        ValueError: the app would listen beyond loopback without a key, or its key cannot be used; says what to do.
    """
    key = settings.api_key.get_secret_value()
    if key and not key.strip():
        raise ValueError(f"SIGNOFF_API_KEY is blank; {HOW_TO_MAKE_ONE}")
    if not key.isascii() or not key.isprintable():
        raise ValueError(
            f"SIGNOFF_API_KEY has characters that a request cannot carry, such as a line break; {HOW_TO_MAKE_ONE}"
        )
    if key and len(key.strip()) < MIN_CHARACTERS:
        counted = f"it needs at least {MIN_CHARACTERS} characters, and has {len(key.strip())}"
        raise ValueError(f"SIGNOFF_API_KEY is too short: {counted}; {HOW_TO_MAKE_ONE}")
    if not key and settings.host not in LOOPBACK_HOSTS:
        raise ValueError(
            f"SIGNOFF_HOST is {settings.host}, which others can reach, so SIGNOFF_API_KEY must be set; {HOW_TO_MAKE_ONE}"
        )
