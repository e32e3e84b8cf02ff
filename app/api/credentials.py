"""Who may ask: the server's key, the cookie that stands for it in a browser, or, without a key, the server's own user."""

from __future__ import annotations

import hmac
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from app.api.throttle import FailedKeys
from app.domain.errors import Unauthorized
from app.serving.peer import Peer
from app.storage import sessions
from app.storage.database import Database

logger = structlog.get_logger(__name__)
COOKIE = "signoff_session"
SESSION_SECONDS = int(sessions.LASTS.total_seconds())
ADMIN = "admin"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
# A browser sends one; cookies of our name that others have set may stand beside it.
_MAX_TOKENS = 5
_PURPOSE = b"signoff: sessions of browsers"
# Who the record calls so is not a person.
_RESERVED = frozenset({ADMIN, "local", "signoff", "temporal"})


@dataclass(frozen=True)
class Sender:
    """Who sent a request; `session_id` is the session that it was sent in, if any."""

    actor: str
    session_id: str | None = None


class Credentials:
    """What requests are held to.

    Args:
        api_key: the key that requests must carry; empty for none.
        database: where sessions are kept.
        checks_users: whether, without a key, only connections of the user who runs the server count.
    """

    def __init__(self, api_key: str, database: Database, *, checks_users: bool) -> None:
        self._api_key = api_key.strip().encode()
        # Says which key a session was made for, and nothing of the key.
        self._key_hash = hmac.new(self._api_key, _PURPOSE, "sha256").hexdigest()
        self._database = database
        self._failed = FailedKeys()
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

    async def is_key(self, text: str, *, address: str) -> bool:
        """Whether it is the server's key. Wrong ones are logged, and slow down what comes from their address."""
        # Compared in a time that says nothing of how much of it is right.
        is_right = hmac.compare_digest(text.strip().encode("utf-8", "surrogatepass"), self._api_key)
        await self._failed.wait(address)
        if not is_right:
            logger.warning("failed sign-in", address=address, failures=self._failed.note(address))
        return is_right

    async def sender_of(
        self, *, authorization: str, cookies: str, peer: Peer | None, from_task: bool, address: str
    ) -> Sender | None:  # fmt: skip
        """Who sent a request: the server's own user where no key is needed, else `admin`; None for anybody else.

        Args:
            authorization: that header field.
            cookies: the `Cookie` field.
            peer: the other end of the connection; None where nothing is known of it.
            from_task: whether the request says itself that a task sends it.
            address: where the request comes from.

        Raises:
            Unauthorized: no key is needed, and a task of the server's own user sent it.
            Unavailable: there is a session's cookie, and the database cannot be asked.
        """
        if not self.key_needed:
            return Sender(self.owner) if await self._is_owner(peer, from_task=from_task) else None
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and key.strip() and await self.is_key(key, address=address):
            return Sender(ADMIN)
        tokens = [value for value in _values(cookies) if _TOKEN.fullmatch(value)][:_MAX_TOKENS]
        if not tokens:
            return None
        found = await self._database.read(lambda conn: sessions.find(conn, self._key_hash, tokens))
        return Sender(found.actor, found.id) if found else None

    async def _is_owner(self, peer: Peer | None, *, from_task: bool) -> bool:
        """Whether the server's own user is at the other end, or nothing can be known on this system.

        Raises:
            Unauthorized: a task of that user is, or may be.
        """
        knows_peers = self.checks_users
        if knows_peers and (peer is None or await peer.uid() != self._owner_uid):
            return False
        if from_task or (knows_peers and peer is not None and await peer.is_of_task()):
            raise Unauthorized(
                f"This connection comes from a task, or cannot be told from one, and a task cannot act as {self.owner}. "
                "To let programs in on purpose, start the server with SIGNOFF_API_KEY (`signoff key` makes a key), and give "
                "the key to a task as a secret (SIGNOFF_SECRET_…)."
            )
        return True

    async def begin_session(self, *, address: str, user_agent: str) -> str:
        """The cookie of a session that begins now."""
        return await self._database.transact(
            lambda conn: sessions.begin(conn, self._key_hash, actor=ADMIN, address=address, user_agent=user_agent)
        )

    async def session_lives(self, session_id: str) -> bool:
        """Whether a session has neither ended nor been revoked."""
        return await self._database.read(lambda conn: sessions.lives(conn, self._key_hash, session_id))

    async def list_sessions(self) -> list[sessions.SessionRow]:
        """Every session that has not ended, newest first."""
        return await self._database.read(lambda conn: sessions.list_all(conn, self._key_hash))

    async def revoke_session(self, session_id: str) -> bool:
        """End a session now, in every app process; whether there was one."""
        return await self._database.transact(lambda conn: sessions.revoke(conn, self._key_hash, session_id))


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
