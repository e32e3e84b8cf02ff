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
        # A long-running program that finds secrets in its environment starts itself again, and loads every module again. So it
        # gets those of the test as `signoff up` hands them over.
        if not cli._LONG_LIVED.isdisjoint(arguments[:1]):
            request["environment"], secrets = split(environment)
            request["secrets"] = {name: value for name, value in secrets.items() if name.startswith("SIGNOFF_")}
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
    # Nobody waits for the forked processes. Those that wait for processes of their own restore the default.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, 0], [], [])
            if 0 in readable:
                return
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(connection)
            connection.close()


def _load_everything() -> None:
    for module in {*cli._MODULES.values(), "app.main", "app.database.postgres", "worker", "uvicorn"}:
        importlib.import_module(module)
    # Apps wait longer for decisions and plans: a loaded machine is slow, not wrong.
    commands.DECISION_SECONDS, plans.DEFAULT_WAIT = 20.0, 60
    gc.collect()
    gc.freeze()


def _answer(connection: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as file:
        request = json.loads(file.read(int.from_bytes(size, "big")))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(request, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(pid.to_bytes(4, "big"))
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # nobody waits for the end
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request.get("at_terminal"):
        # Make it the controlling terminal, so that a typed Ctrl-C sends SIGINT.
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    if secrets := request.get("secrets"):
        os.environ[DESCRIPTOR] = str(hand_over(secrets))
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


if __name__ == "__main__":
    _serve(sys.argv[1])
