"""Determines whether the process at the other end of a loopback connection belongs to a task (Linux).

A worker runs each command under a separate process, the guard (`activities/actions/guard.py`), whose name the kernel keeps.
The guard is a child subreaper: regardless of what a process of the command does, it remains a descendant of the guard, and
it cannot rename the guard. So only a process's ancestors are examined, never what the process claims about itself.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

# The name of every guard. `guard.py` runs without this package and repeats the name.
GUARD_NAME = "signoff-guard"
# How often to repeat a search during which processes started or ended.
_LOOKS = 3
# The same for the processes of tasks: a command may start processes all the time.
_LOOKS_AT_TASKS = 10
# Processes with recent connections: most new connections come from the same processes.
_recent: deque[int] = deque(maxlen=8)


class Origin(Enum):
    """The origin of a connection.

    Attributes:
        ELSEWHERE: a process that does not belong to a task.
        TASK: a process that belongs, or may belong, to a task.
        UNSEEN: no visible process has the socket, and no process that may belong to a task could be hiding it.
    """

    ELSEWHERE = "elsewhere"
    TASK = "task"
    UNSEEN = "unseen"


class _Process(NamedTuple):
    """The facts about a process that every user can read: its name, its parent, and its start time in clock ticks."""

    pid: int
    name: str
    parent: int
    started: int


def origin_of(inode: int, uid: int) -> Origin:
    """Find the origin of the connection whose socket has this inode. Blocking: reads /proc.

    Args:
        inode: the inode of the socket.
        uid: the user who owns the socket.
    """
    wanted = f"socket:[{inode}]"
    for _ in range(_LOOKS):
        holder = next((pid for pid in _candidates() if wanted in _descriptors(pid)), None)
        if holder is None:
            break
        if (chain := _ancestors(holder)) is not None:
            _remember(holder)
            return Origin.TASK if _guards_in(chain) else Origin.ELSEWHERE
    return _origin_of_unseen(wanted, uid)


def _candidates() -> Iterator[int]:
    """All process ids: first the processes with recent connections, then the rest, newest first."""
    recent = tuple(_recent)
    yield from recent
    yield from (pid for pid in sorted(_pids(), reverse=True) if pid not in recent)


def forget() -> None:
    """Forget which processes had recent connections."""
    _recent.clear()


def _remember(pid: int) -> None:
    if pid not in _recent:
        _recent.appendleft(pid)


def _origin_of_unseen(wanted: str, uid: int) -> Origin:
    """The origin if no holder was found: the search missed it, or the holder is a process that nobody can inspect.

    A task's process counts as the holder if it has the socket, cannot be inspected, or can keep a socket where /proc does not
    show it: in a message queued in another socket, or in an io_uring. The tasks of root's workers count only for root's
    sockets: a socket of another user reaches them only if a process of that user hands it over.
    """
    if not _sees_every_process():
        return Origin.TASK
    for _ in range(_LOOKS_AT_TASKS):
        before = _task_processes(including_roots=uid == 0)
        for process in before:
            for thread in _threads(process.pid):
                descriptors = _descriptors(process.pid, thread)
                if descriptors is UNREADABLE and _exists(process.pid):
                    return Origin.TASK
                if any(name.startswith(("socket:", "anon_inode:[io_uring]")) for name in descriptors):
                    return Origin.TASK
        if _task_processes(including_roots=uid == 0) == before:
            hidden = not before or any(_is_hidden(pid, uid) for pid in _pids())
            return Origin.UNSEEN if hidden else Origin.TASK
    return Origin.TASK


UNREADABLE: frozenset[str] = frozenset({""})


def _descriptors(pid: int, thread: int | None = None) -> frozenset[str]:
    """The link targets of the descriptors of a process, or of one thread; `UNREADABLE` if they cannot be read."""
    folder = f"/proc/{pid}/fd" if thread is None else f"/proc/{pid}/task/{thread}/fd"
    targets: list[str] = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - one connection may require a thousand of these calls
    except OSError:
        return UNREADABLE
    for name in names:
        try:
            targets.append(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
        except PermissionError:
            return UNREADABLE
        except OSError:
            continue
    return frozenset(targets)


def _threads(pid: int) -> list[int]:
    """The thread ids of a process. Each thread may have its own descriptors (unshare(2))."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
    except OSError:
        return []


def _ancestors(pid: int) -> list[_Process] | None:
    """A process and its ancestors; None if they changed while being read, or if a hidden one may be a guard."""
    first, second = _chain(pid), _chain(pid)
    return first if first is not None and first == second else None


def _chain(pid: int) -> list[_Process] | None:
    chain: list[_Process] = []
    while pid > 0:
        process = _read(pid)
        if process is None:
            return None if not chain or _may_signal(pid) or _exists(pid) else chain
        chain.append(process)
        pid = process.parent
    return chain


def _guards_in(chain: list[_Process]) -> list[_Process]:
    """The guards in a chain of ancestors, except guards that are also above this process."""
    own = {(process.pid, process.started) for process in _chain(os.getpid()) or []}
    return [process for process in chain if process.name == GUARD_NAME and (process.pid, process.started) not in own]


def _task_processes(*, including_roots: bool) -> list[_Process]:
    """Every process below a guard, including any that a task has given the guards' name; the guards are not included.

    Args:
        including_roots: whether to include processes with none but root's guards above them. Any other guard counts: a task
            can start a program that becomes root and call it a guard.
    """
    processes = {process.pid: process for pid in _pids() if (process := _read(pid)) is not None}
    own = {process.pid for process in _chain(os.getpid()) or []}
    counted = {
        process.pid
        for process in processes.values()
        if process.name == GUARD_NAME and process.pid not in own and (including_roots or not _is_roots(process.pid))
    }
    descendants: list[_Process] = []
    for process in processes.values():
        above = processes.get(process.parent)
        while above is not None and above.pid not in counted:
            above = processes.get(above.parent)
        if above is not None:
            descendants.append(process)
    return descendants


def _read(pid: int) -> _Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    # proc_pid_stat(5): "pid (name) state parent ..."; the start time is the 22nd field, and the name may contain anything.
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return _Process(pid, name, int(fields[1]), int(fields[19]))


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _exists(pid: int) -> bool:
    return _read(pid) is not None


def _may_signal(pid: int) -> bool:
    """Whether the process exists and may belong to this user, as a guard does."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _sees_every_process() -> bool:
    """Whether /proc shows the processes of all users, that is, is not mounted with `hidepid`."""
    return _exists(1)


def _is_hidden(pid: int, uid: int) -> bool:
    """Whether this process belongs to the user but cannot be inspected."""
    return _descriptors(pid) is UNREADABLE and _users(pid)[:2] == [uid] * 2


def _is_roots(pid: int) -> bool:
    """Whether the process runs as root and as nobody else."""
    return _users(pid) == [0] * 4


def _users(pid: int) -> list[int]:
    """The real, effective, saved and file system user ids of a process; empty if it has ended."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return []
    return next(([int(word) for word in line.split()[1:]] for line in lines if line.startswith(b"Uid:")), list[int]())
