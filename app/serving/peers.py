"""Finds the user of this machine who is at the other end of a loopback connection.

Linux reports the owner of each socket: over netlink for one exact pair of addresses, or in the tables of /proc/net. Other
systems have no such interface that Python can use.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

Address = IPv4Address | IPv6Address

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NO_COOKIE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBxI")
_PORTS = struct.Struct("!HH")
_ANY_INTERFACE = struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
_ALL_STATES = 0xFFFFFFFF
# struct inet_diag_msg: the state is the second byte; user and inode follow 48 bytes of addresses and three numbers.
_OWNER = struct.Struct("=II")
_OWNER_AT = _HEADER.size + 4 + 48 + 12
_ID_AT = _HEADER.size + 4
_STATE_AT = _HEADER.size + 1
# net/tcp_states.h: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT. A socket in any other state is not our peer: if the exact
# socket is gone, the kernel reports a listener, or a new connection attempt with the same ports.
_CONNECTED = frozenset({1, 4, 5, 8})
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    address: Address
    port: int

    @classmethod
    def of(cls, name: tuple[str, int]) -> Endpoint:
        """Convert a result of `getpeername` or `getsockname`. An IPv4-mapped IPv6 address becomes the IPv4 address.

        Raises:
            ValueError: `name` is not the address of a TCP socket.
        """
        address = ip_address(name[0].partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return cls(mapped or address, name[1])


class SocketOwner(NamedTuple):
    """The owner of a connected socket: the user id, and the inode that identifies the socket in the user's processes."""

    uid: int
    inode: int


class PeerLookup(ABC):
    """A method of finding the owner of the other end of a connection."""

    @abstractmethod
    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """Find the owner of the socket at `peer` that is connected to `local`; None if the socket no longer exists.

        Never blocks the event loop.
        """


class NetlinkLookup(PeerLookup):
    """Asks the kernel for the exact socket over netlink. The answer comes within the call, after some tens of microseconds.

    Raises:
        OSError: this system does not have the interface.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        self._socket.setblocking(False)
        self._sequence = 0

    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """Find the owner as the base class describes; the returned future is already done."""
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(self.find(peer, local))
        return answer

    def find(self, peer: Endpoint, local: Endpoint) -> SocketOwner | None:
        """The owner of the socket at `peer` that is connected to `local`; None if the socket no longer exists."""
        family = socket.AF_INET if peer.address.version == 4 else socket.AF_INET6
        ports = _PORTS.pack(peer.port, local.port)
        wanted = ports + peer.address.packed.ljust(16, b"\0") + local.address.packed.ljust(16, b"\0")
        query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES) + wanted + _ANY_INTERFACE
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        size = _HEADER.size + len(query)
        header = _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, self._sequence, 0)
        try:
            self._socket.send(header + query)
            reply = self._socket.recv(4096)
            while _HEADER.unpack_from(reply)[3] != self._sequence:
                reply = self._socket.recv(4096)
        except OSError:
            return None
        if _HEADER.unpack_from(reply)[1] != _SOCK_DIAG_BY_FAMILY:
            return None
        uid, inode = _OWNER.unpack_from(reply, _OWNER_AT)
        # An IPv6 socket that carries IPv4 is found by its IPv4 addresses, but the reply has their IPv4-mapped form.
        is_exact = reply[_ID_AT : _ID_AT + len(wanted)] in {wanted, ports + _as_v6(peer) + _as_v6(local)}
        # A socket that its process has closed has no inode; the kernel then reports root as the owner.
        return SocketOwner(uid, inode) if is_exact and inode and reply[_STATE_AT] in _CONNECTED else None


class TableLookup(PeerLookup):
    """Reads the tables of all sockets in a thread. The time grows with the number of connections.

    Raises:
        OSError: this system does not have the tables.
    """

    def __init__(self) -> None:
        _TABLES[0].read_bytes()

    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """Find the owner as the base class describes, in a thread."""
        return asyncio.get_running_loop().run_in_executor(None, self.find, peer, local)

    @staticmethod
    def find(peer: Endpoint, local: Endpoint) -> SocketOwner | None:
        """The owner of the socket at `peer` that is connected to `local`; None if the socket no longer exists."""
        wanted = set(zip(_spellings(peer), _spellings(local), strict=True))
        for row in _rows():
            # proc(5): number, local, remote, state, queues, timer, retransmissions, uid, timeout, inode.
            if (row[1], row[2]) in wanted and int(row[3], 16) in _CONNECTED and row[9] != "0":
                return SocketOwner(int(row[7]), int(row[9]))
        return None


@cache
def peer_lookup() -> PeerLookup | None:
    """The method that works on this machine, tested on a connection of this process to itself; None if no method works."""
    if sys.platform != "linux":
        return None
    for kind in (NetlinkLookup, TableLookup):
        try:
            lookup = kind()
            if _finds_ourselves(lookup):
                return lookup
        except OSError:
            continue
    return None


def _finds_ourselves(lookup: NetlinkLookup | TableLookup) -> bool:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        owner = lookup.find(Endpoint.of(client.getsockname()), Endpoint.of(client.getpeername()))
        return owner is not None and owner.uid == os.geteuid()


def _spellings(end: Endpoint) -> tuple[str, str]:
    """The endpoint in the notation of the IPv4 and IPv6 tables: four-byte words, each in the machine's byte order."""
    return (_spelled(end.address.packed, end.port), _spelled(_as_v6(end), end.port))


def _as_v6(end: Endpoint) -> bytes:
    return end.address.packed if end.address.version == 6 else bytes(10) + b"\xff\xff" + end.address.packed


def _spelled(packed: bytes, port: int) -> str:
    words = struct.iter_unpack("!I", packed)
    return "".join(struct.pack("=I", word).hex().upper() for (word,) in words) + f":{port:04X}"


def _rows() -> Iterator[list[str]]:
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        yield from (line.split() for line in lines)
