"""Who sends a request: whoever a key or a session cookie stands for, or the user who runs the server.

Without the server's key in its settings, that user needs nothing on the same machine. Nobody else is let in without a key or a
session of their own.
"""

from __future__ import annotations

import hmac
import os
import pwd
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection

from app.api.http.passwords import Passwords
from app.api.http.provided import ProvidedPeople
from app.api.http.throttle import FailedKeys
from app.database.database import Database
from app.domain.errors import Unauthorized
from app.domain.people import ALL, Caller
from app.domain.sender import LOCAL_ID, SERVER_KEY_ID
from app.domain.sign_in import Claims, ProxyEntry
from app.serving.peer import Peer
from app.storage import identities, sessions, signing_links
from app.storage.identities import KEY_PATTERN, Known
from app.storage.signing_links import LINK_PATTERN, SigningLink
from signoff.vocabulary import Scope, Via

if TYPE_CHECKING:
    # Its library takes a third of a second to import, and most servers need none of it.
    from app.api.http.openid import OpenId

logger = structlog.get_logger(__name__)
COOKIE = "signoff_session"
SESSION_SECONDS = int(sessions.LASTS.total_seconds())
ADMIN = "admin"
_TOKEN = re.compile(rf"({re.escape(sessions.PERSON)})?[A-Za-z0-9_-]{{43}}")
# A browser sends one session cookie, but other sites may have set cookies with the same name.
_MAX_TOKENS = 5
_PURPOSE = b"signoff: sessions of browsers"
# Names that stand for something other than a user in the record.
_RESERVED = frozenset({ADMIN, "local", "signoff", "temporal"})


class Credentials:
    """Authenticates requests.

    Args:
        api_key: the key that requests must carry; empty if none is needed.
        database: stores the sessions.
        checks_users: whether a server without a key accepts only connections from the user who runs it.
        openid: the identity provider, if there is one.
        proxy: the reverse proxy that names people, if there is one.
    """

    def __init__(
        self,
        api_key: str,
        database: Database,
        *,
        checks_users: bool,
        openid: OpenId | None = None,
        proxy: ProxyEntry | None = None,
    ) -> None:
        self._api_key = api_key.strip().encode()
        # Identifies the key for which a session was created, without revealing anything about the key.
        self._key_hash = hmac.new(self._api_key, _PURPOSE, "sha256").hexdigest()
        self._database = database
        self._failed = FailedKeys()
        self.passwords = Passwords()
        self.openid = openid
        self._provided = ProvidedPeople(database, openid.entry if openid is not None else None, proxy)
        self.checks_users = checks_users
        self._owner_uid = os.geteuid()
        self.owner = name_of_user(self._owner_uid)

    @property
    def key_needed(self) -> bool:
        """Whether requests must carry a key."""
        return bool(self._api_key)

    @property
    def proxy_fields(self) -> frozenset[str]:
        """The header fields in which a proxy names people, in lower case."""
        return self._provided.fields

    @property
    def advice(self) -> str:
        """The message for senders who are not let in."""
        if self.key_needed:
            return (
                "This server needs an API key. Set SIGNOFF_API_KEY or use --api-key; HTTP clients send "
                "'Authorization: Bearer …'. With a browser, sign in."
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

    async def caller_of(
        self, headers: Mapping[str, str], *, peer: Peer | None, from_task: bool, address: str
    ) -> Caller | None:
        """The sender of a request: whoever the key, the proxy or the cookie names, else the server's own user. None if unknown.

        Args:
            headers: the header fields, with names in lower case.
            peer: the other end of the connection; None if nothing is known about it.
            from_task: whether the request's own header says that a task sent it.
            address: the address that the request comes from.

        Raises:
            Unauthorized: `key_ended` or `session_ended`: the key or the session of a person is no longer valid. Also if no key
                is needed, and a task of the server's own user sent the request; or somebody other than the proxy names a person.
            Forbidden: the person whom the proxy names has no role, or is disabled.
            Unavailable: the request has a key or a session cookie, and the database does not answer.
        """
        scheme, _, key = headers.get("authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else ""
        if KEY_PATTERN.fullmatch(key) or LINK_PATTERN.fullmatch(key):
            # Not tried as the server's key first: each try that is wrong slows down the next.
            return await (self._of_link if LINK_PATTERN.fullmatch(key) else self._of_key)(key, address)
        if self.key_needed and key and await self.is_key(key, address=address):
            return Caller(ADMIN, SERVER_KEY_ID, Via.KEY, address, access=ALL)
        provided = await self._provided.caller_of(headers, address)
        if provided is not None:
            return provided
        tokens = [value for value in _values(headers.get("cookie", "")) if _TOKEN.fullmatch(value)][:_MAX_TOKENS]
        caller = await self.of_session(tokens, address) if tokens else None
        if caller is not None:
            return caller
        if any(token.startswith(sessions.PERSON) for token in tokens):
            # Never somebody else instead: the page shows whom the session was of.
            raise Unauthorized("Your session has ended. Sign in again.", code="session_ended")
        # What a proxy on this machine sends comes from somebody else, even if the server's own user runs the proxy.
        if self.key_needed or self._provided.trusts(address) or not await self._is_owner(peer, from_task=from_task):
            return None
        return Caller(self.owner, LOCAL_ID, Via.LOOPBACK, address, access=ALL)

    async def _of_key(self, key: str, address: str) -> Caller:
        found = await self._database.read(lambda conn: identities.find_key(conn, key))
        if found is None or found.credential is None:
            await self._failed.wait(address)
            logger.warning("key that is not valid", address=address, failures=self._failed.note(address))
            message = "This key is not valid: it has expired, was revoked or was replaced. Ask for a new one."
            raise Unauthorized(message, code="key_ended")
        credential = found.credential
        if identities.use_is_due(credential):
            await self._database.transact(lambda conn: identities.note_use(conn, credential))
        return Caller(found.identity.name, found.identity.id, Via.KEY, address, access=found.identity.access)

    async def _of_link(self, text: str, address: str) -> Caller:
        def work(conn: Connection) -> tuple[SigningLink | None, Known | None]:
            link = signing_links.find(conn, text)
            return link, identities.find(conn, link.identity_id) if link is not None else None

        link, person = await self._database.read(work)
        if link is None or person is None:
            await self._failed.wait(address)
            logger.warning("link that is not valid", address=address, failures=self._failed.note(address))
            raise Unauthorized("This link is not valid. Ask whoever sent it for a new one.", code="link_not_valid")
        # Whether it was used or has expired is for its one page to tell.
        named = person.identity
        return Caller(named.name, named.id, Via.LINK, address, link_id=link.id)

    async def of_session(self, tokens: list[str], address: str) -> Caller | None:
        """Whom the session with one of these cookies stands for; None if it has ended."""

        def work(conn: Connection) -> Caller | None:
            session = sessions.find(conn, self._key_hash, tokens)
            if session is None:
                return None
            if session.identity_id is None:
                return Caller(session.actor, SERVER_KEY_ID, Via.SESSION, address, session.id, ALL)
            person = identities.find(conn, session.identity_id)
            if person is None:
                return None
            named = person.identity
            return Caller(named.name, named.id, Via.SESSION, address, session.id, named.access)

        return await self._database.read(work)

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

    async def sign_in(self, name: str, password: str, *, address: str, user_agent: str) -> str:
        """Begin a session of a person, and return its cookie.

        Raises:
            Unauthorized: nobody who may sign in has this name and this password.
            TooManyRequests: several tries are still being checked.
        """
        found = await self._database.read(lambda conn: identities.find_person(conn, name))
        credential = found.credential if found is not None else None
        stored = credential.hash if credential is not None else None
        is_right = await self.passwords.matches(password, stored, name=name, address=address)
        if not is_right or found is None or credential is None:
            logger.warning("failed sign-in of a person", address=address)
            raise Unauthorized("The name or the password is not right.", code="wrong_password")
        person = found.identity
        return await self._database.transact(
            lambda conn: sessions.begin(
                conn, credential.id, actor=person.name, address=address, user_agent=user_agent, identity_id=person.id
            )
        )

    async def sign_in_provided(self, claims: Claims, *, address: str, user_agent: str) -> str:
        """Begin a session of a person whom the identity provider names, and return its cookie.

        Raises:
            Forbidden: `no_role` or `person_disabled`.
        """
        known = await self._provided.of_openid(claims)
        person, credential = known.identity, known.credential
        assert credential is not None  # noqa: S101 - for the type checker: found by what the provider calls the person
        lasts = timedelta(hours=self.openid.entry.session_hours) if self.openid is not None else sessions.LASTS
        return await self._database.transact(
            lambda conn: sessions.begin(
                conn,
                credential.id,
                actor=person.name,
                address=address,
                user_agent=user_agent,
                identity_id=person.id,
                lasts=lasts,
            )
        )

    async def begin_session(self, *, address: str, user_agent: str) -> str:
        """Begin a session that stands for the server's key, and return its cookie."""
        return await self._database.transact(
            lambda conn: sessions.begin(conn, self._key_hash, actor=ADMIN, address=address, user_agent=user_agent)
        )

    async def have_people(self) -> bool:
        """Whether somebody can sign in with a password."""
        return await self._database.read(identities.have_people)

    async def is_current(self, caller: Caller) -> bool:
        """Whether a sender may still do what they could: neither session nor key has ended, and the roles are the same."""
        if caller.actor_id in {LOCAL_ID, SERVER_KEY_ID} and caller.session_id is None:
            return True

        def work(conn: Connection) -> bool:
            if caller.session_id is not None and not sessions.lives(conn, self._key_hash, caller.session_id):
                return False
            if caller.actor_id == SERVER_KEY_ID:
                return True
            found = identities.find(conn, str(caller.actor_id))
            ended = found is None or (found.credential is not None and found.credential.has_expired())
            return found is not None and not ended and found.identity.access == caller.access

        return await self._database.read(work)

    async def list_sessions(self, caller: Caller) -> list[sessions.SessionRow]:
        """The sessions that have not ended, newest first: all of them for an administrator, else the sender's own."""
        return await self._database.read(lambda conn: sessions.list_all(conn, self._key_hash, of=_own(caller)))

    async def revoke_session(self, session_id: str, caller: Caller) -> bool:
        """End a session now, in every app process. Return whether the sender has such a session, or is an administrator."""
        return await self._database.transact(
            lambda conn: sessions.revoke(conn, self._key_hash, session_id, of=_own(caller))
        )


def _own(caller: Caller) -> str | None:
    """Whose sessions a sender may see and end; None for everybody's."""
    return None if caller.access.holds(Scope.ADMIN) else caller.actor_id


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
