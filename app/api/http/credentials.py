"""Authentication by the server's API key or a browser's session cookie. Without a key, only the server's own user is let in."""

from __future__ import annotations

import hmac
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from app.api.http.throttle import FailedKeys
from app.database.database import Database
from app.domain.errors import Unauthorized
from app.serving.peer import Peer
from app.storage import sessions

logger = structlog.get_logger(__name__)
COOKIE = "signoff_session"
SESSION_SECONDS = int(sessions.LASTS.total_seconds())
ADMIN = "admin"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
# A browser sends one session cookie, but other sites may have set cookies with the same name.
_MAX_TOKENS = 5
_PURPOSE = b"signoff: sessions of browsers"
# Names that stand for something other than a user in the record.
_RESERVED = frozenset({ADMIN, "local", "signoff", "temporal"})


@dataclass(frozen=True)
class Sender:
    """The sender of a request; `session_id` is the browser session, if any."""

    actor: str
    session_id: str | None = None


class Credentials:
    """Authenticates requests.

    Args:
        api_key: the key that requests must carry; empty if none is needed.
        database: stores the sessions.
        checks_users: whether a server without a key accepts only connections from the user who runs it.
    """

    def __init__(self, api_key: str, database: Database, *, checks_users: bool) -> None:
        self._api_key = api_key.strip().encode()
        # Identifies the key for which a session was created, without revealing anything about the key.
        self._key_hash = hmac.new(self._api_key, _PURPOSE, "sha256").hexdigest()
        self._database = database
        self._failed = FailedKeys()
        self.checks_users = checks_users
        self._owner_uid = os.geteuid()
        self.owner = name_of_user(self._owner_uid)

    @property
    def key_needed(self) -> bool:
        """Whether requests must carry a key."""
        return bool(self._api_key)

    @property
    def advice(self) -> str:
        """The message for senders who are not let in."""
        if self.key_needed:
            return (
                "This server needs an API key. Set SIGNOFF_API_KEY or use --api-key; HTTP clients send "
                "'Authorization: Bearer …'."
            )
        return (
            f"This server has no API key, so it accepts only programs that the user who runs it ({self.owner}) starts on the "
            "same machine. To let others in, start it with SIGNOFF_API_KEY; `signoff key` creates a key."
        )

    async def is_key(self, text: str, *, address: str) -> bool:
        """Whether `text` is the server's key. A wrong key is logged, and slows down later keys from the same address."""
        # A constant-time comparison: its duration does not reveal how much of the key is right.
        is_right = hmac.compare_digest(text.strip().encode("utf-8", "surrogatepass"), self._api_key)
        await self._failed.wait(address)
        if not is_right:
            logger.warning("failed sign-in", address=address, failures=self._failed.note(address))
        return is_right

    async def sender_of(
        self, *, authorization: str, cookies: str, peer: Peer | None, from_task: bool, address: str
    ) -> Sender | None:
        """The sender of a request: the server's own user if no key is needed, else `admin`; None if not authenticated.

        Args:
            authorization: the `Authorization` header field.
            cookies: the `Cookie` header field.
            peer: the other end of the connection; None if nothing is known about it.
            from_task: whether the request's own header says that a task sent it.
            address: the address that the request comes from.

        Raises:
            Unauthorized: no key is needed, and a task of the server's own user sent the request.
            Unavailable: the request has a session cookie, and the database does not answer.
        """
        if not self.key_needed:
            return Sender(self.owner) if await self._is_owner(peer, from_task=from_task) else None
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and key.strip() and await self.is_key(key, address=address):
            return Sender(ADMIN)
        tokens = [value for value in _values(cookies) if _TOKEN.fullmatch(value)][:_MAX_TOKENS]
        if not tokens:
            return None
        session = await self._database.read(lambda conn: sessions.find(conn, self._key_hash, tokens))
        return Sender(session.actor, session.id) if session else None

    async def _is_owner(self, peer: Peer | None, *, from_task: bool) -> bool:
        """Whether the server's own user is at the other end, or this system cannot identify users.

        Raises:
            Unauthorized: the other end is, or may be, a task of that user.
        """
        knows_peers = self.checks_users
        if knows_peers and (peer is None or await peer.uid() != self._owner_uid):
            return False
        if from_task or (knows_peers and peer is not None and await peer.is_of_task()):
            raise Unauthorized(
                f"This connection comes, or may come, from a task, and a task cannot act as {self.owner}. To allow it, start the "
                "server with SIGNOFF_API_KEY (`signoff key` creates a key) and give the key to the task as a secret "
                "(SIGNOFF_SECRET_…)."
            )
        return True

    async def begin_session(self, *, address: str, user_agent: str) -> str:
        """Begin a session and return its cookie."""
        return await self._database.transact(
            lambda conn: sessions.begin(conn, self._key_hash, actor=ADMIN, address=address, user_agent=user_agent)
        )

    async def session_lives(self, session_id: str) -> bool:
        """Whether a session has neither expired nor been revoked."""
        return await self._database.read(lambda conn: sessions.lives(conn, self._key_hash, session_id))

    async def list_sessions(self) -> list[sessions.SessionRow]:
        """All sessions that have not ended, newest first."""
        return await self._database.read(lambda conn: sessions.list_all(conn, self._key_hash))

    async def revoke_session(self, session_id: str) -> bool:
        """End a session now, in every app process. Return whether it existed."""
        return await self._database.transact(lambda conn: sessions.revoke(conn, self._key_hash, session_id))


def name_of_user(uid: int) -> str:
    """The name of a user of this machine for the record. The uid is added if the record uses the name for something else."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
    return f"{name} (uid {uid})" if name in _RESERVED else name


def _values(cookies: str) -> Iterator[str]:
    """All values of our cookie in a `Cookie` header; other sites may have set cookies with the same name."""
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            yield value
