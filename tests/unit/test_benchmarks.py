"""Every benchmark that needs nothing but this checkout starts, and prints what it measures."""

from __future__ import annotations

import subprocess
import sys

import pytest

RUNS = {
    "commands": (("--rounds", "1"), "guard, limits, sandbox"),
    "overhead": (("--rounds", "1", "--tasks", "1"), "layered"),
    "cancel": (("--help",), "--tries"),
    "outline": (("--tasks", "20"), ""),
    "files": (("1",), ""),
    "page": (("--help",), "--projects"),
    "briefs": (("--help",), "--only"),
    "settings": (("--help",), "--server"),
    "databases": (("--help",), "--rounds"),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_starts(name: str) -> None:
    arguments, printed = RUNS[name]
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert printed in done.stdout
    assert done.stdout.strip()
