"""Decides which addresses a task may connect to: public addresses, and others that the settings allow."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import httpx

from app.domain.actions import TaskFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4): IPv6 addresses that represent an IPv4 address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("fec0::/10"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OWN_PATHS = ("/health", "/ready")


def check_url(text: str) -> httpx.URL:
    """Parse `text` as a URL that a task may request.

    Raises:
        ValueError: it is not such a URL; the message is a sentence for people.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ValueError(f"'{text}' is not a valid URL: {error}") from None
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise ValueError(f"'{text}' is not an http:// or https:// URL with a host")
    if url.userinfo:
        raise ValueError("the URL contains a user name or password; use an Authorization header instead")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise ValueError(f"'{text}' does not have a valid port")
    return url


def port_of(url: httpx.URL) -> int:
    """The port of a URL, or the default port of its scheme."""
    return url.port or _DEFAULT_PORTS[url.scheme]


async def addresses_for(url: httpx.URL, allow: Sequence[str], app_url: str = "") -> list[str]:
    """The addresses of a URL's host. A task may connect to each of them.

    The caller must connect to one of these, never to the name: a second lookup could return others (DNS rebinding).

    Args:
        url: the requested URL.
        allow: entries of SIGNOFF_HTTP_ALLOW: a host, host:port, an address or a network.
        app_url: this app's own URL, whose `/health` and `/ready` are allowed.

    Raises:
        TaskFailed: `connection`: the name has no address. `address_refused`: one of its addresses is not allowed, and is
            loopback, private, link-local or otherwise not public.
    """
    host, port = url.raw_host.decode("ascii"), port_of(url)
    addresses = await _look_up(host, port)
    if _is_own(url, app_url):
        return addresses
    for text in addresses:
        if not is_public(ipaddress.ip_address(text)) and not _is_allowed(host, port, text, allow):
            where = text if text == host else f"{host} ({text})"
            message = f"The address {where} is not public. To let http tasks reach it, add it to SIGNOFF_HTTP_ALLOW."
            raise TaskFailed("address_refused", message, retryable=False)
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, including every way to write IPv4 as IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in _REFUSED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def _look_up(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a valid name"
        raise TaskFailed("connection", f"The name '{host}' cannot be resolved: {reason}.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in addresses))


def _is_own(url: httpx.URL, app_url: str) -> bool:
    if not app_url or url.path not in _OWN_PATHS:
        return False
    own = httpx.URL(app_url)
    return (url.scheme, url.host, port_of(url)) == (own.scheme, own.host, port_of(own))


def _is_allowed(host: str, port: int, address: str, allow: Sequence[str]) -> bool:
    return any(_matches(entry.strip(), host, port, ipaddress.ip_address(address)) for entry in allow)


def _matches(entry: str, host: str, port: int, address: Address) -> bool:
    """Whether an entry names this host, this host and port, or a network that contains the address."""
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    name, _, number = entry.rpartition(":") if not entry.endswith("]") else (entry, "", "")
    if not name:
        name, number = entry, ""
    if number and number != str(port):
        return False
    name = name.strip("[]").lower()
    return name in {host.lower().rstrip("."), str(address)}
