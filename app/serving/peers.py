"""Which user of this machine is at the other end of a loopback connection.

Linux tells the owner of each socket: over netlink for one exact pair of addresses, else in the tables of /proc/net. Other
systems tell nothing that Python can ask for.
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
# struct inet_diag_msg: the state is its second byte; user and inode follow the 48 bytes of the addresses and three numbers.
_OWNER = struct.Struct("=II")
_OWNER_AT = _HEADER.size + 4 + 48 + 12
_ID_AT = _HEADER.size + 4
_STATE_AT = _HEADER.size + 1
# net/tcp_states.h: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT. A socket in any other state is not the one that sends to us:
# the kernel answers for a listener, or for a new attempt with the same ports, where the exact one has gone.
_CONNECTED = frozenset({1, 4, 5, 8})
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    address: Address
    port: int

    @classmethod
    def of(cls, name: tuple[str, int]) -> Endpoint:
        """From what `getpeername` or `getsockname` gives; an IPv4 address within IPv6 is the IPv4 address.

        Raises:
            ValueError: it is not the name of a TCP socket.
        """
        address = ip_address(name[0].partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return cls(mapped or address, name[1])


class SocketOwner(NamedTuple):
    """Whose a connected socket is: the user, and the number by which their processes have it."""

    uid: int
    inode: int


class PeerLookup(ABC):
    """One way to find the owner of the other end."""

    @abstractmethod
    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """The owner of the socket at `peer` that is connected to `local`; None where there is none any more.

        Never waits in the event loop.
        """


class NetlinkLookup(PeerLookup):
    """Asks the kernel for the one socket; it answers within the call, in some tens of microseconds.

    Raises:
        OSError: there is no such interface here.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        self._socket.setblocking(False)
        self._sequence = 0

    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """As the base class says; the answer is there at once."""
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(self.find(peer, local))
        return answer

    def find(self, peer: Endpoint, local: Endpoint) -> SocketOwner | None:
        """The owner of the socket at `peer` that is connected to `local`; None where there is none any more."""
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
        # An IPv6 socket that speaks IPv4 is found by its IPv4 addresses, and has its own spelling of them.
        is_exact = reply[_ID_AT : _ID_AT + len(wanted)] in {wanted, ports + _as_v6(peer) + _as_v6(local)}
        # A socket that its process has closed has no inode, and the kernel then says that root owns it.
        return SocketOwner(uid, inode) if is_exact and inode and reply[_STATE_AT] in _CONNECTED else None


class TableLookup(PeerLookup):
    """Reads the tables of all sockets, in a thread: that takes longer the more connections there are.

    Raises:
        OSError: there are no such tables here.
    """

    def __init__(self) -> None:
        _TABLES[0].read_bytes()

    def begin(self, peer: Endpoint, local: Endpoint) -> asyncio.Future[SocketOwner | None]:
        """As the base class says."""
        return asyncio.get_running_loop().run_in_executor(None, self.find, peer, local)

    @staticmethod
    def find(peer: Endpoint, local: Endpoint) -> SocketOwner | None:
        """The owner of the socket at `peer` that is connected to `local`; None where there is none any more."""
        wanted = set(zip(_spellings(peer), _spellings(local), strict=True))
        for row in _rows():
            # proc(5): number, local, remote, state, queues, timer, retransmissions, uid, timeout, inode.
            if (row[1], row[2]) in wanted and int(row[3], 16) in _CONNECTED and row[9] != "0":
                return SocketOwner(int(row[7]), int(row[9]))
        return None


@cache
def peer_lookup() -> PeerLookup | None:
    """The way that works on this machine, tried on a connection of this process's own; None where none does."""
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
    """The end as the tables of IPv4 and IPv6 spell it: words of four bytes, each in the machine's own order."""
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
