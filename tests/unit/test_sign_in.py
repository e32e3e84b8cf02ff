"""What the settings say about identity providers and proxies."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.people import Grant
from app.domain.sign_in import OidcEntry, ProxyEntry, local_path

OIDC = {"issuer": "https://login.example.com", "client_id": "signoff"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issuer": "http://login.example.com"}, "https"),
        ({"issuer": "login.example.com"}, "https"),
        ({"scopes": ["email"]}, "openid"),
        ({"groups": {"staff": ["boss"]}}, "there is no role 'boss'"),
        ({"groups": {"staff": ["admin@payments"]}}, "remove its labels"),
        ({"default_roles": ["author@Not A Label"]}, "label that is not valid"),
        ({"clientid": "x"}, "Extra inputs"),
    ],
)
def test_a_mistake_in_the_provider_is_named(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        OidcEntry.model_validate({**OIDC, **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"addresses": []}, "at least 1"),
        ({"addresses": ["0.0.0.0/0"]}, "every address"),
        ({"addresses": ["::/0"]}, "every address"),
        ({"addresses": ["proxy"]}, "IPv4 or IPv6"),
        ({"user": "two words"}, "header field"),
    ],
)
def test_a_mistake_in_the_proxy_is_named(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ProxyEntry.model_validate({"addresses": ["10.0.0.1"], **changes})


def test_an_address_is_trusted_in_every_spelling() -> None:
    entry = ProxyEntry(addresses=["10.0.0.0/24", "fd00::/8"])
    assert all(entry.trusts(address) for address in ("10.0.0.7", "::ffff:10.0.0.7", "fd00::1"))
    assert not any(entry.trusts(address) for address in ("10.0.1.7", "::1", "", "unix", "10.0.0.7:80"))


def test_groups_give_roles_and_without_groups_an_administrator_does() -> None:
    entry = OidcEntry.model_validate(
        {**OIDC, "groups": {"a": ["approver@x"], "b": ["author"]}, "default_roles": ["viewer"]}
    )
    given = [Grant.parse(text) for text in ("viewer", "author")]
    assert entry.grants_of(["b", "unknown", "b"]) == given
    assert entry.grants_of([]) == given[:1]
    plain = OidcEntry.model_validate({**OIDC, "default_roles": ["viewer"]})
    assert plain.grants_of(["b"]) is None
    assert plain.first_grants == given[:1]


@pytest.mark.parametrize(
    "path", ["https://example.com", "//example.com", "/\\example.com", "", "x", "/a\tb", "/" + "a" * 3000]
)
def test_only_a_path_of_this_site_is_one(path: str) -> None:
    assert local_path(path) == "/"


def test_a_path_of_this_site_stays() -> None:
    assert local_path("/projects/proj_1?tab=plan") == "/projects/proj_1?tab=plan"
