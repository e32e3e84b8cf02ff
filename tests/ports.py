"""Free ports for the servers of the tests."""

from __future__ import annotations

import random
import socket

# Below the range for outgoing connections: one of those could take a port before the test uses it.
_PORTS = range(10_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nothing listens on, and that this process has not returned before."""
    # Another test run may look for ports at the same time, so do not begin at the first one.
    for port in random.SystemRandom().sample(_PORTS, 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise OSError("none of the 1,000 ports that were tried is free")
