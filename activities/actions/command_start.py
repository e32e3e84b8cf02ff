"""Starts a command: the steps of the guard's child process between fork and exec.

This is part of the guard, and imports only what the guard has already loaded.
"""

# pathlib and contextlib would double the start time.
# ruff: noqa: PTH109, PTH118

import errno
import os

from linux_control import PR_SET_PDEATHSIG, RLIMIT_FSIZE, RLIMIT_NOFILE, lower_limit, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    # The C part of `signal` has the same names as plain numbers. The Python part takes 4 ms to load, because of its enums.
    import _signal as signal

# Signals to a process group or a terminal must not end the guard before the command.
SHIELDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
# Python ignores the last two, and exec would pass this on to the command.
RESTORED = (*SHIELDED, signal.SIGPIPE, signal.SIGXFSZ)


class StartError(Exception):
    """The command could not be started. It has the failed step and the errno."""

    def __init__(self, step: str, number: int) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number


Sandbox = dict[str, "Any"]  # the arguments of landlock.restrict; its descriptor is that of this process


def start(
    argv: list[bytes], env: dict[bytes, bytes], cwd: bytes, limits: dict[str, int], sandbox: Sandbox | None
) -> int:
    """Start the command in its own session. Return its process id once it runs.

    Raises:
        StartError: the command could not be started.
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
    """In the child process: become the command. This function never returns."""
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
        # If a folder in the path has become a link since the worker checked it, this is a different place.
        if os.getcwdb() != cwd:
            raise OSError(errno.ELOOP, "a link is in the way")
        step = "limits"
        limit_self(limits)
        step = "sandbox"
        if sandbox is not None:
            import landlock  # noqa: PLC0415 - in the same folder; only a sandboxed command needs it

            landlock.restrict(**sandbox)
        step = "exec"
        execute(argv, env)
    except OSError as error:
        os.write(failure_end, f"{step} {error.errno}".encode())
    finally:
        os._exit(127)


def limit_self(limits: dict[str, int]) -> None:
    """Set the limits that the kernel enforces, for this process and every process that it starts."""
    for kind, name in ((RLIMIT_FSIZE, "file_size"), (RLIMIT_NOFILE, "open_files")):
        if limit := limits.get(name, 0):
            lower_limit(kind, limit)


def execute(argv: list[bytes], env: dict[bytes, bytes]) -> None:
    """Exec `argv`. The program is looked up in the PATH of `env`, as execvp(3) does."""
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
