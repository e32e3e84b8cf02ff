"""Runs the `signoff` command as a person or a script would: a real process, with or without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.warm_processes import warm_command

DEADLINE = 60.0
# These start processes and threads of their own, and may restart themselves to hide secrets.
_LONG_LIVED = {("run",), ("up",), ("serve",), ("worker",)}
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Ended:
    """The exit code and output of a finished command."""

    code: int
    out: str
    err: str


class Running:
    """A running command without a terminal; `seen` waits for its output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._out = b""

    @property
    def text(self) -> str:
        """The output that `seen` has read."""
        return self._out.decode()

    async def seen(self, text: str) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            while text.encode() not in self._out:
                chunk = await self.process.stdout.read(65536)
                assert chunk, f"ended without {text!r}: {self._out.decode()}"
                self._out += chunk

    async def ended(self) -> Ended:
        async with asyncio.timeout(DEADLINE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Ended(self.process.returncode, (self._out + out).decode(), err.decode())


class Terminal:
    """A running command on its own terminal."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self._changed = asyncio.Event()
        self._raw = b""
        self._read_until = 0
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    @property
    def text(self) -> str:
        """All output so far, without colors and cursor movements."""
        return _CONTROL.sub(b"", self._raw).decode()

    async def seen(self, text: str) -> None:
        """Wait until `text` appears after the text that the last call waited for."""
        async with asyncio.timeout(DEADLINE):
            while text not in self.text[self._read_until :]:
                self._changed.clear()
                await self._changed.wait()
        self._read_until = self.text.index(text, self._read_until) + len(text)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, 65536)
        except OSError:  # this is how Linux reports that the other side has closed
            chunk = b""
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._raw += chunk
        self._changed.set()


def in_one_process(calls: Iterable[Sequence[str]], folder: Path, **variables: str) -> list[Ended]:
    """Run several commands one after the other in one process: most of the time of a short command goes into imports."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CALLS, json.dumps([list(call) for call in calls])],
        cwd=folder,
        env=plain_environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [Ended(**ended) for ended in json.loads(done.stdout)]


_CALLS = """
import contextlib, io, json, sys
from app.cli import main
calls, ended = json.loads(sys.argv[1]), []
sys.argv[0] = "signoff"
for arguments in calls:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as error:
            code = error.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
    ended.append({"code": code or 0, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps(ended))
"""


def plain_environment() -> dict[str, str]:
    """The environment of the tests without settings of Signoff."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}


@dataclass(frozen=True)
class CommandLine:
    """The folder in which commands run, and the settings in their environment."""

    folder: Path
    settings: dict[str, str]

    async def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        """Run a command to its end."""
        command = self._command(arguments) if arguments[:1] in _LONG_LIVED else warm_command(*arguments)
        async with self._running(command) as running:
            assert running.process.stdin is not None
            running.process.stdin.write(stdin.encode())
            running.process.stdin.close()
            return await running.ended()

    def running(self, *arguments: str) -> contextlib.AbstractAsyncContextManager[Running]:
        """A command that runs while the test continues."""
        return self._running(self._command(arguments))

    @contextlib.asynccontextmanager
    async def _running(self, command: list[str]) -> AsyncIterator[Running]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self._environment(), stdin=pipe, stdout=pipe, stderr=pipe
        )
        try:
            yield Running(process)
        finally:
            await _stop(process)

    @contextlib.asynccontextmanager
    async def terminal(self, *arguments: str) -> AsyncIterator[Terminal]:
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        # Make this the controlling terminal, so that a typed Ctrl-C sends SIGINT.
        opens = "import os,sys,fcntl,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", opens, *self._command(arguments)),
            cwd=self.folder,
            env=self._environment(),
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
        os.close(child)
        terminal = Terminal(process, parent)
        try:
            yield terminal
        finally:
            await _stop(process)
            terminal.close()

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-P", "-m", "app.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        return plain_environment() | {"TERM": "xterm", "COLUMNS": "200"} | self.settings


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(15):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
