"""prctl(2) for the guard and the worker."""

import sys

# <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36


def prctl(option: int, value: "int | bytes") -> None:
    """prctl(2), where the system has it."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - a fourth of the start: not on a system where it is of no use

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
