"""People and keys, and what they may do."""

from __future__ import annotations

from pydantic import BaseModel

from signoff.vocabulary import Role, Scope


class RoleGrant(BaseModel):
    """A role, for the projects that have one of the labels; for all projects if there are none."""

    role: Role
    labels: list[str]


class Me(BaseModel):
    """The sender of the request. `via` says how they are known; `scopes` what they may do, at least for some projects."""

    id: str
    name: str
    via: str
    roles: list[RoleGrant]
    scopes: list[Scope]


class Person(BaseModel):
    """A person. `can_sign_in` says whether they have a password; who is disabled cannot sign in."""

    id: str
    name: str
    email: str | None
    roles: list[RoleGrant]
    can_sign_in: bool
    disabled: bool
    created_at: str
    created_by: str


class PersonList(BaseModel):
    """All people, by name."""

    people: list[Person]


class ServiceKey(BaseModel):
    """A key of a program. `prefix` is how its text begins. `last_used_at` may be a minute old."""

    id: str
    name: str
    prefix: str
    roles: list[RoleGrant]
    expires_at: str | None
    last_used_at: str | None
    revoked: bool
    created_at: str
    created_by: str


class NewServiceKey(ServiceKey):
    """A key that was just made. Its text, `key`, is shown this once and stored nowhere."""

    key: str


class ServiceKeyList(BaseModel):
    """All keys, by name."""

    keys: list[ServiceKey]
