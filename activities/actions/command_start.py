"""Becoming a command: what the guard's child does between fork and exec.

Part of the guard, with nothing but what that has loaded already.
"""

# pathlib and contextlib would double the time of the start.
# ruff: noqa: PTH109, PTH118

import errno
import os

from linux_control import PR_SET_PDEATHSIG, RLIMIT_FSIZE, RLIMIT_NOFILE, lower_limit, prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    # The C half of `signal`, the same names as plain numbers: the Python half takes 4 ms to load, for its enums.
    import _signal as signal

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
    for kind, name in ((RLIMIT_FSIZE, "file_size"), (RLIMIT_NOFILE, "open_files")):
        if limit := limits.get(name, 0):
            lower_limit(kind, limit)


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
