"""Limits on connections, which apply before the sender is authenticated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from app.serving.peers import Address

# A client with one IPv6 address usually controls the whole /64 network.
_IPV6_SITE = 64

Client = tuple[str, int | None]


@dataclass(frozen=True)
class Limits:
    """Limits of a connection.

    Attributes:
        head_bytes: size of the request line and all header fields together; also the size of trailers.
        head_fields: number of header fields in a request.
        head_seconds: time from the first byte of a request, or from the opening of the connection, to the end of its header.
        silence_seconds: time without a byte of an announced body.
        connections: number of open connections per address and, if known, user.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_seconds: float = 10.0
    silence_seconds: float = 30.0
    connections: int = 256


class Connections:
    """Counts open connections by client.

    Args:
        limit: maximum number of open connections per client.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = Counter[Client]()

    def enter(self, client: Client) -> bool:
        """Count a connection and return True; if the client is at its limit, return False and do not count it."""
        if self._open[client] >= self._limit:
            return False
        self._open[client] += 1
        return True

    def leave(self, client: Client) -> None:
        """Stop counting a connection that has ended."""
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


def client_of(address: Address | None, uid: int | None) -> Client:
    """The key under which a client's connections are counted together.

    All loopback addresses count as one, because one user can use 16 million of them. Each user of this machine is counted
    separately, so that no user can exhaust another user's connections.
    """
    if address is None:
        return "unknown", uid
    if address.is_loopback:
        return "loopback", uid
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False)), uid
    return str(address), uid
