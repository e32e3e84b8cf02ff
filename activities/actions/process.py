"""Running a command so that no process of it outlives the worker or a cancel: the worker's side of the guard."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from activities.actions import orphans

# As a module it is read from its compiled form, 2 ms faster than as a script; the folder comes last on the path
# because some of its files have names of the standard library.
START_GUARD = "import sys; sys.path.append(sys.argv[1]); import guard; guard.main()"
# Seconds that output may still arrive once nothing of the command is left; only what handed its output pipe to a
# process outside its tree (a daemon) keeps it open so long.
DRAIN = 1.0
# A guard that has ended has nothing more to say than what already lies in its socket.
LAST_WORDS = 0.25
# How often a guard gets a sign of life, and after how many seconds without one it kills its command. Temporal gives a task
# to another worker 5 s after the last heartbeat, and the last one may be a second older than the last sign of life.
SIGN_OF_LIFE = 0.5
SILENCE = 3.5
_guards: set[int] = set()


@dataclass(frozen=True)
class ExitStatus:
    """How a command ended: with an exit code, or by a signal; `limit` names the limit that it was killed for."""

    code: int | None
    signal: int | None
    limit: str | None = None


class StartError(Exception):
    """The command could not be started; `step` is `chdir`, `limits`, `sandbox` or `exec`, `number` the errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(f"{step}: {os.strerror(number)}")
        self.step = step
        self.number = number


class GuardLostError(Exception):
    """The guard process ended before the command did; everything that it watched over was killed."""


async def run_guarded(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_output: Callable[[bytes], None],
    grace: float,
    silence: float = SILENCE,
    sandbox: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
) -> ExitStatus:
    """Run a command and return once it and every process it started have ended.

    Background processes that the command leaves behind get SIGTERM, and SIGKILL half a second later. Cancelled, all
    get SIGTERM, and SIGKILL after `grace` seconds, or at a second cancel; CancelledError comes when none is left.
    If this process dies, kill -9 included, all are killed at once; if its event loop stands still, after `silence` seconds,
    and CancelledError comes once it runs again.

    Args:
        argv: the command; looked up in the PATH of `env`.
        cwd: its working directory.
        env: its whole environment.
        on_output: called with each piece of its standard output and error, in order; must not raise.
        grace: seconds from SIGTERM to SIGKILL.
        silence: seconds without a sign of life from this event loop after which everything is killed.
        sandbox: what confines it, as `Sandbox.around` says; None: nothing.
        limits: what it and its processes may use, by the names of `TaskLimits`; 0 or missing: as much as they like.

    Raises:
        StartError: it could not be started.
        GuardLostError: the guard process was killed.
        ValueError: a text that no command can get (it holds NUL or a lone surrogate).
        OSError: the guard could not be started.
    """
    request = marshal.dumps(
        {
            "argv": [_encoded(item) for item in argv],
            "env": {_encoded(name): _encoded(value) for name, value in env.items()},
            "cwd": os.fsencode(cwd),
            "grace": float(grace),
            "silence": float(silence),
            "limits": dict(limits or {}),
            "sandbox": None if sandbox is None else dict(sandbox),
        }
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


class _Talk(asyncio.Protocol):
    """What a guard says, and what it is told; `outcome` is what became of its command."""

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self._transport: asyncio.Transport | None = None
        self.outcome: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self.command: int | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def say(self, words: bytes) -> None:
        """Send words to the guard, if it still listens."""
        if self._transport is None or self._transport.is_closing():
            return
        if len(words) > 1 or self._transport.get_write_buffer_size():
            self._transport.write(words)
            return
        # A transport whose write fails drops what it has not read yet: the guard's last line.
        with contextlib.suppress(OSError):
            self._socket.send(words)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hear(*line.decode().split())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(GuardLostError())

    def _hear(self, kind: str, first: str, second: str = "") -> None:
        if kind == "started":
            self.command = int(first)
        elif kind == "failed":
            self.outcome.set_exception(StartError(first, int(second)))
        elif second == "silence":
            self.outcome.cancel()
        else:
            code = os.waitstatus_to_exitcode(int(first))
            limit = None if second == "done" else second
            # A shell tells of a signal that ended its command by adding 128 to it.
            if limit is None and code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
                limit = "file_size"
            self.outcome.set_result(ExitStatus(code, None, limit) if code >= 0 else ExitStatus(None, -code, limit))


class _Guard:
    """One guard process and what it says."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._control: asyncio.WriteTransport | None = None
        self._talk: _Talk | None = None
        self._terminated = False

    def terminate(self) -> None:
        """Have everything stopped; before the start, as soon as it has started."""
        self._terminated = True
        if self._talk is not None:
            self._talk.say(b"T")

    def kill(self) -> None:
        """Have everything killed now: to the guard it looks as if this process had died."""
        if self._control is not None and not self._control.is_closing():
            self._control.write_eof()

    async def run(self, request: bytes) -> ExitStatus:
        """Start the guard, have it carry `request` out, and see it off."""
        orphans.adopt()
        loop = asyncio.get_running_loop()
        control, guard_end = socket.socketpair()
        output_end, guard_output = os.pipe()
        pipe = os.fdopen(output_end, "rb", 0)
        since = orphans.clock()
        try:
            process = _start(guard_end, guard_output)
        except BaseException:
            control.close()
            pipe.close()
            raise
        finally:
            guard_end.close()
            os.close(guard_output)
        _guards.add(process.pid)
        output, output_protocol = await loop.connect_read_pipe(lambda: _Output(self._on_output), pipe)
        control.setblocking(False)
        voice = control.dup()
        self._control, talk = await loop.create_unix_connection(lambda: _Talk(voice), sock=control)
        talk.say(request + b"T" * self._terminated)
        self._talk = talk
        alive = loop.create_task(_show_life(talk), name="sign-of-life")
        try:
            status = await _outcome(talk, process, since)
            await asyncio.wait([output_protocol.ended], timeout=DRAIN)
            return status
        finally:
            alive.cancel()
            self._control.close()
            voice.close()
            output.close()
            await _ended_process(process)
            _guards.discard(process.pid)


async def _show_life(talk: _Talk) -> None:
    while True:
        await asyncio.sleep(SIGN_OF_LIFE)
        talk.say(b".")


async def _outcome(talk: _Talk, process: subprocess.Popen[bytes], since: float) -> ExitStatus:
    """What the guard says of its command, or that it was killed, whoever else may still hold its socket.

    Raises:
        GuardLostError: it was killed.
        StartError: as it says.
        CancelledError: it killed the command because this event loop had stood still.
    """
    ended = asyncio.ensure_future(_ended_process(process))
    try:
        await asyncio.wait([talk.outcome, ended], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([talk.outcome], timeout=LAST_WORDS)
    finally:
        ended.cancel()
    if not talk.outcome.done():
        talk.outcome.set_exception(GuardLostError())
    try:
        return talk.outcome.result()
    except GuardLostError:
        await orphans.end_orphans(talk.command, since, _guards - {process.pid})
        raise


def _start(control: socket.socket, output: int) -> subprocess.Popen[bytes]:
    """The guard, in a session of its own so that a terminal's Ctrl-C passes it by.

    Not by way of the event loop: between its fork and the moment when the process id is known, other tasks would run, and
    one that ends orphans could not tell the new guard from them.
    """
    environment = {name: value for name, value in os.environ.items() if name.endswith("LD_LIBRARY_PATH")}
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-I", "-S", "-c", START_GUARD, str(Path(__file__).parent)],
        stdin=control.fileno(), stdout=output, stderr=output, env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip


async def _ended_process(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a guard, and reap it."""
    if process.poll() is not None:
        return
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not on this system
        await asyncio.to_thread(process.wait)
        return
    ended = loop.create_future()
    loop.add_reader(descriptor, lambda: ended.done() or ended.set_result(None))
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    process.wait()
