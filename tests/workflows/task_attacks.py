"""The ways in which a hostile task tries to act as the owner of an app without a key: `APP=PORT UI=PORT python3 task_attacks.py`.

A task runs this file on its own, with only the standard library. Each way asks for a project with its own name, and the status
of the answer is printed on one line.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PORT, UI_PORT = int(os.environ.get("APP", "0")), int(os.environ.get("UI", "0"))
PR_SET_DUMPABLE, CLONE_FILES = 4, 0x400
IO_URING_SETUP, IO_URING_REGISTER, REGISTER_FILES = 425, 427, 2
LIBC = ctypes.CDLL(None)


def connect(port: int = PORT) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def send(connection: socket.socket, name: str) -> None:
    body = json.dumps({"name": f"by {name}"})
    head = "POST /api/projects HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())


def receive(end: socket.socket) -> socket.socket:
    """Return the connection that a message contains."""
    _, (descriptor, *_), _, _ = socket.recv_fds(end, 1, 1)
    connection = socket.socket(fileno=descriptor)
    connection.settimeout(30)
    return connection


def status_of(connection: socket.socket) -> int:
    answer = connection.recv(65536)
    return int(answer.split()[1]) if answer else 0


def ask(name: str) -> int:
    with connect() as connection:
        send(connection, name)
        return status_of(connection)


def plain() -> int:
    return ask("plain")


def curl() -> int:
    command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "-H", "Content-Type: application/json"]
    url = f"http://127.0.0.1:{PORT}/api/projects"
    return int(subprocess.run([*command, "-d", '{"name": "by curl"}', url], capture_output=True, check=False).stdout)


def temporal_ui() -> int:
    with connect(UI_PORT) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return status_of(connection)


def in_a_child(work: Callable[[], int], between: Callable[[], object] = lambda: None) -> int:
    """Return the result of work in a process that has left its session and its parent, as a daemon does."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            between()
            time.sleep(0.2)  # why: until its parent has ended, and another process has become its parent
            os.write(writing, str(work()).encode())
        os._exit(0)
    os.close(writing)
    return int(os.read(reading, 16) or b"0")


def detached() -> int:
    return in_a_child(lambda: ask("detached"))


def not_dumpable() -> int:
    return in_a_child(lambda: ask("not_dumpable"), lambda: LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))


def renamed() -> int:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    code += "import task_attacks; print(task_attacks.ask('renamed'))"
    command = ["sshd: somebody [priv]", "-c", code]
    return int(subprocess.run(command, executable=sys.executable, capture_output=True, check=False).stdout or b"0")


def handed_on() -> int:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    if os.fork() == 0:
        connection = receive(theirs)
        send(connection, "handed_on")
        os.write(writing, str(status_of(connection)).encode())
        os._exit(0)
    with connect() as connection:
        socket.send_fds(ours, [b"x"], [connection.fileno()])
    return int(os.read(reading, 16))


def in_flight() -> int:
    """While the app looks for the socket's holder, the socket is in a message that nobody has received."""
    found = set[int]()
    for _ in range(10):
        ours, theirs = socket.socketpair()
        connection = connect()
        send(connection, "in_flight")
        socket.send_fds(ours, [b"x"], [connection.fileno()])
        connection.close()
        time.sleep(0.3)  # why: the answer comes meanwhile
        with receive(theirs) as received:
            found.add(status_of(received))
    return min(found)


def in_a_ring() -> int:
    """Only an io_uring has the socket, and /proc does not show what it contains."""
    ring = LIBC.syscall(IO_URING_SETUP, 4, ctypes.create_string_buffer(120))
    if ring < 0:
        return 401  # this kernel does not allow io_uring
    connection = connect()
    send(connection, "in_a_ring")
    LIBC.syscall(IO_URING_REGISTER, ring, REGISTER_FILES, (ctypes.c_int * 1)(connection.fileno()), 1)
    connection.close()
    time.sleep(1)  # why: the app has decided by then; nobody can read its answer
    return 401


def of_a_thread() -> int:
    """Only one thread has the socket, in its own table of descriptors."""
    found: list[int] = []

    def work() -> None:
        LIBC.unshare(CLONE_FILES)
        found.append(ask("of_a_thread"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def running_away() -> int:
    """The socket keeps moving to a new process."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        connection = connect()
        send(connection, "running_away")
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            if os.fork():
                os._exit(0)
        os.write(writing, str(status_of(connection)).encode())
        os._exit(0)
    os.close(writing)
    return int(os.read(reading, 16) or b"0")


def closed_at_once() -> int:
    for _ in range(50):
        connection = connect()
        send(connection, "closed_at_once")
        connection.close()
    return 401  # nobody reads the answers


ATTACKS = (
    plain,
    curl,
    temporal_ui,
    detached,
    not_dumpable,
    renamed,
    handed_on,
    in_flight,
    in_a_ring,
    of_a_thread,
    running_away,
    closed_at_once,
)

if __name__ == "__main__":
    for attack in ATTACKS:
        print(f"{attack.__name__}: {attack()}", flush=True)
