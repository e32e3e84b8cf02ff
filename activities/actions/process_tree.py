"""Finds and signals the processes below another one (on Linux; on other systems, only a process group).

This is part of the guard, and imports only what the guard has already loaded.
"""

# pathlib and contextlib would double the start time.
# ruff: noqa: PTH123, PTH208, SIM105

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # The C part of `signal` has the same names as plain numbers. The Python part takes 4 ms to load, because of its enums.
    import _signal as signal

LINUX = sys.platform == "linux"


def kill_groups(done: set[int]) -> None:
    """Send SIGKILL to the process group of each process of the command that is not in `done`."""
    killed = {os.getpgid(0)}
    for pid in descendants(os.getpid()):
        if pid not in done:
            try:
                group = os.getpgid(pid)
                if group not in killed:
                    killed.add(group)
                    os.killpg(group, signal.SIGKILL)
            except OSError:
                continue


def send_all(command: int, number: int, done: set[int]) -> None:
    """Send a signal to every process of the command that is not in `done`, and add these processes to `done`."""
    if not LINUX:
        try:
            os.killpg(command, number)
        except OSError:
            pass
        return
    for pid in descendants(os.getpid()):
        if pid in done:
            continue
        try:
            os.kill(pid, number)
        except OSError:  # already gone, or of another user (setuid), which only ends on its own
            continue
        done.add(pid)


def descendants(root: int) -> list[int]:
    """All processes below `root`, parents first."""
    found: list[int] = []
    level = [root]
    try:
        while level:
            level = [child for pid in level for child in children(pid)]
            found += level
    except LookupError:
        return scanned(root)
    return found


def children(pid: int) -> list[int]:
    """Children of a process, from /proc/PID/task/TID/children (proc(5)).

    Raises:
        LookupError: the kernel was built without that file.
    """
    try:
        result: list[int] = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                result += [int(child) for child in file.read().split()]
    except OSError:
        if pid == os.getpid():
            raise LookupError from None
        return []  # it has just ended, and its children are now children of the guard
    return result


def scanned(root: int) -> list[int]:
    """Like `descendants`, but from the parent in each /proc/PID/stat. Slower, but it works on every Linux."""
    children_of: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children_of.setdefault(parent, []).append(int(name))
    found: list[int] = []
    level = [root]
    while level:
        level = [child for pid in level for child in children_of.get(pid, ())]
        found += level
    return found


def group_exists(command: int) -> bool:
    """Whether any process of the command's group is still alive."""
    try:
        os.killpg(command, 0)
    except OSError:
        return False
    return True
