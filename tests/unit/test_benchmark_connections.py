"""The benchmark of the peer check runs."""

from __future__ import annotations

import subprocess
import sys


def test_it_prints_both_ways() -> None:
    command = [sys.executable, "-m", "benchmarks.connections", "--open", "3", "--rounds", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split()[0].strip(",") for line in done.stdout.splitlines()] == ["netlink", "/proc/net/tcp"]
