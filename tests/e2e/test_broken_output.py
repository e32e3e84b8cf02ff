"""Each command, if its output cannot be written: silence or one sentence, and never a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import click
import pytest

from app.cli import main
from app.cli.groups import every_command
from tests.conftest import Stack, eventually
from tests.e2e.command_line import CommandLine, ended, plain_environment

REPORT = "# Report\n\n- Count: `printf abc > count.txt` {#count files=count.txt}\n- Say: `echo hi` {#say after=count}\n"
SLOW = "# Slow\n\n- Sleep: `sleep 300` {#nap}\n"
PROGRAM = [sys.executable, "-P", "-m", "app.cli"]
# What each command needs besides its options. Commands that change nothing twice are refused, which is fine here.
ARGUMENTS = {
    "answer": ["1", "yes"],
    "refine": ["Faster"],
    "reject": ["-m", "no"],
    "request-changes": ["-m", "no"],
    "comment": ["-m", "hm"],
    "tasks": ["say"],
    "tasks add": ["Title"],
    "tasks list": [],
    "tasks fail": ["say", "-m", "no"],
    "phases add": ["Phase"],
    "decisions answer": ["none", "yes"],
    "files get": ["count.txt", "-o", "-"],
    "files upload": ["plan.md", "--overwrite"],
    "links revoke": ["none"],
    "links ask": ["--name", "Kim", "--email", "kim@example.com"],
    "links add": ["--name", "Kim"],
    "certificate": ["-o", "-"],
    "projects create": ["--name", "Broken"],
    "projects wait": ["--until", "person"],
}
# These run until they are stopped, or need a place of their own.
ELSEWHERE = {"up", "serve", "worker", "migrate", "run", "record rotate"}


def arguments_of(path: tuple[str, ...], command: click.Command, project: str) -> list[str]:
    words: list[str] = []
    names = [parameter.name for parameter in command.params if isinstance(parameter, click.Argument)]
    if {"project_id", "project_ids"} & set(names):
        words.append(project)
    full = " ".join(path)
    words += next((ARGUMENTS[key] for key in (full, path[-1], path[0]) if key in ARGUMENTS), list[str]())
    words += {"plan": ["plan.md"], "files": ["export.zip"], "shell": ["bash"]}.get(names[0] if names else "", [])
    if names and names[0] in {"person", "key", "session", "notification_id"}:
        words.append("none")
    if full in {"people add", "keys add"}:
        words += ["Broken", "--role", "viewer"]
    return words


async def warm_ends(arguments: list[str], environment: dict[str, str], folder: Path, output: int) -> tuple[int, str]:
    # In a thread: the app that answers is on this event loop.
    result = await asyncio.to_thread(ended, arguments, folder, environment, output)
    return result.code, result.err


async def ends(command: list[str], environment: dict[str, str], folder: Path, output: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


@contextlib.asynccontextmanager
async def closed_pipe() -> AsyncGenerator[int]:
    """The writing end of a pipe that nobody reads, as after `| head`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def commands() -> list[tuple[tuple[str, ...], click.Command]]:
    root = main
    assert isinstance(root, click.Group)
    return [(path, command) for path, command in every_command(root) if " ".join(path) not in ELSEWHERE]


# Together they are all commands. Each part has one that certainly prints something.
PARTS: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "projects, a to d": lambda path: path[0] == "projects" and path[1] < "e",
    "projects, e to z": lambda path: path[0] == "projects" and path[1] >= "e",
    "parts of a project": lambda path: path[0] in {"tasks", "phases", "decisions", "files"},
    "the server": lambda path: path[0] not in {"projects", "tasks", "phases", "decisions", "files"},
}
PRINT = {
    "projects, a to d": {"projects audit", "projects dag", "projects create"},
    "projects, e to z": {"projects list", "projects show", "projects events", "projects plan"},
    "parts of a project": {"tasks list", "tasks logs", "files get", "phases list"},
    "the server": {"agents", "key", "outline", "certificate", "completion"},
}

SHOWS = {"list", "show", "logs", "get", "plan", "plans", "audit", "dag", "events", "metrics", "runs", "certificate"}


def test_the_parts_are_all_commands() -> None:
    for path, _ in commands():
        assert sum(includes(path) for includes in PARTS.values()) == 1, path


@pytest.mark.parametrize("part", PARTS)
async def test_every_command_ends_in_order_if_its_output_cannot_be_written(
    signoff: Stack, tmp_path: Path, part: str
) -> None:
    project = await signoff.started(REPORT)
    await signoff.finished(project)
    (tmp_path / "plan.md").write_text(REPORT)
    (tmp_path / "export.zip").write_bytes((await signoff.http.get(f"/api/projects/{project}/download")).content)
    environment = plain_environment() | {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")}
    # What changes the project comes after what shows it, and deleting comes last.
    chosen = sorted(
        (entry for entry in commands() if PARTS[part](entry[0])),
        key=lambda entry: (entry[0] == ("projects", "delete"), entry[0][-1] not in SHOWS),
    )
    printed = set[str]()
    with Path("/dev/full").open("wb") as full:
        for path, command in chosen:
            call = [*path, *arguments_of(path, command, project)]
            async with closed_pipe() as pipe:
                code, err = await warm_ends(call, environment, tmp_path, pipe)
            assert "Traceback" not in err, (path, err)
            assert "Exception ignored" not in err, (path, err)
            # An empty list prints nothing, and succeeds.
            assert code in {0, 1, 2, 141}, (path, code, err)
            if code == 141:
                printed.add(" ".join(path))
                assert err == "" or path == ("record", "key"), (path, err)
            code, err = await warm_ends(call, environment, tmp_path, full.fileno())
            assert "Traceback" not in err, (path, err)
            assert "Exception ignored" not in err, (path, err)
            assert code in ({1, 2} if " ".join(path) in printed else {0, 1, 2}), (path, code, err)
            assert "Error: " in err or code != 1, (path, err)
    assert printed >= PRINT[part]


@pytest.mark.parametrize("arguments", [["--help"], ["projects", "list", "--help"], ["--version"], ["key"]])
async def test_help_is_as_orderly(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, err = await ends([*PROGRAM, *arguments], plain_environment(), tmp_path, full.fileno())
    sentence = "Error: The output cannot be written: No space left on device. Write it to another file or device.\n"
    assert (code, err) == (1, sentence)
    async with closed_pipe() as pipe:
        assert await ends([*PROGRAM, *arguments], plain_environment(), tmp_path, pipe) == (141, "")
    closed = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" >&-', *PROGRAM, *arguments],
        env=plain_environment(),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in closed.stderr


async def test_a_run_whose_output_is_closed_goes_on_and_says_so(signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(SLOW)
    environment = plain_environment() | {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")}
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("run", "plan.md", "--yes", "--new-workspace"),
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    assert process.stderr is not None
    seen = b""
    async with asyncio.timeout(60):
        while b"nap started" not in seen:
            seen += await asyncio.to_thread(os.read, reading, 4096)
    project = seen.decode().split("Project ")[1].split(",")[0]
    os.close(reading)
    await signoff.call("POST", f"/{project}/pause")
    async with asyncio.timeout(60):
        err = (await process.stderr.read()).decode()
        assert await process.wait() == 141
    assert "The output was closed. The run continues." in err
    assert f"signoff projects watch {project}" in err
    assert "Traceback" not in err
    assert (await signoff.project(project))["status"] == "running"
    await signoff.call("POST", f"/{project}/cancel")


async def test_a_closed_terminal_detaches_from_the_run(signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(SLOW)
    cli = CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})
    async with cli.terminal("run", "plan.md", "--yes", "--new-workspace") as terminal:
        await terminal.seen("1 running")
        terminal.process.send_signal(signal.SIGHUP)
        assert await terminal.ended() == 129
        project = terminal.text.split("Project ")[1].split(",")[0]
    assert (await signoff.project(project))["status"] == "running"
    async with cli.running("run", "plan.md", "--yes", "--new-workspace", "--on-interrupt", "cancel") as running:
        await running.seen("nap started")
        running.process.send_signal(signal.SIGHUP)
        cancelled_run = await running.ended()
    assert cancelled_run.code == 2, cancelled_run
    await signoff.call("POST", f"/{project}/cancel")

    async def cancelled() -> bool:
        return (await signoff.project(project))["status"] == "cancelled"

    await eventually(cancelled, what="the first run is cancelled")
