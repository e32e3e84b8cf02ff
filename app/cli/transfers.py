"""A progress bar for transfers of files that take longer than a second. Only a terminal gets one."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from app.cli.display import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# A shorter transfer needs no bar, which would only flicker.
QUIET_SECONDS = 1.0


@contextmanager
def transfer(title: str) -> Generator[Callable[[int, int | None], None]]:
    """Yield the function to call with the bytes transferred so far, and the size if it is known. Needs a running event loop."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )
    task = bar.add_task(visible(title), total=None)

    def show(done: int, size: int | None) -> None:
        bar.update(task, completed=done, total=size)

    # By a timer: a transfer that does not move needs the bar most.
    start = asyncio.get_running_loop().call_later(QUIET_SECONDS, bar.start) if console.is_terminal else None
    try:
        yield show
    finally:
        if start is not None:
            start.cancel()
        # Outside of a terminal, stopping a bar that never started would print an empty line.
        if bar.live.is_started:
            bar.stop()
