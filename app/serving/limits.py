"""What a connection may cost before anybody knows who is at its other end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from app.serving.peers import Address

# Whoever has one IPv6 address usually has all of its /64.
_IPV6_SITE = 64

Client = tuple[str, int | None]


@dataclass(frozen=True)
class Limits:
    """Limits of a connection.

    Attributes:
        head_bytes: of a request's line and header fields together; also of what follows with no body in it (trailers).
        head_fields: header fields of a request.
        head_seconds: from the first byte of a request, or the opening of the connection, to the end of the header fields.
        silence_seconds: without a byte of a body that has been announced.
        connections: open at the same time, by address and, where it is known, user.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_seconds: float = 10.0
    silence_seconds: float = 30.0
    connections: int = 256


class Connections:
    """Counts open connections by client.

    Args:
        most: that a client may have open.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = Counter[Client]()

    def enter(self, client: Client) -> bool:
        """Count a connection; whether the client may have it. If not, it is not counted."""
        if self._open[client] >= self._most:
            return False
        self._open[client] += 1
        return True

    def leave(self, client: Client) -> None:
        """A connection that was counted has ended."""
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


def client_of(address: Address | None, uid: int | None) -> Client:
    """Whose connections count together.

    All of loopback is one address, or one user could have 16 million of them; users of this machine count apart, so that none
    of them can take the connections of another.
    """
    if address is None:
        return "unknown", uid
    if address.is_loopback:
        return "loopback", uid
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False)), uid
    return str(address), uid
