"""Who may ask: the server's key, and the cookie that stands for it in a browser."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterator

COOKIE = "signoff_session"
SESSION_SECONDS = 30 * 24 * 60 * 60
_SESSION = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")
_PURPOSE = b"signoff: sessions of browsers"


class Credentials:
    """What requests are held to.

    Sessions are not stored: a cookie is the time of its end, signed with a key that is made from the server's. So every app
    process knows those of all others, and with another key all of them are over.

    Args:
        api_key: the key that requests must carry; empty for none.
    """

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key.encode()
        self._signing_key = hmac.digest(self._api_key, _PURPOSE, "sha256")

    @property
    def key_needed(self) -> bool:
        """Whether requests must carry a key at all."""
        return bool(self._api_key)

    def is_key(self, text: str) -> bool:
        """Whether it is the server's key; told in a time that says nothing of how much of it is right."""
        return hmac.compare_digest(text.strip().encode("utf-8", "surrogatepass"), self._api_key)

    def actor_of(self, *, authorization: str, cookies: str) -> str | None:
        """Who sent a request with these headers: `local` where no key is needed, else `admin`; None for nobody known."""
        if not self.key_needed:
            return "local"
        scheme, _, key = authorization.partition(" ")
        has_key = scheme.lower() == "bearer" and self.is_key(key)
        return "admin" if has_key or any(map(self._is_session, _values(cookies))) else None

    def new_session(self, *, at: float | None = None) -> str:
        """The cookie of a session that begins now, or at another time (seconds since 1970)."""
        begin = time.time() if at is None else at
        end = str(int(begin) + SESSION_SECONDS)
        return f"{end}.{self._signature(end)}"

    def _is_session(self, value: str) -> bool:
        match = _SESSION.fullmatch(value)
        if match is None or not hmac.compare_digest(match[2], self._signature(match[1])):
            return False
        return time.time() < int(match[1])

    def _signature(self, end: str) -> str:
        return hmac.new(self._signing_key, end.encode(), hashlib.sha256).hexdigest()


def _values(cookies: str) -> Iterator[str]:
    """The values of our cookie in a `Cookie` header, which may hold several where others of its name were set elsewhere."""
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            yield value
