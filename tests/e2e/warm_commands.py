"""Runs `signoff` commands in processes that are forked from one in which every module is already loaded.

Loading modules is most of the work of a short command. Each command still is a process of its own, with its own environment,
folder and standard streams. Run as a script, this file is that one process: it serves a socket until its standard input closes.
"""

from __future__ import annotations

import atexit
import contextlib
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
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from app import cli

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
os._exit(connection.recv(1)[0])
"""


@contextlib.contextmanager
def warm_commands() -> Iterator[Callable[..., list[str]]]:
    """Start the process. Yields a function that makes a command line from the arguments of a `signoff` command."""
    with tempfile.TemporaryDirectory(prefix="signoff-warm-") as folder:
        address = f"{folder}/socket"
        command = [sys.executable, "-P", __file__, address]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield lambda *arguments: [sys.executable, "-I", "-S", "-c", _STAND_IN, address, *arguments]
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
    for module in set(cli._MODULES.values()):
        importlib.import_module(module)


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
    _, status = os.waitpid(pid, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["signoff", *request["arguments"]]
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(number, "wb", closefd=False), encoding="utf-8", line_buffering=number == 2)  # noqa: SIM115
        for number in (1, 2)
    )
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
