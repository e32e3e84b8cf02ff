"""Invalid entries in the file and unknown queues keep a worker, or any other command, from starting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker_process import ROOT

SIGNOFF = [sys.executable, "-P", "-m", "app.cli"]
WORKER = [sys.executable, str(ROOT / "worker.py")]
BAD = """\
port = "many"

[agents.writer]
tools = ["fly"]

[archetypes.analyst]
title = "Analyst"
"""
GOOD = '[agents.gpu]\nkind = "local"\nqueue = "gpu"\n'


def call(folder: Path, command: list[str], file: str) -> subprocess.CompletedProcess[str]:
    (folder / "signoff.toml").write_text(file)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    return subprocess.run(
        command,
        cwd=folder,
        env=variables | {"SIGNOFF_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [WORKER, *([*SIGNOFF, name] for name in ("up", "serve", "worker", "migrate", "doctor"))],
    ids=lambda command: Path(command[-1]).name,
)
def test_every_mistake_in_the_file_is_reported_with_its_line(tmp_path: Path, command: list[str]) -> None:
    answer = call(tmp_path, command, BAD)
    assert answer.returncode == 2
    places = [line.rpartition(": ")[0].partition(": ")[0] for line in answer.stderr.splitlines()]
    assert places == ["signoff.toml:1", "signoff.toml:4", "signoff.toml:6"], answer.stderr
    assert "agents.writer.tools[0]: there is no 'fly'; known: 'read_file'" in answer.stderr


@pytest.mark.parametrize("command", [WORKER, [*SIGNOFF, "worker"]], ids=["python worker.py", "signoff worker"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--queue", "gpuu"), ("No agent has the queue 'gpuu'", 'queue = "gpuu"', "Queues of agents: gpu")),
        (("--queue", "gpu", "--queue", "other"), ("'other'",)),
        (("--queue", ""), ("No agent has the queue ''", "Omit it")),
        (("--queue", "signoff"), ("'signoff' is the workflow queue", "without --queue")),
        (("--queue", "gpu", "--all-queues"), ("--queue", "--all-queues")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_unknown_queue_is_refused(
    tmp_path: Path, command: list[str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    answer = call(tmp_path, [*command, *arguments], GOOD)
    assert answer.returncode == 2
    for word in words:
        assert word in answer.stderr
