"""Who may ask: the server's key, the cookie that stands for it in a browser, or, without a key, the server's own user."""

from __future__ import annotations

import hashlib
import hmac
import os
import pwd
import re
import time
from collections.abc import Iterator

COOKIE = "signoff_session"
SESSION_SECONDS = 30 * 24 * 60 * 60
_SESSION = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")
_PURPOSE = b"signoff: sessions of browsers"
# Who the record calls so is not a person.
_RESERVED = frozenset({"admin", "local", "signoff", "temporal"})


class Credentials:
    """What requests are held to.

    Sessions are not stored: a cookie is the time of its end, signed with a key that is made from the server's. So every app
    process knows those of all others, and with another key all of them are over.

    Args:
        api_key: the key that requests must carry; empty for none.
        checks_users: whether, without a key, only connections of the user who runs the server count.
    """

    def __init__(self, api_key: str, *, checks_users: bool) -> None:
        self._api_key = api_key.strip().encode()
        self._signing_key = hmac.digest(self._api_key, _PURPOSE, "sha256")
        self.checks_users = checks_users
        self._owner_uid = os.geteuid()
        self.owner = name_of_user(self._owner_uid)

    @property
    def key_needed(self) -> bool:
        """Whether requests must carry a key at all."""
        return bool(self._api_key)

    @property
    def advice(self) -> str:
        """What to tell those who are not let in."""
        if self.key_needed:
            return "Send the server's API key as 'Authorization: Bearer …'."
        return (
            f"This server has no key, so it answers only to programs of the user who runs it ({self.owner}), on the same "
            "machine. To let others in, start it with SIGNOFF_API_KEY; `signoff key` makes a key."
        )

    def is_key(self, text: str) -> bool:
        """Whether it is the server's key; told in a time that says nothing of how much of it is right."""
        return hmac.compare_digest(text.strip().encode("utf-8", "surrogatepass"), self._api_key)

    def actor_of(self, *, authorization: str, cookies: str, peer_uid: int | None) -> str | None:
        """Who sent a request: the server's own user where no key is needed, else `admin`; None for anybody else.

        Args:
            authorization: that header field.
            cookies: the `Cookie` field.
            peer_uid: the user at the other end of the connection; None where that is not known.
        """
        if not self.key_needed:
            return self.owner if not self.checks_users or peer_uid == self._owner_uid else None
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


def name_of_user(uid: int) -> str:
    """The name of a user of this machine, as the record has it; one that stands for something else there gets its number."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
    return f"{name} (uid {uid})" if name in _RESERVED else name


def _values(cookies: str) -> Iterator[str]:
    """The values of our cookie in a `Cookie` header, which may hold several where others of its name were set elsewhere."""
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            yield value
