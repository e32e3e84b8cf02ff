"""Runs the `signoff` command as a person or a script would: a real process, with or without a terminal.

The processes are forked from one that has loaded every module. `test_broken_output.py`, `test_up.py` and `test_wheels.py` also
start commands from nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import tempfile
import termios
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import DEADLINE
from tests.warm_processes import WarmProcess

_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Ended:
    """The exit code and output of a finished command."""

    code: int
    out: str
    err: str


class Running:
    """A running command without a terminal; `seen` waits for its output."""

    def __init__(
        self, process: WarmProcess, input_end: int, out: asyncio.StreamReader, err: asyncio.StreamReader
    ) -> None:
        self.process = process
        self._input_end: int | None = input_end
        self._reader, self._errors = out, err
        self._out = b""

    @property
    def text(self) -> str:
        """The output that `seen` has read."""
        return self._out.decode()

    async def seen(self, text: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while text.encode() not in self._out:
                chunk = await self._reader.read(65536)
                assert chunk, f"ended without {text!r}: {self._out.decode()}"
                self._out += chunk

    async def given(self, text: str) -> None:
        """Write all of the input."""
        with contextlib.suppress(BrokenPipeError):  # a command need not read it
            await asyncio.to_thread(_write_all, self._input_end, text.encode())
        self.close()

    async def ended(self) -> Ended:
        self.close()
        async with asyncio.timeout(DEADLINE):
            out, err = await asyncio.gather(self._reader.read(), self._errors.read())
            code = await _exit_code(self.process)
        return Ended(code, (self._out + out).decode(), err.decode())

    def close(self) -> None:
        """End the input."""
        if self._input_end is not None:
            os.close(self._input_end)
            self._input_end = None


class Terminal:
    """A running command on its own terminal."""

    def __init__(self, process: WarmProcess, descriptor: int) -> None:
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
            return await _exit_code(self.process)

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


def each_ended(calls: Iterable[Sequence[str]], folder: Path, **variables: str) -> list[Ended]:
    """Run commands that need no app of this process, one after the other."""
    return [ended(call, folder, plain_environment() | variables) for call in calls]


def ended(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: int | None = None) -> Ended:
    """Run a command to its end. If `output` is a descriptor, the command writes its output there."""
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = (nothing.fileno(), out.fileno() if output is None else output, err.fileno())
        process = WarmProcess.on(streams, arguments, environment=environment, folder=folder)
        try:
            code = process.wait(DEADLINE)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read().decode(), err.read().decode())


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
        async with self.running(*arguments) as running:
            await running.given(stdin)
            return await running.ended()

    @contextlib.asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[Running]:
        """A command that runs while the test continues."""
        (read, given), (out, written), (err, complained) = os.pipe(), os.pipe(), os.pipe()
        async with _reading(out) as output, _reading(err) as errors:
            process = self._start((read, written, complained), arguments)
            running = Running(process, given, output, errors)
            try:
                yield running
            finally:
                running.close()
                await _stop(process)

    @contextlib.asynccontextmanager
    async def terminal(self, *arguments: str) -> AsyncIterator[Terminal]:
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        process = self._start((child, child, child), arguments, at_terminal=True)
        terminal = Terminal(process, parent)
        try:
            yield terminal
        finally:
            await _stop(process)
            terminal.close()

    def _start(
        self, streams: tuple[int, int, int], arguments: Sequence[str], *, at_terminal: bool = False
    ) -> WarmProcess:
        try:
            return WarmProcess.on(
                streams, arguments, environment=self._environment(), folder=self.folder, at_terminal=at_terminal
            )
        finally:
            for stream in set(streams):
                os.close(stream)

    def _environment(self) -> dict[str, str]:
        return plain_environment() | {"TERM": "xterm", "COLUMNS": "200"} | self.settings


@contextlib.asynccontextmanager
async def _reading(descriptor: int) -> AsyncIterator[asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    with os.fdopen(descriptor, "rb") as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        yield reader
        transport.close()


def _write_all(descriptor: int | None, content: bytes) -> None:
    assert descriptor is not None
    remaining = memoryview(content)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


async def _exit_code(process: WarmProcess) -> int:
    if process.returncode is None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(process, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(process)
    return process.wait()


async def _stop(process: WarmProcess) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(15):
            await _exit_code(process)
    except TimeoutError:
        process.kill()
        await _exit_code(process)
