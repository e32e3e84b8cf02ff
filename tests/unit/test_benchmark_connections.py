"""The benchmark of the peer check runs."""

from __future__ import annotations

import subprocess
import sys


def test_it_prints_every_way() -> None:
    command = [sys.executable, "-m", "benchmarks.connections", "--open", "3", "--rounds", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ways = [line.partition(" median")[0].strip() for line in done.stdout.splitlines()]
    looks = ["process, known", "process, new", "process, not found"]
    assert ways == ["netlink", "/proc/net/tcp, in a thread", *looks]
