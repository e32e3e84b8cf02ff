"""Asks at the terminal: yes or no, one of several options, or any text."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from typing import TYPE_CHECKING

from rich.text import Text

from app.cli.display import visible

if TYPE_CHECKING:
    from rich.console import Console


def can_ask() -> bool:
    """Whether a person can be asked: standard input and standard error are both terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(console: Console, question: str) -> bool:
    """Ask a yes-or-no question on the terminal, again after a reply that is neither. No reply means no. Can be cancelled."""
    while True:
        try:
            reply = (await read_reply(console, f"{question} [y/N]")).lower()
        except EOFError:
            return False
        if reply in {"y", "yes"}:
            return True
        if reply in {"", "n", "no"}:
            return False
        console.print(Text("Answer y or n.", style="yellow"))


async def choose(
    console: Console, question: str, options: tuple[str, ...], *, exact: bool = True, whole: str | None = None
) -> str:
    """Ask the person to choose an option, or to type any text if there are none, or if the answer need not be `exact`.

    Asks again after a reply that matches no option. The beginning of an option is enough, except for the option `whole`.

    Raises:
        EOFError: the person has ended the input (Ctrl-D), so there is no answer.
    """
    choices = f"[{'/'.join(visible(option) for option in options)}] " if options else ""
    while True:
        reply = await read_reply(console, f"{question} {choices}".rstrip())
        if answer := _matching(reply, options, exact=exact, whole=whole):
            return answer
        hint = f"Answer one of: {', '.join(map(visible, options))}." if options else "Type an answer."
        console.print(Text(f"{hint} Ctrl-D leaves it open.", style="yellow"), soft_wrap=True)


def _matching(reply: str, options: tuple[str, ...], *, exact: bool, whole: str | None) -> str:
    """The option that a reply means, or the reply itself if any text will do; empty if there is none."""
    if not options or not reply or reply in options:
        return reply
    matches = [option for option in options if option != whole and option.lower().startswith(reply.lower())]
    if len(matches) == 1:
        return matches[0]
    return "" if exact else reply


async def read_reply(console: Console, question: str) -> str:
    """Print a question and return what the person types. Can be cancelled.

    Raises:
        EOFError: the person has ended the input, or the terminal has gone.
    """
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
    typed = _read(descriptor)
    if not typed:
        console.print()
        raise EOFError
    return typed.decode(errors="replace").strip()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1024)
    except OSError:  # the terminal was closed
        return b""
