"""Running a command so that no process of it outlives the worker or a cancel: the worker's side of the guard."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# As a module it is read from its compiled form, 2 ms faster than as a script; the folder comes last on the path
# because some of its files have names of the standard library.
START_GUARD = "import sys; sys.path.append(sys.argv[1]); import guard; guard.main()"
# Seconds that output may still arrive once nothing of the command is left; only what handed its output pipe to a
# process outside its tree (a daemon) keeps it open so long.
DRAIN = 1.0


@dataclass(frozen=True)
class ExitStatus:
    """How a command ended: with an exit code, or by a signal."""

    code: int | None
    signal: int | None


class StartError(Exception):
    """The command could not be started; `step` is `chdir` or `exec`, `number` the errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(f"{step}: {os.strerror(number)}")
        self.step = step
        self.number = number


class GuardLostError(Exception):
    """The guard process ended before the command did; the command and its session were killed.

    A process of the command that had started a session of its own may have survived.
    """


async def run_guarded(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_output: Callable[[bytes], None],
    grace: float,
) -> ExitStatus:
    """Run a command and return once it and every process it started have ended.

    Background processes that the command leaves behind get SIGTERM, and SIGKILL half a second later. Cancelled, all
    get SIGTERM, and SIGKILL after `grace` seconds, or at a second cancel; CancelledError comes when none is left.
    If this process dies, kill -9 included, all are killed at once.

    Args:
        argv: the command; looked up in the PATH of `env`.
        cwd: its working directory.
        env: its whole environment.
        on_output: called with each piece of its standard output and error, in order; must not raise.
        grace: seconds from SIGTERM to SIGKILL.

    Raises:
        StartError: it could not be started.
        GuardLostError: the guard process was killed.
        ValueError: a text that no command can get (it holds NUL or a lone surrogate).
        OSError: the guard could not be started.
    """
    request = marshal.dumps(
        (
            [_encoded(item) for item in argv],
            {_encoded(name): _encoded(value) for name, value in env.items()},
            os.fsencode(cwd),
            float(grace),
        )
    )
    guard = _Guard(on_output)
    work = asyncio.ensure_future(guard.run(len(request).to_bytes(8, "big") + request))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        guard.terminate()
        await _ended(work, guard)
        raise


def _encoded(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("a NUL character cannot be handed to a command")
    return os.fsencode(text)


async def _ended(work: asyncio.Future[ExitStatus], guard: _Guard) -> None:
    """Wait for `work`, and let its outcome go: the cancel is the outcome. A further cancel ends the grace."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            guard.kill()
    if not work.cancelled():
        work.exception()


class _Output(asyncio.Protocol):
    """Hands on what arrives on a pipe; `ended` is done at its end."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._on_output(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class _Guard:
    """One guard process and what it says."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._writer: asyncio.StreamWriter | None = None
        self._terminated = False

    def terminate(self) -> None:
        """Have everything stopped; before the start, as soon as it has started."""
        self._terminated = True
        if self._writer is not None:
            self._writer.write(b"T")

    def kill(self) -> None:
        """Have everything killed now: to the guard it looks as if this process had died."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write_eof()

    async def run(self, request: bytes) -> ExitStatus:
        """Start the guard, have it carry `request` out, and see it off."""
        control, guard_end = socket.socketpair()
        output_end, guard_output = os.pipe()
        pipe = os.fdopen(output_end, "rb", 0)
        try:
            process = await _start(guard_end, guard_output)
        except BaseException:
            control.close()
            pipe.close()
            raise
        finally:
            guard_end.close()
            os.close(guard_output)
        output, protocol = await asyncio.get_running_loop().connect_read_pipe(lambda: _Output(self._on_output), pipe)
        reader, self._writer = await asyncio.open_connection(sock=control)
        try:
            self._writer.write(request + b"T" * self._terminated)
            status = await _outcome(reader)
            await asyncio.wait([protocol.ended], timeout=DRAIN)
            return status
        finally:
            self._writer.close()
            output.close()
            await process.wait()


async def _start(control: socket.socket, output: int) -> asyncio.subprocess.Process:
    """The guard, in a session of its own so that a terminal's Ctrl-C passes it by."""
    environment = {name: value for name, value in os.environ.items() if name.endswith("LD_LIBRARY_PATH")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", START_GUARD, str(Path(__file__).parent),
        stdin=control.fileno(), stdout=output, stderr=output, env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip


async def _outcome(reader: asyncio.StreamReader) -> ExitStatus:
    command: int | None = None
    with contextlib.suppress(ConnectionError):
        while words := (await reader.readline()).decode().split():
            if words[0] == "started":
                command = int(words[1])
            elif words[0] == "failed":
                raise StartError(words[1], int(words[2]))
            else:
                code = os.waitstatus_to_exitcode(int(words[1]))
                return ExitStatus(code, None) if code >= 0 else ExitStatus(None, -code)
    if command is not None:
        await _kill_session(command)
    raise GuardLostError


async def _kill_session(session: int) -> None:
    """Kill what is left of a session whose guard is gone (Linux; elsewhere its process group)."""
    while pids := _session_members(session):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.005)
    if sys.platform != "linux":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)


def _session_members(session: int) -> list[int]:
    members: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_bytes().rpartition(b")")[2].split()
            # proc(5): state, ppid, pgrp, session; a zombie is dead already.
            if int(fields[3]) == session and fields[0] != b"Z":
                members.append(int(entry.parent.name))
    return members
