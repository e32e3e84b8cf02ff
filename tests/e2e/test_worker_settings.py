"""Invalid entries in the file and unknown queues keep a worker, or any other command, from starting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command_line import Ended, each_ended, plain_environment
from tests.worker_process import ROOT

BAD = """\
port = "many"

[agents.writer]
tools = ["fly"]

[archetypes.analyst]
title = "Analyst"
"""
GOOD = '[agents.gpu]\nkind = "local"\nqueue = "gpu"\n'


def worker(folder: Path, *arguments: str) -> Ended:
    """Run `python worker.py`."""
    variables = {"SIGNOFF_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "worker.py"), *arguments],
        cwd=folder,
        env=plain_environment() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_every_mistake_in_the_file_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "signoff.toml").write_text(BAD)
    commands = [[name] for name in ("up", "serve", "worker", "migrate", "doctor")]
    for ended in (worker(tmp_path), *each_ended(commands, tmp_path, SIGNOFF_DATA_DIR=str(tmp_path))):
        assert ended.code == 2
        places = [line.rpartition(": ")[0].partition(": ")[0] for line in ended.err.splitlines()]
        assert places == ["signoff.toml:1", "signoff.toml:4", "signoff.toml:6"], ended.err
        assert "agents.writer.tools[0]: there is no 'fly'; known: 'read_file'" in ended.err


UNKNOWN = {
    ("--queue", "gpuu"): ("No agent has the queue 'gpuu'", 'queue = "gpuu"', "Queues of agents: gpu"),
    ("--queue", "gpu", "--queue", "other"): ("'other'",),
    ("--queue", ""): ("No agent has the queue ''", "Omit it"),
    ("--queue", "signoff"): ("'signoff' is the workflow queue", "without --queue"),
    ("--queue", "gpu", "--all-queues"): ("--queue", "--all-queues"),
}


def test_signoff_worker_refuses_an_unknown_queue(tmp_path: Path) -> None:
    (tmp_path / "signoff.toml").write_text(GOOD)
    calls = [("worker", *arguments) for arguments in UNKNOWN]
    answers = each_ended(calls, tmp_path, SIGNOFF_DATA_DIR=str(tmp_path))
    for ended, words in zip(answers, UNKNOWN.values(), strict=True):
        assert ended.code == 2
        assert [word for word in words if word not in ended.err] == []


def test_python_worker_refuses_to_be_several_processes(tmp_path: Path) -> None:
    (tmp_path / "signoff.toml").write_text("processes = 2\n")
    ended = worker(tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "Run `signoff worker`, or set SIGNOFF_PROCESSES=1." in ended.err


@pytest.mark.parametrize("arguments", [("--queue", "gpuu"), ("--queue", "gpu", "--all-queues")], ids=" ".join)
def test_python_worker_refuses_an_unknown_queue(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "signoff.toml").write_text(GOOD)
    ended = worker(tmp_path, *arguments)
    assert ended.code == 2
    assert [word for word in UNKNOWN[arguments] if word not in ended.err] == []
