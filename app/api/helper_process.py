"""Processes that compute for the app, so that its event loop, and the interpreter that it runs in, stay free for others."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from app.hidden_environment import split
from app.settings_environment import PREFIX


class HelperEndedError(Exception):
    """A helper ended before it had answered; `code` is how, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a helper process ended with {code}")
        self.code = code


class HelperProcesses:
    """A few processes of one program, started when they are first needed, that answer one request at a time each.

    A request waits until one of them is free. One that ends is started again for the next request.

    Args:
        module: the program; `app.api.preview_process` says how requests and answers are framed.
        arguments: its command line.
        environment: the app's. The processes inherit it without Signoff's settings and secrets.
        count: how many run at most.
    """

    def __init__(self, module: str, arguments: Sequence[str], environment: dict[str, str], count: int) -> None:
        # -P: a folder `app` in the current folder is none of ours.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        plain = split(environment)[0]
        self._environment = {name: value for name, value in plain.items() if not name.startswith(PREFIX)}
        self._free = asyncio.Semaphore(count)
        self._idle: list[Process] = []
        self._all: set[Process] = set()

    async def answer(self, request: bytes) -> bytes:
        """The answer to `request`.

        Raises:
            HelperEndedError: the process that had it ended.
        """
        async with self._free:
            process = await self._started()
            try:
                answer = await _exchange(process, request)
            except BaseException:
                # Nobody waits for what it would still answer, which the next request must not take for its own.
                await self._end(process)
                raise
            self._idle.append(process)
            return answer

    async def close(self) -> None:
        """End them all."""
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
