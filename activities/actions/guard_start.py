"""Starts guards, through one spawner per process (`spawner.py`), and waits for their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from activities.actions import orphans
from activities.actions.linux_control import CAN_FORK_SIBLING

# Modules are loaded from their compiled form, which is 2 ms faster than a script. The folder is last on the path because some of
# its files have the same names as modules of the standard library.
_SPAWNER = "import sys; sys.path.append(sys.argv[1]); import spawner; spawner.main()"
_GUARD = "import sys; sys.path.append(sys.argv[1]); import guard; guard.main_alone()"
_FIRST_LINE = 64
# A spawner that takes longer to make a guard was stopped.
_READY_SECONDS = 20.0


# What `guard.py` and `spawner.py` call themselves. A guard has the name of the spawner until it runs.
_NAMES = (b"signoff-guard", b"signoff-spawner")


class _Spawner:
    """The spawner of this process."""

    def __init__(self) -> None:
        self._owner = 0
        self._pid = 0
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 if there is none."""
        return self._pid

    def start_guard(self, descriptors: list[int]) -> None:
        """Ask for a guard with these descriptors. It starts the spawner if there is none.

        Raises:
            OSError: the spawner cannot be started, or has ended.
        """
        if self._socket is None or self._owner != os.getpid():
            self._start()
        assert self._socket is not None  # noqa: S101 - set by _start
        socket.send_fds(self._socket, [bytes([len(descriptors)])], descriptors)

    def forget(self) -> None:
        """Let the next call start a new spawner. An old one that still runs ends by itself."""
        if self._socket is not None and self._owner == os.getpid():
            self._socket.close()
            # It may have been stopped. Guards do not need it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        self._socket = None

    def _start(self) -> None:
        # Sequenced packets: descriptors arrive with the message that they were sent with.
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        null = os.open(os.devnull, os.O_RDWR)
        try:
            self._pid = _spawn(_SPAWNER, [its.fileno(), null])
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(null)
            its.close()
        self._socket, self._owner = ours, os.getpid()


_spawner = _Spawner()


class _Unheard:
    """Guards that were asked for and have not reported: nobody knows their process ids, and nobody else reaps them."""

    def __init__(self) -> None:
        self.count = 0

    def reap(self) -> None:
        """Reap those that have ended, if there may be any (Linux)."""
        if not self.count or not CAN_FORK_SIBLING:
            return
        for pid in orphans.children():
            with contextlib.suppress(OSError):
                # proc(5): the name, in parentheses, is followed by the state.
                name, _, rest = Path(f"/proc/{pid}/stat").read_bytes().partition(b" (")[2].rpartition(b") ")
                if name in _NAMES and rest[:1] == b"Z" and pid not in {_spawner.pid, *_reported}:
                    os.waitpid(pid, os.WNOHANG)
                    self.count = max(0, self.count - 1)


_unheard = _Unheard()
# Guards that have reported. Whoever asked for one reaps it with `ended`.
_reported: set[int] = set()


async def start_guard(output: int, ruleset: int | None) -> tuple[socket.socket, int]:
    """Start a guard that writes to `output` and has `ruleset` for its command.

    Returns the socket to it and its process id, which this process must reap.

    Until the guard gets its request, it is in this process's session. A task that ends orphans therefore leaves it alone.

    Raises:
        OSError: the guard could not be started.
    """
    control = None
    _unheard.reap()
    # The second time with a new spawner: somebody may have killed the first one.
    for _ in range(2):
        control, guard_end = socket.socketpair()
        try:
            _start([guard_end.fileno(), output, *([] if ruleset is None else [ruleset])])
            guard_end.close()
            control.setblocking(False)
            async with asyncio.timeout(_READY_SECONDS):
                line = await asyncio.get_running_loop().sock_recv(control, _FIRST_LINE)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            line = b""
        except BaseException:
            control.close()
            _unheard.count += 1
            raise
        finally:
            guard_end.close()
        kind, *words = line.decode().split() or ["gone"]
        if kind == "ready":
            _reported.add(int(words[0]))
            return control, int(words[0])
        control.close()
        if kind == "failed":
            raise OSError(int(words[1]), os.strerror(int(words[1])))
        _unheard.count += 1
        _spawner.forget()
        _unheard.reap()
    raise ConnectionError(0, "the process that starts guards ends at once")


def _start(descriptors: list[int]) -> None:
    if CAN_FORK_SIBLING:
        _spawner.start_guard(descriptors)
    else:
        _spawn(_GUARD, descriptors)


def _spawn(program: str, descriptors: list[int]) -> int:
    """Start a Python program of ours with the first descriptor as 0, the second as 1 and 2, and the next as 3.

    Returns its process id.
    """
    control, output, *more = descriptors
    environment = {name: value for name, value in os.environ.items() if name.endswith("LD_LIBRARY_PATH")}
    arguments = [sys.executable, "-I", "-S", "-c", program, str(Path(__file__).parent), str(2 + len(more))]
    places = [(os.POSIX_SPAWN_DUP2, own, number) for number, own in enumerate([control, output, output, *more])]
    return os.posix_spawn(sys.executable, arguments, environment, file_actions=places)


async def ended(pid: int) -> None:
    """Wait until a guard has ended, and reap it."""
    try:
        await _ended(pid)
    finally:
        _reported.discard(pid)


async def _ended(pid: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        # It ended before its report was read, and is reaped already.
        return
    except (AttributeError, OSError):  # not supported on this system
        await asyncio.to_thread(os.waitpid, pid, 0)
        return
    over = loop.create_future()
    loop.add_reader(descriptor, lambda: over.done() or over.set_result(None))
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    os.waitpid(pid, 0)  # noqa: ASYNC222 - it has ended
