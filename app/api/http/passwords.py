"""Checks passwords: slowly, with argon2, and without telling whether a name exists."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.api.http.throttle import FailedKeys
from app.domain.errors import TooManyRequests
from app.domain.people import name_key

# Each check takes 64 MiB of memory for some 50 ms.
_AT_ONCE = 4
# From one address for one name. Each of them waits for the one before.
_MAX_WAITING = 3


class Passwords:
    """Hashes and checks passwords, a few at a time.

    Tries for one name from one address are checked one after the other. Wrong ones slow down later ones for the same name, and
    from the same address.
    """

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._by_address = FailedKeys()
        self._by_name = FailedKeys()
        self._waiting = Counter[tuple[str, str]]()
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._room:
            return await asyncio.to_thread(_hasher().hash, password)

    async def matches(self, password: str, stored: str | None, *, name: str, address: str) -> bool:
        """Whether a password is right. `stored` is None if nobody has the name; the answer then takes as long.

        Raises:
            TooManyRequests: several tries for this name from this address are still being checked.
        """
        pair = (name_key(name)[:200], address)
        if self._waiting[pair] >= _MAX_WAITING:
            raise TooManyRequests("Several tries to sign in are still being checked. Wait a moment, then try again.")
        self._waiting[pair] += 1
        turn = self._turns.setdefault(pair, asyncio.Lock())
        try:
            async with turn:
                return await self._check(password, stored, pair[0], address)
        finally:
            self._waiting[pair] -= 1
            if not self._waiting[pair]:
                del self._waiting[pair], self._turns[pair]

    async def _check(self, password: str, stored: str | None, name: str, address: str) -> bool:
        await asyncio.gather(self._by_address.wait(address), self._by_name.wait(name))
        async with self._room:
            is_right = await asyncio.to_thread(_hasher().verify, password, stored or _of_nobody())
        if is_right and stored is not None:
            return True
        self._by_address.note(address)
        self._by_name.note(name)
        return False


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@cache
def _of_nobody() -> str:
    """A hash that costs as much to check as one of a person."""
    return _hasher().hash("nobody has this password")
