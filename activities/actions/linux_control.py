"""Calls prctl(2) and setrlimit(2) for the guard and the worker.

It uses ctypes, which the guard loads anyway. The module `resource` would take 1.5 ms to load, for each command.
"""

import os
import sys

# <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36
RLIMIT_FSIZE, RLIMIT_NOFILE = "RLIMIT_FSIZE", "RLIMIT_NOFILE"
# <asm-generic/resource.h>, which these architectures use unchanged.
_NUMBERS = {RLIMIT_FSIZE: 1, RLIMIT_NOFILE: 7}
_GENERIC = {"x86_64", "aarch64", "riscv64"}
# clone(2), with the order of arguments of the same architectures.
_CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220}
_CLONE_PARENT, _SIGCHLD = 0x8000, 17
CAN_FORK_SIBLING = sys.platform == "linux" and os.uname().machine in _CLONE


def prctl(option: int, value: "int | bytes") -> None:
    """Call prctl(2), if the system has it."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - a quarter of the start time; not loaded where it has no use

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def lower_limit(kind: str, limit: int) -> None:
    """Lower a resource limit of this process, and of processes that it starts, to `limit` if it is higher.

    Raises:
        OSError: the limit cannot be changed.
    """
    if sys.platform != "linux" or os.uname().machine not in _GENERIC:
        import resource  # noqa: PLC0415 - only if needed

        number = getattr(resource, kind)
        limits = [limit if old == resource.RLIM_INFINITY else min(limit, old) for old in resource.getrlimit(number)]
        resource.setrlimit(number, (limits[0], limits[1]))
        return
    import ctypes  # noqa: PLC0415 - already loaded

    libc = ctypes.CDLL(None, use_errno=True)
    # Soft and hard limit. Infinity is the largest number, so the minimum is correct.
    pair = (ctypes.c_uint64 * 2)()
    if libc.getrlimit(_NUMBERS[kind], pair) != 0:
        raise OSError(ctypes.get_errno(), "getrlimit")
    pair[0], pair[1] = min(limit, pair[0]), min(limit, pair[1])
    if libc.setrlimit(_NUMBERS[kind], pair) != 0:
        raise OSError(ctypes.get_errno(), "setrlimit")


def fork_sibling() -> int:
    """Fork a process whose parent is the parent of this one. Returns 0 in the new process, and its process id in this one.

    This process must have only one thread. Possible only if `CAN_FORK_SIBLING`.

    Raises:
        OSError: the system refuses another process.
    """
    import ctypes  # noqa: PLC0415 - already loaded

    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(_CLONE[os.uname().machine], ctypes.c_ulong(_CLONE_PARENT | _SIGCHLD), None, None, None, None)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return int(pid)
