"""Forks a guard for each command. A worker starts this program once, so that no command waits for a new Python interpreter.

`guard_start.py` runs it, with little of the standard library: every guard is a copy of it, so each import costs memory and time.
Descriptor 0 is a socket to the worker. Each message on it carries the descriptors of a new guard: its socket to the worker, the
pipe for the command's output, and the rules of its sandbox, if there is one. This process ends when the worker ends. Guards
outlive it, and need nothing of it.

A guard is made with CLONE_PARENT (clone(2)), so it is a child of the worker and not of this process. The worker reaps it, and
inherits the command's processes if the guard is killed.
"""

import _socket
import gc
import os
import sys

import guard
from command_start import SHIELDED
from linux_control import PR_SET_DUMPABLE, PR_SET_NAME, fork_sibling, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # The C part of `signal` has the same names as plain numbers. The Python part takes 4 ms to load, because of its enums.
    import _signal as signal

NAME = b"signoff-spawner"
# What guards import when they need it. It is loaded once, here.
for name in ("landlock", "usage"):
    __import__(name)
DESCRIPTOR_SIZE = 4


def main() -> None:
    """Fork a guard for each message of the worker."""
    guard.leave_worker(2)
    for number in SHIELDED:
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_NAME, NAME)
    # Prevent other processes of the same user from attaching and taking the sockets of guards. Guards inherit this.
    prctl(PR_SET_DUMPABLE, 0)
    worker = _socket.socket(fileno=0)
    # The copies share these objects as long as nobody counts references to look for garbage.
    gc.disable()
    gc.freeze()
    while True:
        message, attached, _, _ = worker.recvmsg(1, _socket.CMSG_SPACE(3 * DESCRIPTOR_SIZE))
        if not message:
            os._exit(0)
        received = descriptors(attached)
        # The message says how many there are.
        if len(received) == message[0]:
            start_guard(*received)
        for descriptor in received:
            os.close(descriptor)


def descriptors(attached: list[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors that came with a message. Fewer than were sent if this process has too many open."""
    data = b"".join(item for _, kind, item in attached if kind == _socket.SCM_RIGHTS)
    size = DESCRIPTOR_SIZE
    return [int.from_bytes(data[begin : begin + size], sys.byteorder) for begin in range(0, len(data) - size + 1, size)]


def start_guard(control: int, output: int, ruleset: int | None = None) -> None:
    """Fork a guard. If that is not possible, tell the worker on `control`."""
    try:
        child = fork_sibling()
    except OSError as error:
        os.write(control, f"failed exec {error.errno}\n".encode())
        return
    if child == 0:
        try:
            # They came in a message, so all are above 2 and in this order, and none is overwritten before it is used.
            os.dup2(control, guard.CONTROL)
            os.dup2(output, 1)
            os.dup2(output, 2)
            last = guard.CONTROL + 2
            if ruleset is not None:
                last = guard.RULESET
                os.dup2(ruleset, last, inheritable=False)
            os.closerange(last + 1, max(control, output, ruleset or 0) + 1)
            guard.main()
        finally:
            os._exit(1)
