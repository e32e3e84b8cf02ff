"""People whom somebody else has signed in: an identity provider, or a reverse proxy in front of the app."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from app.database.database import Database
from app.domain.errors import Forbidden, Unauthorized
from app.domain.people import Caller, Grant
from app.domain.sender import Sender
from app.domain.sign_in import Claims, OidcEntry, ProxyEntry
from app.storage import identities, provided_people
from app.storage.identities import Known
from signoff.vocabulary import Via

# How long the same header fields are not compared with the stored person again. What an administrator changes takes effect at
# once, except for roles that groups give: those are restored after this time.
SEEN_SECONDS = 60.0
_MAX_SEEN = 10_000
_BY = Sender("signoff")


class ProvidedPeople:
    """Finds or adds the people whom others name.

    Args:
        database: stores the people.
        openid: the identity provider of the settings.
        proxy: the reverse proxy of the settings.
    """

    def __init__(self, database: Database, openid: OidcEntry | None, proxy: ProxyEntry | None) -> None:
        self._database = database
        self._openid = openid
        self._proxy = proxy
        self._seen: dict[Claims, float] = {}

    @property
    def fields(self) -> frozenset[str]:
        """The header fields in which the proxy names a person. A request must not have one of them twice."""
        proxy = self._proxy
        names = (proxy.user, proxy.name, proxy.email, proxy.groups_field) if proxy is not None else ()
        return frozenset(name for name in names if name)

    def trusts(self, address: str) -> bool:
        """Whether requests from this address come through the proxy."""
        return self._proxy is not None and self._proxy.trusts(address)

    async def of_openid(self, claims: Claims) -> Known:
        """The person whom the identity provider names.

        Raises:
            Forbidden: `no_role` or `person_disabled`.
        """
        entry = self._openid
        if entry is None:
            raise RuntimeError("there is no identity provider")
        return _admitted(await self._stored(claims, entry.grants_of(claims.groups), entry.first_grants))

    async def caller_of(self, headers: Mapping[str, str], address: str) -> Caller | None:
        """The person whom the proxy names; None if it names nobody, or there is no proxy.

        Raises:
            Unauthorized: `untrusted_proxy`: somebody other than the proxy names a person.
            Forbidden: `no_role` or `person_disabled`.
        """
        proxy = self._proxy
        claims = proxy.person_in(headers) if proxy is not None else None
        if proxy is None or claims is None:
            return None
        if not proxy.trusts(address):
            message = (
                f"The header field {proxy.user} may come only from the proxy, and {address} is not one of its addresses. "
                "Connect through the proxy, or add the address to [proxy] in the settings file."
            )
            raise Unauthorized(message, code="untrusted_proxy")
        grants = proxy.grants_of(claims.groups)
        known = await self._database.read(lambda conn: identities.find_by_provider(conn, claims.proof))
        if known is None or self._is_news(claims):
            known = await self._stored(claims, grants, proxy.first_grants)
        identity = _admitted(known).identity
        return Caller(identity.name, identity.id, Via.PROXY, address, access=identity.access)

    async def _stored(self, claims: Claims, grants: Sequence[Grant] | None, first_grants: Sequence[Grant]) -> Known:
        return await self._database.transact(
            lambda conn: provided_people.person_of(conn, claims, grants=grants, first_grants=first_grants, by=_BY)
        )

    def _is_news(self, claims: Claims) -> bool:
        now = time.monotonic()
        seen = self._seen.get(claims)
        if seen is not None and now - seen < SEEN_SECONDS:
            return False
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen[claims] = now
        return True


def _admitted(known: Known) -> Known:
    identity = known.identity
    if identity.disabled_at is not None:
        message = f"An administrator has disabled {identity.name}. Ask them to enable you again."
        raise Forbidden(message, code="person_disabled")
    if not identity.access.grants:
        message = f"You are signed in as {identity.name}, but you have no role yet. Ask an administrator for one."
        raise Forbidden(message, code="no_role")
    return known
