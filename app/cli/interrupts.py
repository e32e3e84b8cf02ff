"""What `signoff run` does when it is interrupted: asks, or detaches from the run, or cancels it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Literal, cast

from rich.text import Text

from app.cli.asking import can_ask, read_reply
from app.cli.broken_output import discard

if TYPE_CHECKING:
    from rich.console import Console

OnInterrupt = Literal["ask", "detach", "cancel"]
Choice = Literal["detach", "cancel", "watch"]
_CHOICES: dict[str, Choice] = {"d": "detach", "c": "cancel", "w": "watch"}
_QUESTION = "The run continues. [d]etach, [c]ancel, or [w]atch on?"


class Interrupts:
    """Turns SIGINT, SIGTERM and a hang-up of the terminal into a cancellation of the current task."""

    def __init__(self, on_interrupt: OnInterrupt) -> None:
        self._on_interrupt = on_interrupt
        self._last = signal.SIGINT
        self._terminals = [descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)]

    def install(self, task: asyncio.Task[int]) -> None:
        """Cancel `task` at each signal from now on."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        # `nohup` ignores hang-ups.
        numbers += [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, self._take, number, task)

    @property
    def exit_code(self) -> int:
        """The exit code of a command that this signal has ended."""
        return 128 + self._last

    async def choose(self, console: Console) -> Choice:
        """What to do about the last signal. Asks a person at the terminal, where a second Ctrl-C detaches."""
        if self._on_interrupt != "ask":
            return cast("Choice", self._on_interrupt)
        if self._last == signal.SIGHUP:
            return "detach"
        if self._last != signal.SIGINT or not can_ask():
            return "cancel"
        try:
            while True:
                reply = (await read_reply(console, _QUESTION)).lower()
                if reply and reply in {reply[0], _CHOICES.get(reply[0], "")} and reply[0] in _CHOICES:
                    return _CHOICES[reply[0]]
                console.print(Text("Answer d, c or w. A second Ctrl-C detaches.", style="yellow"))
        except EOFError:
            return "detach"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            return "detach"

    def _take(self, number: signal.Signals, task: asyncio.Task[int]) -> None:
        self._last = number
        if number == signal.SIGHUP:
            # The terminal is gone, and writing to it would fail.
            discard(*self._terminals)
        task.cancel()
