"""Processes that compute for the app, to keep its event loop and its interpreter free for other requests."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from app.hidden_environment import split
from app.settings.environment import PREFIX


class HelperEndedError(Exception):
    """A helper ended before it answered; `code` is its exit code, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a helper process ended with {code}")
        self.code = code


class HelperProcesses:
    """A small pool of processes of one program. They start when first needed; each answers one request at a time.

    A request waits until a process is free. A process that ends is replaced for the next request.

    Args:
        module: the program; `app.api.views.preview_process` describes how requests and answers are framed.
        arguments: the program's command line.
        environment: the app's environment. The processes inherit it without Signoff's settings and secrets.
        count: maximum number of processes.
    """

    def __init__(self, module: str, arguments: Sequence[str], environment: dict[str, str], count: int) -> None:
        # -P: do not import a folder named `app` from the current folder instead of ours.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        plain = split(environment)[0]
        self._environment = {name: value for name, value in plain.items() if not name.startswith(PREFIX)}
        self._free = asyncio.Semaphore(count)
        self._idle: list[Process] = []
        self._all: set[Process] = set()

    async def answer(self, request: bytes) -> bytes:
        """Send `request` to a process and return its answer.

        Raises:
            HelperEndedError: the process ended before it answered.
        """
        async with self._free:
            process = await self._started()
            try:
                answer = await _exchange(process, request)
            except BaseException:
                # Nobody waits for this answer any more, and the next request must not receive it instead of its own.
                await self._end(process)
                raise
            self._idle.append(process)
            return answer

    async def close(self) -> None:
        """End all processes."""
        for process in list(self._all):
            await self._end(process)

    async def _started(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            self._all.discard(process)
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, env=self._environment)
        self._all.add(process)
        return process

    async def _end(self, process: Process) -> None:
        self._all.discard(process)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _exchange(process: Process, request: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(len(request).to_bytes(4) + request)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4))
        return await process.stdout.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise HelperEndedError(await process.wait()) from error
