"""Limits of what a command uses, with commands that really use it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.actions.process import ExitStatus, run_guarded
from activities.actions.shell import Shell
from app.domain.actions import TaskFailed
from app.domain.limits import TaskLimits, parse_size, size_text
from app.settings import Settings
from tests.activities.test_shell import context
from tests.processes import with_environment

MIB = 1024**2


async def run(command: str, **limits: int) -> ExitStatus:
    env = {"PATH": "/usr/bin:/bin", "SIGNOFF_TEST": command}
    argv = ["/bin/sh", "-c", command]
    status = await run_guarded(argv, cwd=Path("/tmp"), env=env, on_output=print, grace=1, limits=limits)
    assert not with_environment("SIGNOFF_TEST", command)
    return status


def python(code: str) -> str:
    return f'{sys.executable} -S -c "{code}"'


async def test_memory_of_one_process() -> None:
    grow = python("x = []\nwhile True: x.append(bytearray(10**6))")
    assert (await run(grow, memory=200 * MIB)).limit == "memory"


async def test_memory_of_many_processes_together() -> None:
    fill = "x = bytearray(b'x' * 60 * 10**6)"
    hold = python(f"import time; {fill}; time.sleep(600)")  # why: the command's own, until it is killed
    assert (await run(f"{hold} & {hold} & {hold} & wait", memory=150 * MIB)).limit == "memory"


async def test_memory_that_is_shared_counts_once_and_reserved_memory_not_at_all() -> None:
    # The flags are MAP_PRIVATE, MAP_ANONYMOUS and MAP_NORESERVE.
    # Eight processes that share 60 MB, and 50 GB of addresses that nothing was written to.
    code = (
        "import os, time, mmap; x = bytearray(b'x' * 60 * 10**6); y = mmap.mmap(-1, 50 * 10**9, flags=16418)\n"
        "for _ in range(8):\n  if os.fork() == 0: time.sleep(1); os._exit(0)\n"  # why: the eight must live at the same time
        "for _ in range(8): os.wait()"
    )
    assert await run(python(code), memory=200 * MIB) == ExitStatus(0, None)


async def test_a_command_that_starts_too_many_processes_is_stopped() -> None:
    # Many, and not without end: on a machine of two cores, a real bomb takes minutes from every other test.
    crowd = "for _ in $(seq 300); do sleep 600 & done; wait"
    assert (await run(crowd, processes=100)).limit == "processes"


async def test_a_fork_bomb_of_many_sessions_is_stopped() -> None:
    # It ends at 1,024 processes by itself.
    bomb = (
        "import os, time\nfor _ in range(10):\n"
        "  os.fork(); os.setsid() if os.getpid() != os.getsid(0) else None\n"
        "time.sleep(600)"  # why: the command's own, until it is killed
    )
    assert (await run(python(bomb), processes=100)).limit == "processes"


async def test_processor_time_of_all_processes() -> None:
    spin = "n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done"
    assert (await run(f"while :; do sh -c '{spin}'; done", cpu_seconds=1)).limit == "cpu_seconds"


async def test_the_size_of_a_file(tmp_path: Path) -> None:
    assert (await run(f"head -c 5M /dev/zero > {tmp_path}/f", file_size=MIB)).limit == "file_size"
    assert (tmp_path / "f").stat().st_size == MIB
    assert await run(f"head -c 1M /dev/zero > {tmp_path}/f", file_size=MIB) == ExitStatus(0, None)


async def test_open_files() -> None:
    count = python("import os; x = [os.dup(0) for _ in range(60)]")
    assert (await run(count, open_files=50)).code == 1
    assert (await run(count, open_files=100)).code == 0


async def test_what_a_command_needs_for_an_ordinary_run_is_within_the_defaults() -> None:
    assert await run("sleep 0.3; ls /usr > /dev/null", **TaskLimits().model_dump()) == ExitStatus(0, None)


async def test_the_tasks_error_says_what_was_reached(tmp_path: Path) -> None:
    task = context(tmp_path, {}, [], {"command": "head -c 5M /dev/zero > f"})
    with pytest.raises(TaskFailed) as caught:
        await Shell().run(replace(task, limits=TaskLimits(file_size=2 * MIB)))
    error = caught.value
    assert (error.kind, error.retryable) == ("limit_reached", False)
    assert error.message.startswith("The task wrote a file larger than 2 MiB.")


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("2g", 2 * 1024**3), ("512 MiB", 512 * MIB), ("1T", 1024**4)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert Settings.model_validate({"task_memory": text}).task_limits.memory == size


@pytest.mark.parametrize("text", ["", "g", "-1", "1.5g", "2 x"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="such as 512m or 2g"):
        Settings.model_validate({"task_memory": text})


def test_sizes_are_said() -> None:
    assert [size_text(size) for size in (0, 1536, 2 * 1024**3)] == ["0 bytes", "1.5 KiB", "2 GiB"]
