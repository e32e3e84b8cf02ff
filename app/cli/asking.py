"""Asks at the terminal: yes or no, one of several options, or any text."""

from __future__ import annotations

import asyncio
import os
import sys
import termios

from rich.console import Console
from rich.text import Text

from app.cli.display import visible


def can_ask() -> bool:
    """Whether a person can be asked: standard input and standard error are both terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(console: Console, question: str) -> bool:
    """Ask a yes-or-no question on the terminal. Anything but `y` or `yes` means no. Can be cancelled."""
    return (await read_reply(console, f"{question} [y/N]")).lower() in {"y", "yes"}


async def choose(
    console: Console, question: str, options: tuple[str, ...], *, exact: bool = True, whole: str | None = None
) -> str | None:
    """Ask the person to choose an option, or to type any text if there are none, or if the answer need not be `exact`.

    None if the reply matches no option. The beginning of an option is enough, except for the option `whole`.
    """
    choices = f"[{'/'.join(visible(option) for option in options)}] " if options else ""
    reply = await read_reply(console, f"{question} {choices}".rstrip())
    if not options or reply in options:
        return reply or None
    matches = [option for option in options if reply and option != whole and option.lower().startswith(reply.lower())]
    return matches[0] if len(matches) == 1 else None if exact else reply or None


async def read_reply(console: Console, question: str) -> str:
    """Print a question and return what the person types. Can be cancelled."""
    descriptor = sys.stdin.fileno()
    # Discard what was typed before the question appeared: it cannot be an answer to it.
    termios.tcflush(descriptor, termios.TCIFLUSH)
    console.print(Text(f"{question} "), end="", soft_wrap=True)
    loop = asyncio.get_running_loop()
    # Not input(): a blocking read would delay Ctrl-C and answers that are given elsewhere.
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    except asyncio.CancelledError:
        console.print()
        raise
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1024).decode(errors="replace").strip()
