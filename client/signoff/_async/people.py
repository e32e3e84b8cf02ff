"""The methods of `client.people` and `client.keys`. Only administrators may use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack
from urllib.parse import quote

from signoff._async.transport import AsyncTransport
from signoff._requests import Request, get
from signoff.fields import PersonFields, RoleFields
from signoff.schemas.people import NewServiceKey, Person, PersonList, ServiceKey, ServiceKeyList


class AsyncPeople:
    """The people who may sign in."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> PersonList:
        """List all people, by name."""
        return await self._transport.call(get("/api/people"), PersonList)

    async def add(self, **fields: Unpack[PersonFields]) -> Person:
        """Add a person. `name` and `roles` are required; without `password`, the person cannot sign in yet."""
        return await self._transport.call(Request("POST", "/api/people", body=fields), Person)

    async def change(self, person_id: str, **fields: Unpack[PersonFields]) -> Person:
        """Change a person. Fields that are omitted keep their values. A new password ends the person's sessions."""
        return await self._transport.call(
            Request("PUT", f"/api/people/{quote(person_id, safe='')}", body=fields), Person
        )


class AsyncKeys:
    """The keys of programs."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> ServiceKeyList:
        """List all keys, by name. Their texts are stored nowhere."""
        return await self._transport.call(get("/api/keys"), ServiceKeyList)

    async def add(self, name: str, roles: Sequence[RoleFields], *, days: float | None = 90) -> NewServiceKey:
        """Add a key. The answer has its text, which is never shown again.

        Args:
            name: the name that the record shows.
            roles: such as `[{"role": "author", "labels": ["payments"]}]`; without labels, for all projects.
            days: when it expires; None for never.
        """
        body = {"name": name, "roles": [*roles], "days": days}
        return await self._transport.call(Request("POST", "/api/keys", body=body), NewServiceKey)

    async def rotate(self, key_id: str, *, days: float | None = 90) -> NewServiceKey:
        """Replace the text of a key. The earlier one is no longer valid."""
        path = f"/api/keys/{quote(key_id, safe='')}/rotate"
        return await self._transport.call(Request("POST", path, body={"days": days}), NewServiceKey)

    async def revoke(self, key_id: str) -> ServiceKey:
        """Revoke a key for ever."""
        return await self._transport.call(Request("DELETE", f"/api/keys/{quote(key_id, safe='')}"), ServiceKey)
