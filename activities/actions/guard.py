"""The process between a worker and a command. It ensures that no process of the command outlives the worker or a cancel.

It is a copy of `spawner.py`, or a separate program where the system cannot make such a copy. Descriptor 0 is a socket to the
worker, 1 and 2 are the pipe for the command's output, and 3 has the rules of its sandbox, if there is one. All other descriptors
are closed. The guard first sends `ready PID`,
with its own process id. The worker sends the request (its length in 8 bytes, then `marshal` of a dictionary: `argv`, `env`,
`cwd` in bytes, `grace` and `silence` in seconds, `limits`, `sandbox`). Then it sends a `.` as a heartbeat several times
within `silence`, and possibly `T` for "terminate". The guard answers in lines: `started PID`,
`failed chdir|limits|sandbox|exec ERRNO`, `ended WAITSTATUS REASON`. It sends the last two only when no process of the
command is left. REASON is `done`, `silence`, or the name of the limit that the processes exceeded.

If the socket closes, the worker has died. If it is silent, the worker is frozen. In both cases, everything is killed at
once. On `T`, everything gets SIGTERM and, after the grace period, SIGKILL. When the command ends on its own, its background
processes are stopped in the same way, with a grace period of at most half a second.

On Linux, the guard is a child subreaper (prctl(2)). Whatever the command's processes do (setsid, double fork, nohup), they
stay descendants of the guard, so "no child left" means "nothing left". On other systems, only the command's process group
is stopped, and processes that have left the group survive.
"""

# pathlib and contextlib would double the start time.
# ruff: noqa: PTH208, SIM105

import marshal
import os
import select
import sys
import time

from command_start import SHIELDED, StartError, start
from linux_control import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_NAME, prctl
from process_tree import LINUX, descendants, group_exists, kill_groups, send_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from activities.actions.usage import Usage
else:
    # The C part of `signal` has the same names as plain numbers. The Python part takes 4 ms to load, because of its enums.
    import _signal as signal

CONTROL, RULESET = 0, 3
LEFTOVER_GRACE = 0.5
# Pauses between checks for remaining processes. A child that ends wakes the guard earlier.
FIRST_PAUSE, MAX_PAUSE = 0.002, 0.1
FIRST_MEASUREMENT = 0.1
# The app recognizes a guard and its descendants by this name (`app/serving/task_processes.py`).
NAME = b"signoff-guard"


def main() -> None:
    """Run one command."""
    for number in SHIELDED:
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_NAME, NAME)
    # Prevent other processes of the same user from attaching to the guard and taking its socket (pidfd_getfd(2), ptrace(2)).
    prctl(PR_SET_DUMPABLE, 0)
    tell(f"ready {os.getpid()}")
    request = marshal.loads(receive(int.from_bytes(receive(8), "big")))  # noqa: S302 - data from our own worker
    # In its own session, so that Ctrl-C in a terminal does not reach the command. Not earlier: a task that ends orphans takes
    # every session that it does not know for a killed guard's, and now the worker knows this guard.
    os.setsid()
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, wake_up)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    go_first()
    try:
        command = start(request["argv"], request["env"], request["cwd"], request["limits"], request["sandbox"])
    except StartError as error:
        tell(f"failed {error.step} {error.number}")
        return
    tell(f"started {command}")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    watch = Watch(command, request["grace"], request["silence"], request["limits"], wakeup)
    status = watch.until_nothing_is_left()
    tell(f"ended {status} {watch.reason}")
    os._exit(0)


def main_alone() -> None:
    """Run one command, as a program of its own. Its last argument is its highest descriptor."""
    leave_worker(int(sys.argv[-1]))
    main()


def leave_worker(last: int) -> None:
    """Leave the worker's folder, and close its descriptors above `last`. No command must inherit them."""
    os.chdir("/")
    for name in os.listdir("/proc/self/fd" if LINUX else "/dev/fd"):
        if int(name) > last:
            try:
                os.close(int(name))
            except OSError:  # the descriptor that listed the folder
                pass


def wake_up(number: int, frame: object) -> None:
    """Handler for SIGCHLD. It does nothing, but only a signal with a handler reaches the wake-up pipe."""


def receive(size: int) -> bytes:
    """Receive exactly `size` bytes from the worker. If the worker is gone, the guard exits."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(CONTROL, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return bytes(parts)


def tell(line: str) -> None:
    """Send a line to the worker, if it is still alive."""
    try:
        os.write(CONTROL, line.encode() + b"\n")
    except OSError:
        pass


class Watch:
    """Waits for the command's end, a message from the worker, or the worker's end, and cleans up after each."""

    def __init__(self, command: int, grace: float, silence: float, limits: dict[str, int], wakeup: int) -> None:
        self.command = command
        self.limits = limits
        self.usage: Usage | None = None
        # Most commands end before the first measurement, so the code for it is loaded only then.
        self.measure_at = time.monotonic() + FIRST_MEASUREMENT if LINUX and limits else float("inf")
        self.grace = grace
        self.silence = silence
        self.wakeup = wakeup
        self.reason = "done"
        self.heard_at = time.monotonic()
        self.connected = True
        self.status: int | None = None
        self.deadline: float | None = None  # when remaining processes get SIGKILL; None while the command may run
        self.signaled: set[int] = set()
        self.poll = select.poll()
        self.poll.register(CONTROL, select.POLLIN)
        self.poll.register(wakeup, select.POLLIN)

    def until_nothing_is_left(self) -> int:
        """Wait until no process of the command is left. Return the command's wait status."""
        pause = FIRST_PAUSE
        while self.reap():
            if self.status is not None:
                self.stop_within(min(self.grace, LEFTOVER_GRACE))
            if self.connected and self.heard_at + self.silence <= time.monotonic():
                self.lose_worker("silence")
            if self.deadline is None and self.measure_at <= time.monotonic():
                self.measure()
            if self.deadline is None:
                self.wait(min(self.heard_at + self.silence, self.measure_at) - time.monotonic())
                continue
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.kill_all()
            else:
                send_all(self.command, signal.SIGTERM, self.signaled)
                pause = min(pause, left)
            self.wait(pause)
            pause = min(pause * 2, MAX_PAUSE)
        return self.status or 0

    def measure(self) -> None:
        """Kill everything if it exceeds a limit."""
        if self.usage is None:
            import usage  # noqa: PLC0415 - in the same folder

            self.usage = usage.Usage(self.limits)
        exceeded = self.usage.exceeded(descendants(os.getpid()))
        self.measure_at = time.monotonic() + self.usage.pause
        if exceeded is not None:
            self.reason = exceeded
            self.stop_within(0)

    def stop_within(self, grace: float) -> None:
        """Send SIGTERM now, and SIGKILL after `grace` seconds or at an earlier deadline."""
        deadline = time.monotonic() + grace
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    def kill_all(self) -> None:
        """Send SIGKILL to everything in repeated passes without a pause, until a pass finds no new process.

        Processes that multiply quickly would reach their full number again during a pause. A process group is killed as a
        whole, so no fork escapes.
        """
        done: set[int] = set()
        while self.reap():
            before = len(done)
            if LINUX:
                kill_groups(done)
            send_all(self.command, signal.SIGKILL, done)
            if len(done) == before:
                break

    def reap(self) -> bool:
        """Reap ended children. Return whether any are left. Orphans become our children, so no child means no descendant."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return not LINUX and group_exists(self.command)
            if pid == 0:
                return True
            if pid == self.command:
                self.status = status

    def wait(self, seconds: float) -> None:
        """Sleep until a child ends, the worker sends a message or dies, or the time is over."""
        for descriptor, _ in self.poll.poll(max(0.0, seconds) * 1000):
            if descriptor == self.wakeup:
                os.read(self.wakeup, 4096)
            elif heard := self.heard():
                self.heard_at = time.monotonic()
                if b"T" in heard:
                    self.stop_within(self.grace)
            else:
                self.lose_worker("done")

    def lose_worker(self, reason: str) -> None:
        """Kill everything: the worker has died, or another worker may be about to start the same task."""
        self.connected = False
        self.reason = reason
        self.poll.unregister(CONTROL)
        self.stop_within(0)

    @staticmethod
    def heard() -> bytes:
        """Read what the worker has sent. Empty if the worker is gone."""
        try:
            return os.read(CONTROL, 4096)
        except OSError:
            return b""


def go_first() -> None:
    """Get real-time priority (sched(7)). Otherwise, a command with many processes could starve the guard.

    Only root may do this. Processes that the guard starts have normal priority again.
    """
    if LINUX:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError:
            pass
