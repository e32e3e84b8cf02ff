"""Has the apps of tests hash passwords at almost no cost. Each hash of the product takes 0.2 s of processor time, on purpose."""

from __future__ import annotations

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.api.http import passwords

# For the test of what it costs.
PRODUCT_HASHER = passwords._hasher
_CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


def hash_passwords_cheaply() -> None:
    """Use the same algorithm with its least cost, until this process ends."""
    passwords._hasher = lambda: _CHEAP
