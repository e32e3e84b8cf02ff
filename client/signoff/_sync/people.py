# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The methods of `client.people` and `client.keys`, which only administrators may use, and of `client.signing_links`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack
from urllib.parse import quote

from signoff import schemas
from signoff._requests import Request, get, post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signoff._sync.transport import Transport
    from signoff.fields import AskFields, KeyFields, PersonFields, RoleFields, SigningLinkFields
    from signoff.schemas.people import NewServiceKey, Person, PersonList, ServiceKey, ServiceKeyList
    from signoff.schemas.signing_links import NewSigningLink, SigningLink, SigningLinkList


class People:
    """The people who may sign in."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> PersonList:
        """List all people, by name."""
        return self._transport.call(get("/api/people"), schemas.people.PersonList)

    def add(self, **fields: Unpack[PersonFields]) -> Person:
        """Add a person. `name` and `roles` are required; without `password`, the person cannot sign in yet."""
        return self._transport.call(post("/api/people", fields), schemas.people.Person)

    def change(self, person_id: str, **fields: Unpack[PersonFields]) -> Person:
        """Change a person. Fields that are omitted keep their values. A new password ends the person's sessions."""
        return self._transport.call(
            Request("PUT", f"/api/people/{quote(person_id, safe='')}", body=fields), schemas.people.Person
        )


class Keys:
    """The keys of programs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> ServiceKeyList:
        """List all keys, by name. Their texts are stored nowhere."""
        return self._transport.call(get("/api/keys"), schemas.people.ServiceKeyList)

    def add(self, name: str, roles: Sequence[RoleFields], *, days: float | None = 90) -> NewServiceKey:
        """Add a key. The answer has its text, which is never shown again.

        Args:
            name: the name that the record shows.
            roles: such as `[{"role": "author", "labels": ["payments"]}]`; without labels, for all projects.
            days: when it expires; None for never.
        """
        body = {"name": name, "roles": [*roles], "days": days}
        return self._transport.call(post("/api/keys", body), schemas.people.NewServiceKey)

    def change(self, key_id: str, **fields: Unpack[KeyFields]) -> ServiceKey:
        """Change a key. Fields that are omitted keep their values, and so does its text. It cannot get another role."""
        return self._transport.call(
            Request("PUT", f"/api/keys/{quote(key_id, safe='')}", body=fields), schemas.people.ServiceKey
        )

    def rotate(self, key_id: str, *, days: float | None = 90) -> NewServiceKey:
        """Replace the text of a key. The earlier one is no longer valid."""
        path = f"/api/keys/{quote(key_id, safe='')}/rotate"
        return self._transport.call(post(path, {"days": days}), schemas.people.NewServiceKey)

    def revoke(self, key_id: str) -> ServiceKey:
        """Revoke a key permanently."""
        return self._transport.call(Request("DELETE", f"/api/keys/{quote(key_id, safe='')}"), schemas.people.ServiceKey)


class SigningLinks:
    """Links that let one person sign what waits in a project, without signing in. Only approvers may use them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, project_id: str) -> SigningLinkList:
        """List all links of a project, newest first."""
        return self._transport.call(get(_links(project_id)), schemas.signing_links.SigningLinkList)

    def add(self, project_id: str, **fields: Unpack[SigningLinkFields]) -> NewSigningLink:
        """Make a link for `person` (an id, name or e-mail address), or for somebody new with `name` and perhaps `email`.

        The answer has its `url`, which is never shown again.
        """
        return self._transport.call(post(_links(project_id), fields), schemas.signing_links.NewSigningLink)

    def ask(self, project_id: str, **fields: Unpack[AskFields]) -> SigningLink:
        """Have the server mail a link to `person` (an id, name or e-mail address), or to somebody new with `name` and `email`.

        Nobody but its reader sees the link.
        """
        return self._transport.call(post(f"{_links(project_id)}/ask", fields), schemas.signing_links.SigningLink)

    def revoke(self, project_id: str, link_id: str) -> SigningLink:
        """Revoke a link. An approval that was given with it stays."""
        path = f"{_links(project_id)}/{quote(link_id, safe='')}"
        return self._transport.call(Request("DELETE", path), schemas.signing_links.SigningLink)


def _links(project_id: str) -> str:
    return f"/api/projects/{quote(project_id, safe='')}/signing-links"
