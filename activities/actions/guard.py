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
# ruff: noqa: PTH109, PTH118, PTH123, PTH208, SIM105

import errno
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any

    from activities.actions.usage import Usage
else:
    # The C half of `signal`, the same names as plain numbers: the Python half takes 4 ms to load, for its enums.
    import _signal as signal

CONTROL = 0
LEFTOVER_GRACE = 0.5
# Between two looks at what is left; an ended child wakes the guard earlier.
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.1
FIRST_MEASUREMENT = 0.1
LINUX = sys.platform == "linux"
# <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36
# By this name the app recognizes what is below a guard (`app/serving/task_processes.py`).
NAME = b"signoff-guard"
# Aimed at a group or a terminal, they must not end the guard before the command.
SHIELDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
# Python itself ignores the last two, and exec would hand that down.
RESTORED = (*SHIELDED, signal.SIGPIPE, signal.SIGXFSZ)


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


def prctl(option: int, value: "int | bytes") -> None:
    """prctl(2), where the system has it."""
    if LINUX:
        import ctypes  # noqa: PLC0415 - a fourth of the start: not on a system where it is of no use

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


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


class StartError(Exception):
    """The command could not be started: at which step, and the errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number


Sandbox = dict[str, "Any"]  # the arguments of landlock.restrict


def start(
    argv: list[bytes], env: dict[bytes, bytes], cwd: bytes, limits: dict[str, int], sandbox: Sandbox | None
) -> int:
    """Start the command in a session of its own; returns its process id once it runs.

    Raises:
        StartError: it does not.
    """
    failure, failure_end = os.pipe()  # exec closes its end, so that end of file means success
    guard = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        raise StartError("exec", error.errno or 0) from None
    if pid == 0:
        become(argv, env, cwd, limits, sandbox, guard, failure_end)
    os.close(failure_end)
    report = os.read(failure, 64).decode()
    os.close(failure)
    if report:
        os.waitpid(pid, 0)
        step, number = report.split()
        raise StartError(step, int(number))
    return pid


def become(
    argv: list[bytes],
    env: dict[bytes, bytes],
    cwd: bytes,
    limits: dict[str, int],
    sandbox: Sandbox | None,
    guard: int,
    failure_end: int,
) -> None:
    """In the child: turn into the command. Never returns."""
    step = "exec"
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        step = "chdir"
        os.chdir(cwd)
        # Where a folder on the way has become a link since the worker looked, this is another place.
        if os.getcwdb() != cwd:
            raise OSError(errno.ELOOP, "a link is in the way")
        step = "limits"
        limit_self(limits)
        step = "sandbox"
        if sandbox is not None:
            import landlock  # noqa: PLC0415 - lies beside this file, and only a confined command needs it

            landlock.restrict(**sandbox)
        step = "exec"
        execute(argv, env)
    except OSError as error:
        os.write(failure_end, f"{step} {error.errno}".encode())
    finally:
        os._exit(127)


def limit_self(limits: dict[str, int]) -> None:
    """Put into force what the kernel limits by itself, for this process and each that it starts."""
    import resource  # noqa: PLC0415 - only the command's own process needs it

    for kind, name in ((resource.RLIMIT_FSIZE, "file_size"), (resource.RLIMIT_NOFILE, "open_files")):
        if limit := limits.get(name, 0):
            soft, hard = resource.getrlimit(kind)
            most = [limit if old == resource.RLIM_INFINITY else min(limit, old) for old in (soft, hard)]
            resource.setrlimit(kind, (most[0], most[1]))


def execute(argv: list[bytes], env: dict[bytes, bytes]) -> None:
    """Exec `argv`, looked up in the PATH of `env` as execvp(3) does."""
    if b"/" in argv[0]:
        os.execve(argv[0], argv, env)  # noqa: S606
    failure = FileNotFoundError(2, "not found")
    for folder in env.get(b"PATH", b"").split(b":"):
        try:
            os.execve(os.path.join(folder, argv[0]), argv, env)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            failure = error
    raise failure


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
            pause = min(pause * 2, LONGEST_PAUSE)
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


def kill_groups(done: set[int]) -> None:
    """SIGKILL to the process group of each process of the command that is not in `done`."""
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
    """Send a signal to every process of the command but those in `done`, and add those that got it."""
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
        except OSError:  # gone already, or another user's (setuid), which only its own end removes
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
        return []  # it has just ended, and its children are the guard's now
    return result


def scanned(root: int) -> list[int]:
    """As `descendants`, from the parent in each /proc/PID/stat: slower, but on every Linux."""
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
    """Whether any process of the command's group lives."""
    try:
        os.killpg(command, 0)
    except OSError:
        return False
    return True
