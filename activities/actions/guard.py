"""The process between a worker and a command: no process of the command outlives the worker, or a cancel.

Run by `process.py` as a program of its own, with little of the standard library: it starts with every command, and
each import counts. Descriptor 0 is a socket to the worker, 1 and 2 are the pipe for the command's output; every other
one is closed. The worker sends the request (its length in 8 bytes, then `marshal` of a dictionary: `argv`, `env`,
`cwd` in bytes, `grace` and `silence` in seconds, `limits`, `sandbox`), then a `.` as a sign of life several times
within `silence`, and perhaps `T` for "terminate". The guard answers in lines: `started PID`,
`failed chdir|limits|sandbox|exec ERRNO`, `ended WAITSTATUS REASON`; the last two only when nothing of the command is
left. REASON is `done`, `silence`, or the name of the limit that the processes went over.

The socket's end means that the worker died, and silence that it is frozen: everything is killed at once. On `T`
everything gets SIGTERM and, after the grace, SIGKILL. When the command ends by itself, what it left running in the
background is stopped in the same way, with a grace of half a second at most.

On Linux the guard is a child subreaper (prctl(2)): whatever the command's processes do (setsid, double fork, nohup),
each stays a descendant of the guard, so "no child left" means "nothing left". Elsewhere only the command's process
group is stopped, and what has left that group survives.
"""

# pathlib and contextlib would double the time of the start.
# ruff: noqa: PTH208, SIM105

import marshal
import os
import select
import time

from command_start import SHIELDED, StartError, start
from linux_control import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_NAME, prctl
from process_tree import LINUX, descendants, group_exists, kill_groups, send_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from activities.actions.usage import Usage
else:
    # The C half of `signal`, the same names as plain numbers: the Python half takes 4 ms to load, for its enums.
    import _signal as signal

CONTROL = 0
LEFTOVER_GRACE = 0.5
# Between two looks at what is left; an ended child wakes the guard earlier.
FIRST_PAUSE, MAX_PAUSE = 0.002, 0.1
FIRST_MEASUREMENT = 0.1
# By this name the app recognizes what is below a guard (`app/serving/task_processes.py`).
NAME = b"signoff-guard"


def main() -> None:
    """Carry one command out."""
    close_inherited()
    for number in SHIELDED:
        signal.signal(number, signal.SIG_IGN)
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, wake_up)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_NAME, NAME)
    # No process of the same user may attach to the guard and take its socket (pidfd_getfd(2), ptrace(2)).
    prctl(PR_SET_DUMPABLE, 0)
    go_first()
    request = marshal.loads(receive(int.from_bytes(receive(8), "big")))  # noqa: S302 - our own worker's
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


def close_inherited() -> None:
    """Close every descriptor above 2: whatever the worker let through, the command must not get it."""
    for name in os.listdir("/proc/self/fd" if LINUX else "/dev/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:  # the one that listed the folder
                pass


def wake_up(number: int, frame: object) -> None:
    """For SIGCHLD: only a signal with a handler reaches the wake-up pipe."""


def receive(size: int) -> bytes:
    """Exactly `size` bytes from the worker; the guard ends where the worker is gone."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(CONTROL, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return bytes(parts)


def tell(line: str) -> None:
    """Send a line to the worker, if it still lives."""
    try:
        os.write(CONTROL, line.encode() + b"\n")
    except OSError:
        pass


class Watch:
    """Waits for the command's end, the worker's word, or the worker's end, and clears up after each."""

    def __init__(self, command: int, grace: float, silence: float, limits: dict[str, int], wakeup: int) -> None:
        self.command = command
        self.limits = limits
        self.usage: Usage | None = None
        # Most commands are gone before the first measurement, which loads the code for it.
        self.measure_at = time.monotonic() + FIRST_MEASUREMENT if LINUX and limits else float("inf")
        self.grace = grace
        self.silence = silence
        self.wakeup = wakeup
        self.reason = "done"
        self.heard_at = time.monotonic()
        self.connected = True
        self.status: int | None = None
        self.deadline: float | None = None  # when what is left gets SIGKILL; None while the command may run
        self.signalled: set[int] = set()
        self.poll = select.poll()
        self.poll.register(CONTROL, select.POLLIN)
        self.poll.register(wakeup, select.POLLIN)

    def until_nothing_is_left(self) -> int:
        """The command's wait status, once no process of it is left."""
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
                send_all(self.command, signal.SIGTERM, self.signalled)
                pause = min(pause, left)
            self.wait(pause)
            pause = min(pause * 2, MAX_PAUSE)
        return self.status or 0

    def measure(self) -> None:
        """Kill everything if it uses more than it may."""
        if self.usage is None:
            import usage  # noqa: PLC0415 - lies beside this file

            self.usage = usage.Usage(self.limits)
        exceeded = self.usage.exceeded(descendants(os.getpid()))
        self.measure_at = time.monotonic() + self.usage.pause
        if exceeded is not None:
            self.reason = exceeded
            self.stop_within(0)

    def stop_within(self, grace: float) -> None:
        """SIGTERM from now on, SIGKILL in `grace` seconds or when an earlier call said so."""
        deadline = time.monotonic() + grace
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    def kill_all(self) -> None:
        """SIGKILL to everything, pass after pass without a pause, until a pass finds nothing that it has not killed.

        What multiplies faster than it is found would be back at its full number after a pause. A whole process group is
        killed at once, which no fork escapes.
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
        """Collect what has ended; whether anything is left (an orphan becomes our child: no child, no descendant)."""
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
        """Sleep until a child ends, the worker speaks or dies, or the time is over."""
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
        """Kill everything: the worker has died, or another one may be about to do the same task."""
        self.connected = False
        self.reason = reason
        self.poll.unregister(CONTROL)
        self.stop_within(0)

    @staticmethod
    def heard() -> bytes:
        """What the worker has said; empty where it is gone."""
        try:
            return os.read(CONTROL, 4096)
        except OSError:
            return b""


def go_first() -> None:
    """Run before every ordinary process (sched(7)), or a command with enough processes would starve the guard.

    Only root may; what the guard starts is ordinary again.
    """
    if LINUX:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError:
            pass
