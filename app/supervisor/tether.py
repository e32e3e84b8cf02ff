"""Run a command that dies with the process that started it, even after kill -9: `python tether.py PARENT_PID COMMAND…`.

This is a separate program because a `preexec_fn` may deadlock in a process that has threads. The command keeps this program's
process id. On systems other than Linux, it only runs the command.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel to send SIGKILL when the parent ends, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        # The parent may have ended before the call above.
        if os.getppid() != parent:
            sys.exit("the parent process has ended")
    os.execv(command[0], command)  # noqa: S606 - a shell is not wanted


if __name__ == "__main__":
    main()
