"""All of Signoff on one machine: Temporal's dev server, a worker and the app, under supervision."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.hidden_environment import variables
from app.server_key import check_server_key
from app.settings import Settings
from app.supervisor import data_folder, environment, ports
from app.supervisor.child import Child, start_log
from app.supervisor.errors import StackError
from app.supervisor.keeping import Say, keep_running, say_on_stderr, signoff_command
from app.supervisor.looking import has_worker, listens
from app.supervisor.preparing import prepare_for_start
from app.temporal import devserver

READY_SECONDS = 60.0
_STARTING_DEATHS = 3
# One look costs a few milliseconds of a processor that the parts need in order to start.
_POLL_SECONDS = 0.1
# The app lets requests finish for 2 s; Temporal needs about 1 s.
_APP_GRACE, _TEMPORAL_GRACE = 2.5, 1.5
# The worker lets tasks finish for `shutdown_grace`, then interrupts them.
_WORKER_MARGIN = 0.5

# Receives what has been done, and the number of seconds that it took.
Step = Callable[[str, float], None]


@dataclass(frozen=True)
class Addresses:
    """The addresses of a running stack; `temporal_ui` is empty if there is no known Web UI."""

    url: str
    temporal: str
    temporal_ui: str
    data_dir: str
    pid: int


@asynccontextmanager
async def running_stack(
    settings: Settings, say: Say = say_on_stderr, *, step: Step | None = None
) -> AsyncGenerator[Addresses]:
    """Run a complete Signoff inside the context. All of its processes end with the context, or with this process.

    The stack includes a dev server unless `temporal_address` names another Temporal server. Leaving the context takes up to
    10 s, or longer if `shutdown_grace` is longer. Cancelling it meanwhile kills the remaining processes.

    Args:
        settings: ports, folders and addresses; passed to all processes.
        say: receives messages about processes that ended and are restarted.
        step: receives what the start is doing, step by step.

    Raises:
        AlreadyRunning: another stack uses the data folder.
        PortTaken: a port is in use.
        StackError: the key is easy to guess, a process does not start, or a process is not ready within 60 s.
    """
    try:
        check_server_key(settings)
    except ValueError as error:
        raise StackError(str(error)) from error
    with data_folder.held(settings, say):
        ports.check(settings)
        ui = None if settings.temporal_address else devserver.hidden_ui()
        if ui is not None:
            settings = settings.model_copy(update={"temporal_ui_upstream": ui.url})
        stack = _Stack(settings, ui, say, step or (lambda _words, _seconds: None))
        try:
            await stack.start()
            yield Addresses(
                url=settings.app_url,
                temporal=settings.effective_temporal_address,
                temporal_ui=settings.effective_temporal_ui_url,
                data_dir=str(settings.data_dir),
                pid=os.getpid(),
            )
        finally:
            await stack.stop()


class _Stack:
    """Starts, watches and stops the processes."""

    def __init__(self, settings: Settings, ui: devserver.UiListener | None, say: Say, step: Step) -> None:
        self._step = step
        self._settings = settings
        self._ui = ui
        self._say = say
        self._children = dict[str, Child]()
        self._watchers = list[asyncio.Task[None]]()

    async def start(self) -> None:
        """Start all processes and wait until they are ready.

        Raises:
            StackError: a process does not start, or a process is not ready within 60 s.
        """
        settings = self._settings
        began = time.monotonic()

        def done(words: str) -> None:
            self._step(words, time.monotonic() - began)

        if not settings.temporal_address:
            try:
                command = devserver.command(settings, self._ui)
            except FileNotFoundError as error:
                raise StackError(str(error)) from error
            done("starting Temporal …")
            self._launch("Temporal", "temporal", command, environment.for_temporal(variables()))
        done("preparing the database …")
        await prepare_for_start(settings, signoff_command("migrate"))
        done("the database is ready; starting the app and a worker …")
        # The app and the worker wait for Temporal themselves, so all three can start at the same time.
        self._launch("app", "app", signoff_command("serve"), environment.for_app(variables(), settings))
        # A single machine should work without further setup, so this worker serves the queues of all agents.
        serve_all = [
            *signoff_command("worker"),
            "--all-queues",
            *([] if settings.temporal_address else ["--own-temporal"]),
        ]
        self._launch("worker", "worker", serve_all, environment.for_worker(variables(), settings))
        if not settings.temporal_address:
            await self._until("Temporal", partial(listens, settings.effective_temporal_address))
            done("Temporal is ready")
        await self._until("The app with a worker", partial(has_worker, settings.app_url))
        done("the app and the worker are ready")

    async def stop(self) -> None:
        """Stop the app, the worker and Temporal in this order, with SIGKILL if necessary; if cancelled, kill all at once."""
        for watcher in self._watchers:
            watcher.cancel()
        try:
            await asyncio.gather(*self._watchers, return_exceptions=True)
            worker_grace = self._settings.shutdown_grace + _WORKER_MARGIN
            for name, grace in (("app", _APP_GRACE), ("worker", worker_grace), ("Temporal", _TEMPORAL_GRACE)):
                if name in self._children:
                    await self._children[name].stop(grace)
        finally:
            for child in self._children.values():
                child.kill()

    def _launch(self, name: str, log: str, command: list[str], variables: dict[str, str]) -> None:
        path = start_log(self._settings.data_dir / "logs" / f"{log}.log")
        child = self._children[name] = Child(name, command, variables, path)
        self._watchers.append(asyncio.create_task(keep_running(child, self._say), name=f"watch-{log}"))

    async def _until(self, what: str, is_ready: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await is_ready():
            for watcher in self._watchers:
                if watcher.done():
                    await watcher
            for child in self._children.values():
                if child.deaths >= _STARTING_DEATHS:
                    raise StackError(f"{child.name} does not start. The last lines of {child.log}:\n{child.tail()}")
            if time.monotonic() > deadline:
                logs = self._settings.data_dir / "logs"
                raise StackError(f"{what} was not ready within {READY_SECONDS:g} s. See the logs in {logs}.")
            await asyncio.sleep(_POLL_SECONDS)
