"""Every benchmark that needs nothing but this checkout starts, and prints what it measures."""

from __future__ import annotations

import subprocess
import sys

import pytest

RUNS = {
    "commands": (("--rounds", "1"), "guard, limits, sandbox"),
    "overhead": (("--rounds", "0", "--tasks", "2", "--shape", "layered"), "layered, shell"),
    "outline": (("--tasks", "20", "--idle", "0.1"), "nothing again"),
    "reading": (("--documents", "10", "--dense", "200"), "mixed"),
    "sealing": (("--rounds", "1", "--writes", "10", "--backlog", "50"), "50 events at once"),
    "files": (("1",), ""),
    "cancel": (("--tries", "1"), ""),
    "settings": (("--rounds", "1", "--server", "chosen", "--worker", "chosen"), "chosen"),
    "databases": (("--rounds", "1"), ""),
    "notifying": (("--count", "5"), "5 deliveries"),
    "many_projects": (("--projects", "200"), "by name"),
    "load": (("--clients", "2", "--seconds", "1"), "generate-plan"),
    "first_task": (("--rounds", "0"), "first task"),
    "big_projects": (("--tasks", "5"), "chain, nothing, 1 tasks"),
    "creating": (("--projects", "4", "--clients", "2", "--rounds", "1"), "answers a second"),
    "events": (("--readers", "2", "--changes", "2"), "bare"),
    "http": (("--projects", "20", "--tasks", "3", "--calls", "1"), "list of 20"),
}
# These need a browser, a model or minutes. Only their options are tested.
OPTIONS = {
    "page": "--projects",
    "briefs": "--only",
    "start": "--idle",
    "peers": "--rounds",
}
# These take as long as hundreds of other tests, even with the least work.
LONG = {"files", "cancel", "settings", "databases"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in LONG else []) for name in RUNS]
)
def test_it_starts(name: str) -> None:
    arguments, printed = RUNS[name]
    output = run(sys.executable, "-m", f"benchmarks.{name}", *arguments)
    assert printed in output
    assert output.strip()


def test_the_others_know_their_options() -> None:
    # In one process: most of the time goes into imports.
    code = """
import contextlib, runpy, sys
for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    print("end of", name)
"""
    output = run(sys.executable, "-c", code, *OPTIONS)
    for name, option in OPTIONS.items():
        shown, _, output = output.partition(f"end of {name}\n")
        assert option in shown


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
