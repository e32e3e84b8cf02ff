"""Signing in with an identity provider, or through a reverse proxy that has already done so: what the settings say about it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain.people import Grant

# How long somebody may take to sign in with an identity provider.
FLOW_SECONDS = 600
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_MAX_NAME_LENGTH = 100
_MAX_PATH_LENGTH = 2000


def _roles(texts: list[str]) -> list[str]:
    for text in texts:
        Grant.parse(text)
    return texts


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must begin with https://, or be on this machine")
    return url


def _field(name: str) -> str:
    if name and not _FIELD_NAME.fullmatch(name):
        raise ValueError("is not the name of a header field")
    return name.lower()


Roles = Annotated[list[str], AfterValidator(_roles)]
FieldName = Annotated[str, AfterValidator(_field)]


class _Provider(BaseModel):
    """What both ways of signing in have in common."""

    model_config = ConfigDict(extra="forbid")

    groups: dict[str, Roles] = Field(
        default_factory=dict[str, Roles],
        description='roles of the members of each group, such as { releasers = ["approver@payments"] }',
    )
    default_roles: Roles = Field(default_factory=list[str], description='roles of everybody, such as ["viewer"]')

    def grants_of(self, groups: Collection[str]) -> list[Grant] | None:
        """The roles of a member of these groups; None if an administrator gives the roles."""
        if not self.groups:
            return None
        texts = [*self.default_roles, *(text for group in groups for text in self.groups.get(group, []))]
        return [Grant.parse(text) for text in dict.fromkeys(texts)]

    @property
    def first_grants(self) -> list[Grant]:
        """The roles of somebody who signs in for the first time, unless groups give them."""
        return [Grant.parse(text) for text in self.default_roles]


class OidcEntry(_Provider):
    """An OpenID Connect provider: `[oidc]` in the settings file."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="the provider's issuer, such as https://login.example.com/realms/team"
    )
    client_id: str = Field(min_length=1, description="the id under which Signoff is registered with the provider")
    name: str = Field(
        default="single sign-on", min_length=1, max_length=60, description="the provider's name on the page"
    )
    scopes: list[str] = Field(default=["openid", "profile", "email"], description="the scopes to ask for")
    groups_claim: str = Field(default="groups", description="the claim that lists a person's groups")
    session_hours: float = Field(default=12, gt=0, le=720, description="hours until people must sign in again")

    @field_validator("scopes")
    @classmethod
    def _with_openid(cls, scopes: list[str]) -> list[str]:
        if "openid" not in scopes:
            raise ValueError("must include openid")
        return scopes


class ProxyEntry(_Provider):
    """A reverse proxy that signs people in and names them in header fields: `[proxy]` in the settings file."""

    addresses: list[str] = Field(
        min_length=1, description='addresses or networks of the proxy, such as ["10.0.0.5", "fd00::/8"]'
    )
    user: FieldName = Field(default="x-forwarded-user", description="the field with a user id that never changes")
    name: FieldName = Field(default="", description="the field with the person's name")
    email: FieldName = Field(default="", description="the field with the person's e-mail address")
    groups_field: FieldName = Field(default="", description="the field with the person's groups, separated by commas")

    @field_validator("addresses")
    @classmethod
    def _networks(cls, addresses: list[str]) -> list[str]:
        for address in addresses:
            if ipaddress.ip_network(address).prefixlen == 0:
                raise ValueError(f"'{address}' is every address: anybody could name themselves")
        return addresses

    def trusts(self, address: str) -> bool:
        """Whether requests from this address may name a person."""
        try:
            sender = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(sender, ipaddress.IPv6Address) and sender.ipv4_mapped is not None:
            sender = sender.ipv4_mapped
        return any(sender in ipaddress.ip_network(network) for network in self.addresses)

    def person_in(self, headers: Mapping[str, str]) -> Claims | None:
        """The person whom the header fields name; None if they name nobody."""
        user = headers.get(self.user, "").strip()
        if not user:
            return None
        groups = headers.get(self.groups_field, "") if self.groups_field else ""
        return Claims(
            issuer="proxy",
            subject=user,
            name=headers.get(self.name, "").strip() or user,
            email=headers.get(self.email, "").strip() or None,
            groups=tuple(part.strip() for part in groups.split(",") if part.strip()),
        )


@dataclass(frozen=True)
class Claims:
    """What a provider says about a person.

    Attributes:
        issuer: who says so.
        subject: the person's id there, which never changes.
        name: how to call them; names are not unique there.
        email: their e-mail address, only if the provider has verified it.
        groups: the groups they are in.
    """

    issuer: str
    subject: str
    name: str
    email: str | None
    groups: tuple[str, ...]

    @property
    def proof(self) -> str:
        """What identifies the person, in a form that always has the same length."""
        return hashlib.sha256(f"{self.issuer}\n{self.subject}".encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def possible_names(self) -> list[str]:
        """Names for the record, best first. Not all of them must be valid or free."""
        texts = [self.name, f"{self.name} ({self.email})" if self.email else "", self.email or "", self.subject]
        return [text[:_MAX_NAME_LENGTH].strip() for text in texts if text.strip()]


def local_path(path: str) -> str:
    """The path if it is one of this site, else `/`: a link must not lead from here to another site."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if is_local and len(path) <= _MAX_PATH_LENGTH else "/"
