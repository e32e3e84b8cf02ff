"""One process of the stack, with its own log file; it ends with the stack."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.hidden_environment import DESCRIPTOR, hand_over, split

_TETHER = str(Path(__file__).with_name("tether.py"))
_TAIL_LINES = 8
_TAIL_BYTES = 4096


@dataclass
class Child:
    """A process that can be restarted any number of times.

    Attributes:
        name: its name in messages.
        command: its command line; the first word is a path.
        environment: its complete environment. Secrets in it are passed to the process where no other process can see them.
        log: the file for its output; None if it writes to the output of this process.
        deaths: how often it has exited without being stopped.
        failures: how often in a row it has exited soon after its start.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path | None
    deaths: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)
    _process: Process | None = field(default=None, init=False)

    async def run(self) -> int:
        """Start the process, wait until it exits, and return its exit code, negative for a signal."""
        # -I -S: the tether needs only the standard library, and loading site-packages would slow it down.
        tether = [sys.executable, "-I", "-S", _TETHER, str(os.getpid())]
        plain, hidden = split(self.environment)
        with ExitStack() as stack:
            log = stack.enter_context(self.log.open("ab")) if self.log is not None else None
            handed: list[int] = []
            if hidden:
                handed.append(hand_over(hidden))
                stack.callback(os.close, handed[0])
                plain[DESCRIPTOR] = str(handed[0])
            self._process = await asyncio.create_subprocess_exec(
                *tether,
                *self.command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT if log is not None else None,
                env=plain,
                pass_fds=handed,
                # Ctrl-C in the terminal must reach only the stack, which stops its parts in order.
                # A new session rather than a process group, because uvloop does not support process groups.
                start_new_session=True,
            )
        return await self._process.wait()

    async def stop(self, grace: float) -> None:
        """Stop the process: SIGTERM, then SIGKILL for its process group after `grace` seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await process.wait()
        if process.returncode is None:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """Kill the process and its process group at once."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def tail(self) -> str:
        """The last lines of its log, indented; empty if it has no log of its own."""
        if self.log is None:
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:])


def start_log(path: Path) -> Path:
    """Create an empty log at `path`; rename an existing one to `<path>.1`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.replace(path.with_name(f"{path.name}.1"))
    path.touch()
    return path


def describe_end(code: int) -> str:
    """Describe an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
