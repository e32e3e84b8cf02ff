"""Checks before the app starts: the address it may listen on, and the strength of its key."""

from __future__ import annotations

import secrets

from app.settings import LOOPBACK_HOSTS, Settings

MIN_CHARACTERS = 32
HOW_TO_MAKE_ONE = "create one with: signoff key"


def new_key() -> str:
    """A key that nobody can guess: 43 characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def check_server_key(settings: Settings) -> None:
    """Check that nobody can get in without a key or by guessing it.

    Raises:
        ValueError: the app would listen beyond loopback without a key, or its key is not valid. The message says what to do.
    """
    key = settings.api_key.get_secret_value()
    if key and not key.strip():
        raise ValueError(f"SIGNOFF_API_KEY is blank; {HOW_TO_MAKE_ONE}")
    if not key.isascii() or not key.isprintable():
        raise ValueError(
            f"SIGNOFF_API_KEY contains characters that a request cannot carry, such as a line break; {HOW_TO_MAKE_ONE}"
        )
    if key and len(key.strip()) < MIN_CHARACTERS:
        counted = f"it has {len(key.strip())} characters and needs at least {MIN_CHARACTERS}"
        raise ValueError(f"SIGNOFF_API_KEY is too short: {counted}; {HOW_TO_MAKE_ONE}")
    if not key and settings.host not in LOOPBACK_HOSTS:
        raise ValueError(
            f"SIGNOFF_HOST is {settings.host}, which other machines can reach: set SIGNOFF_API_KEY; {HOW_TO_MAKE_ONE}"
        )
