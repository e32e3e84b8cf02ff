"""Run a command that dies with the process that started it, kill -9 included: `python tether.py PARENT_PID COMMAND…`.

A program of its own instead of a `preexec_fn`, which may deadlock in a process that has threads. Its pid becomes the
command's. Elsewhere than on Linux it only runs the command.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel for SIGKILL at the parent's end, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        # The parent may have ended before the line above.
        if os.getppid() != parent:
            sys.exit("the process that started this one has ended")
    os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    main()
