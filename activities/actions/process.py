"""The worker's side of the guard: runs a command so that none of its processes outlives the worker or a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from activities.actions import orphans
from activities.actions.guard_start import ended, start_guard
from activities.actions.rulesets import Rulesets
from app import tracing

# Seconds to wait for output after the command has ended. The pipe stays open so long only if it was passed to a process outside
# the command's tree (a daemon).
DRAIN = 1.0
# Seconds to read what a guard wrote to its socket before it ended.
LAST_WORDS = 0.25
# Seconds between heartbeats to a guard, and seconds without one after which it kills its command. Temporal gives a task to
# another worker 5 s after the last activity heartbeat, which may be a second older than the last heartbeat to the guard.
SIGN_OF_LIFE = 0.5
SILENCE = 3.5
# The guard's descriptor with the rules of its sandbox.
RULESET = 3
_guards: set[int] = set()
_rulesets = Rulesets()


@dataclass(frozen=True)
class ExitStatus:
    """How a command ended: with an exit code, or by a signal. `limit` names the limit that it exceeded, if any."""

    code: int | None
    signal: int | None
    limit: str | None = None


class StartError(Exception):
    """The command could not be started. `step` is `chdir`, `limits`, `sandbox` or `exec`; `number` is the errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(f"{step}: {os.strerror(number)}")
        self.step = step
        self.number = number


class GuardLostError(Exception):
    """The guard process ended before the command. All processes of the command were killed."""


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
    """Run a command. Return once the command and every process that it started have ended.

    Background processes that the command leaves behind get SIGTERM, and SIGKILL half a second later. On a cancel, all
    processes get SIGTERM, and SIGKILL after `grace` seconds or at a second cancel. CancelledError is raised when none is
    left. If this process dies (even by kill -9), all are killed at once. If its event loop is blocked, they are killed after
    `silence` seconds, and CancelledError is raised once it runs again.

    Args:
        argv: the command, which is looked up in the PATH of `env`.
        cwd: its working directory.
        env: its complete environment.
        on_output: called with each piece of its standard output and error, in order; must not raise.
        grace: seconds from SIGTERM to SIGKILL.
        silence: seconds without a heartbeat from this event loop after which everything is killed.
        sandbox: its sandbox, from `Sandbox.around`; None: no sandbox.
        limits: resource limits for its processes, by the names of `TaskLimits`; 0 or missing: no limit.

    Raises:
        StartError: the command could not be started.
        GuardLostError: the guard process was killed.
        ValueError: a text cannot be passed to a command because it contains NUL or a lone surrogate.
        OSError: the guard could not be started.
    """
    with tracing.span("command"):
        # What the plan sets replaces the variables of the trace.
        variables = {**tracing.as_variables(), **env}
        request = marshal.dumps(
            {
                "argv": [_encoded(item) for item in argv],
                "env": {_encoded(name): _encoded(value) for name, value in variables.items()},
                "cwd": os.fsencode(cwd),
                "grace": float(grace),
                "silence": float(silence),
                "limits": dict(limits or {}),
                "sandbox": sandbox and {"ruleset": RULESET, "drop_capabilities": sandbox["drop_capabilities"]},
            }
        )
        guard = _Guard(on_output, sandbox)
        work = asyncio.ensure_future(guard.run(len(request).to_bytes(8, "big") + request))
        try:
            status = await asyncio.shield(work)
        except asyncio.CancelledError:
            guard.terminate()
            await _ended(work, guard)
            raise
        tracing.note(
            {"process.exit.code": status.code} if status.code is not None else {"signoff.signal": status.signal or 0}
        )
        return status


def _encoded(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("a NUL character cannot be passed to a command")
    return os.fsencode(text)


async def _ended(work: asyncio.Future[ExitStatus], guard: _Guard) -> None:
    """Wait for `work` and ignore its outcome, because the cancel is the outcome. A second cancel ends the grace period."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            guard.kill()
    if not work.cancelled():
        work.exception()


class _Output(asyncio.Protocol):
    """Passes on the data from a pipe. `ended` is done when the pipe closes."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._on_output(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class _Talk(asyncio.Protocol):
    """The conversation with a guard. `outcome` is the outcome of its command."""

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self._transport: asyncio.Transport | None = None
        self.outcome: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self.command: int | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def say(self, words: bytes) -> None:
        """Send a message to the guard, if it still listens."""
        if self._transport is None or self._transport.is_closing():
            return
        if len(words) > 1 or self._transport.get_write_buffer_size():
            self._transport.write(words)
            return
        # A transport whose write fails drops data that it has not read yet, such as the guard's last line.
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
            # A shell reports the signal that ended its command as exit code 128 plus its number.
            if limit is None and code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
                limit = "file_size"
            self.outcome.set_result(ExitStatus(code, None, limit) if code >= 0 else ExitStatus(None, -code, limit))


class _Guard:
    """One guard process, and the conversation with it."""

    def __init__(self, on_output: Callable[[bytes], None], sandbox: Mapping[str, Any] | None) -> None:
        self._on_output = on_output
        self._sandbox = sandbox
        self._control: asyncio.WriteTransport | None = None
        self._talk: _Talk | None = None
        self._terminated = self._killed = False

    def terminate(self) -> None:
        """Stop all processes of the command. Before the start, stop them as soon as the command has started."""
        self._terminated = True
        if self._talk is not None:
            self._talk.say(b"T")

    def kill(self) -> None:
        """Kill all processes of the command now. To the guard, it looks as if this process had died."""
        self._killed = True
        if self._control is not None and not self._control.is_closing():
            self._control.write_eof()

    def _ruleset(self) -> int | None:
        if self._sandbox is None:
            return None
        try:
            return _rulesets.of(self._sandbox["rules"], self._sandbox["ports"], self._sandbox["abi"])
        except OSError as error:
            raise StartError("sandbox", error.errno or 0) from error

    async def run(self, request: bytes) -> ExitStatus:
        """Start the guard, let it run `request`, and wait until it has ended."""
        orphans.adopt()
        loop = asyncio.get_running_loop()
        output_end, guard_output = os.pipe()
        pipe = os.fdopen(output_end, "rb", 0, closefd=not _closes_descriptors(loop))
        since = orphans.clock()
        rules = None
        try:
            # Of its own: another command may close the kept set before a second try.
            rules = os.dup(kept) if (kept := self._ruleset()) is not None else None
            control, guard = await start_guard(guard_output, rules)
        except BaseException:
            pipe.close()
            if _closes_descriptors(loop):
                os.close(output_end)
            raise
        finally:
            os.close(guard_output)
            if rules is not None:
                os.close(rules)
        _guards.add(guard)
        end = loop.create_task(ended(guard), name="guard")
        output, output_protocol = await loop.connect_read_pipe(lambda: _Output(self._on_output), pipe)
        voice = control.dup()
        self._control, talk = await loop.create_unix_connection(lambda: _Talk(voice), sock=control)
        talk.say(request + b"T" * self._terminated)
        self._talk = talk
        if self._killed:
            self._control.write_eof()
        alive = loop.create_task(_show_life(talk), name="sign-of-life")
        try:
            status = await _outcome(talk, guard, end, since)
            await asyncio.wait([output_protocol.ended], timeout=DRAIN)
            return status
        finally:
            alive.cancel()
            self._control.close()
            voice.close()
            output.close()
            await end
            _guards.discard(guard)


def _closes_descriptors(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop closes the descriptor of a pipe before it closes the pipe's file, as uvloop does.

    If the file then closed the descriptor too, that could be one that another thread has opened meanwhile.
    """
    return type(loop).__module__ == "uvloop"


async def _show_life(talk: _Talk) -> None:
    while True:
        await asyncio.sleep(SIGN_OF_LIFE)
        talk.say(b".")


async def _outcome(talk: _Talk, guard: int, end: asyncio.Task[None], since: float) -> ExitStatus:
    """The outcome that the guard reports. A killed guard is noticed even if another process still holds its socket.

    Raises:
        GuardLostError: the guard was killed.
        StartError: the guard could not start the command.
        CancelledError: the guard killed the command because this event loop was blocked.
    """
    await asyncio.wait([talk.outcome, end], return_when=asyncio.FIRST_COMPLETED)
    if not talk.outcome.done():
        await asyncio.wait([talk.outcome], timeout=LAST_WORDS)
    if not talk.outcome.done():
        talk.outcome.set_exception(GuardLostError())
    try:
        return talk.outcome.result()
    except GuardLostError:
        await orphans.close_orphaned_calls(talk.command, since, _guards - {guard})
        raise
