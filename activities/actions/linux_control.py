"""prctl(2) and setrlimit(2) for the guard and the worker.

By ctypes, which the guard has loaded anyway: the module `resource` takes 1.5 ms to load, for each command.
"""

import os
import sys

# <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36
RLIMIT_FSIZE, RLIMIT_NOFILE = "RLIMIT_FSIZE", "RLIMIT_NOFILE"
# <asm-generic/resource.h>, which these architectures use as it is.
_NUMBERS = {RLIMIT_FSIZE: 1, RLIMIT_NOFILE: 7}
_GENERIC = {"x86_64", "aarch64", "riscv64"}


def prctl(option: int, value: "int | bytes") -> None:
    """prctl(2), where the system has it."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - a fourth of the start: not on a system where it is of no use

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def lower_limit(kind: str, limit: int) -> None:
    """Lower a resource limit of this process, and of those that it will start, to `limit` if it is higher.

    Raises:
        OSError: it cannot be changed.
    """
    if sys.platform != "linux" or os.uname().machine not in _GENERIC:
        import resource  # noqa: PLC0415 - only where it must be

        number = getattr(resource, kind)
        limits = [limit if old == resource.RLIM_INFINITY else min(limit, old) for old in resource.getrlimit(number)]
        resource.setrlimit(number, (limits[0], limits[1]))
        return
    import ctypes  # noqa: PLC0415 - loaded by now

    libc = ctypes.CDLL(None, use_errno=True)
    # Soft and hard limit; infinity is the largest number, so that the minimum is right.
    pair = (ctypes.c_uint64 * 2)()
    if libc.getrlimit(_NUMBERS[kind], pair) != 0:
        raise OSError(ctypes.get_errno(), "getrlimit")
    pair[0], pair[1] = min(limit, pair[0]), min(limit, pair[1])
    if libc.setrlimit(_NUMBERS[kind], pair) != 0:
        raise OSError(ctypes.get_errno(), "setrlimit")
