"""Ports for servers of the tests."""

from __future__ import annotations

import random
import socket

# Below what systems give to outgoing connections: one of those may take a port between its being found and its being used.
_PORTS = range(10_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """One that nothing listens on, and that this process has not given before."""
    # Another run of the tests may look at the same time, so nobody begins at the first.
    for port in random.SystemRandom().sample(_PORTS, 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise OSError("1,000 ports that were tried are taken")
