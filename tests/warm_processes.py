"""Runs `signoff` commands in processes that are forked from one in which every module is already loaded.

Loading modules is most of the work of a short command, and of the start of an app or a worker. Each command still is a process
of its own, with its own environment, folder and standard streams. Run as a script, this file is that one process: it serves a
socket until its standard input closes.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import fcntl
import functools
import gc
import importlib
import io
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Self

from app import cli
from app.api.controllers import plans
from app.hidden_environment import DESCRIPTOR, hand_over, split
from app.temporal import commands
from tests.cheap_passwords import hash_passwords_cheaply

# What other modules import only when they need it. Loading those of HTTP was a third of the work of a short command.
_LATE = (
    "alembic.command",
    "anyio._backends._asyncio",
    "app.database.postgres",
    "app.main",
    "app.storage.migrate",
    "encodings.idna",
    "httpcore",
    "uvicorn",
    "worker",
)

# A command's stand-in: passes on its arguments, streams and environment, and ends as the command does.
_STAND_IN = """
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
request = json.dumps({"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}).encode()
socket.send_fds(connection, [len(request).to_bytes(4, "big")], [0, 1, 2])
connection.sendall(request)
for stream in (0, 1, 2):
    os.close(stream)
connection.recv(4)
os._exit(connection.recv(2)[1])
"""


def warm_command(*arguments: str) -> list[str]:
    """A command line that does what `signoff` does with these arguments."""
    return [sys.executable, "-I", "-S", "-c", _STAND_IN, _address(), *arguments]


def warm_program(folder: Path) -> None:
    """Put a program `signoff` into a folder. Scripts with this folder in their PATH run warm commands."""
    program = folder / "signoff"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(warm_command())} "$@"\n')
    program.chmod(0o755)


class WarmProcess:
    """A `signoff` command that runs, with the methods of `subprocess.Popen` that tests need."""

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: IO[bytes]
    ) -> None:
        with Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            self._start(arguments, environment, folder, streams, at_terminal=False)

    @classmethod
    def on(
        cls,
        streams: tuple[int, int, int],
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        at_terminal: bool = False,
    ) -> Self:
        """Start a command with these descriptors as its standard streams. Its input may be a terminal of its own."""
        process = cls.__new__(cls)
        process._start(arguments, environment, folder, streams, at_terminal=at_terminal)
        return process

    def _start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        streams: tuple[int, int, int],
        *,
        at_terminal: bool,
    ) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_address())
        request: dict[str, Any] = {"arguments": [*arguments], "environment": dict(environment), "folder": str(folder)}
        request["at_terminal"] = at_terminal
        content = json.dumps(request).encode()
        socket.send_fds(self._connection, [len(content).to_bytes(4, "big")], streams)
        self._connection.sendall(content)
        self.pid = int.from_bytes(self._connection.recv(4), "big")
        self.returncode: int | None = None

    def fileno(self) -> int:
        """The descriptor that becomes readable when the process ends. It is closed once the exit code is known."""
        return self._connection.fileno()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code.

        Raises:
            subprocess.TimeoutExpired: the process still runs after `timeout` seconds.
        """
        if self.returncode is None:
            readable, _, _ = select.select([self._connection], [], [], timeout)
            if not readable:
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0)
            with self._connection:
                self.returncode = int.from_bytes(self._connection.recv(2), "big", signed=True)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


@functools.cache
def _address() -> str:
    """Start the process from which the others are forked. Returns the path of its socket."""
    running = contextlib.ExitStack()
    atexit.register(running.close)
    return running.enter_context(_forking())


@contextlib.contextmanager
def _forking() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="signoff-warm-") as folder:
        address = f"{folder}/socket"
        command = [sys.executable, "-P", __file__, address]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield address
            server.stdin.close()


def _serve(address: str) -> None:
    _load_everything()
    ended, wakes = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, ended, 0], [], [])
            if 0 in readable:
                return
            if ended in readable:
                os.read(ended, 4096)
                _report_ends(running)
            if listening in readable:
                connection, _ = listening.accept()
                size, streams, _, _ = socket.recv_fds(connection, 4, 3)
                with connection.makefile("rb") as file:
                    request = file.read(int.from_bytes(size, "big"))
                if (pid := os.fork()) == 0:
                    for one in (listening, connection, *running.values()):
                        one.close()
                    os.close(ended)
                    os.close(wakes)
                    _become(json.loads(request), streams)
                for stream in streams:
                    os.close(stream)
                running[pid] = connection
                _tell(connection, pid.to_bytes(4, "big"))


def _report_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection:
            _tell(connection, os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))


def _tell(connection: socket.socket, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it
        connection.sendall(content)


def _load_everything() -> None:
    for module in {*cli._MODULES.values(), *_LATE}:
        importlib.import_module(module)
    # Apps wait longer for decisions and plans: a loaded machine is slow, not wrong.
    commands.DECISION_SECONDS, plans.DEFAULT_WAIT = 20.0, 60
    hash_passwords_cheaply()
    gc.collect()
    gc.freeze()


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    # The test may ignore the end of its terminal, as under `nohup`. A command that is started from a terminal does not.
    for number in (signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request.get("at_terminal"):
        # Make it the controlling terminal, so that a typed Ctrl-C sends SIGINT.
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    if not cli._LONG_LIVED.isdisjoint(request["arguments"][:1]):
        _hand_over_secrets()
    os.chdir(request["folder"])
    sys.argv = ["signoff", *request["arguments"]]
    # A program that hides secrets starts itself again with this.
    sys.orig_argv = [sys.executable, "-P", "-m", "app.cli", *request["arguments"]]
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(number, "wb", closefd=False), encoding="utf-8", line_buffering=lines)  # noqa: SIM115
        for number, lines in ((1, os.isatty(1)), (2, True))
    )
    if "PYTHONFAULTHANDLER" in os.environ:
        faulthandler.enable()
    _run_main()


def _run_main() -> NoReturn:
    code: object = 0
    try:
        cli.main(prog_name="signoff")
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - as Python itself ends a program
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 0)


def _hand_over_secrets() -> None:
    """Hide the secrets of the settings as `signoff up` does. A long-running program that finds some restarts, from nothing."""
    plain, hidden = split(os.environ)
    os.environ.clear()
    os.environ.update(plain)
    if secrets := {name: value for name, value in hidden.items() if name.startswith("SIGNOFF_")}:
        os.environ[DESCRIPTOR] = str(hand_over(secrets))


if __name__ == "__main__":
    _serve(sys.argv[1])
