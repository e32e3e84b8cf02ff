"""Limits hold for workers that are not root too: what root may look into, such a guard may not."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.second_user import second_user_command

ROOT = Path(__file__).parents[2]
MIB = 1024**2
RUN = """
import asyncio, json, sys
from pathlib import Path
from activities.actions.process import run_guarded

path = {"PATH": "/usr/bin:/bin"}
done = run_guarded(
    sys.argv[2:], cwd=Path("/"), env=path, on_output=lambda data: None, grace=1, limits=json.loads(sys.argv[1])
)
print(asyncio.run(done).limit)
"""
FORKS = """
import os, time
for _ in range(10):
    os.fork()
    if os.getpid() != os.getsid(0):
        os.setsid()
time.sleep(600)  # why: the process stays until it is killed
"""
# A process that nobody but root may look into.
HIDDEN = """
import ctypes, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
kept = bytearray(300 << 20)
time.sleep(600)  # why: the process stays until it is killed
"""


@pytest.mark.parametrize(
    ("program", "limit", "most"),
    [(FORKS, "processes", 100), (HIDDEN, "memory", 150 * MIB), ("while True: pass", "cpu_seconds", 1)],
    ids=["processes", "memory of a hidden process", "processor time"],
)
async def test_a_task_of_a_user_is_stopped(program: str, limit: str, most: int) -> None:
    arguments = (json.dumps({limit: most}), "/usr/bin/python3", "-I", "-c", program)
    command = second_user_command(sys.executable, "-c", RUN, *arguments, finds_python=True)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert said.decode().strip() == limit
