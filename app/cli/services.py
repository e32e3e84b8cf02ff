"""The commands that run, prepare and check Signoff's processes: up, serve, worker, migrate, key, doctor."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.options import settings_options
from app.private_files import keep_private
from app.server_key import new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.settings import Settings
    from app.supervisor.stack import Addresses

# Net allocations after which the garbage collector looks for reference cycles. A response about 10,000 tasks consists of
# several hundred thousand objects, none of them in a cycle. With the usual threshold of 700, collecting took two thirds of
# the response time.
_COLLECT_AFTER = 100_000

# How long a computing thread may keep the interpreter from the thread that answers requests. A request waits for this several
# times, so the usual 5 ms add up.
_SWITCH_SECONDS = 0.0005


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print all addresses as one line of JSON once everything is ready."
)
@settings_options
def up(settings: Settings, as_json: bool) -> None:
    """Start Temporal, a worker and the app, and keep them running until Ctrl-C or SIGTERM.

    All data is stored in the data folder. Projects may work in the folder in which you start this command.
    """
    from app.supervisor.errors import StackError  # noqa: PLC0415

    try:
        asyncio.run(_stay_up(_with_current_folder(settings), as_json=as_json))
    except StackError as error:
        raise click.ClickException(str(error)) from error


async def _stay_up(settings: Settings, *, as_json: bool) -> None:
    from app.supervisor.stack import running_stack  # noqa: PLC0415

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A second signal cuts the orderly shutdown short.
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with running_stack(settings, step=_print_step) as addresses:
            _print_addresses(addresses, as_json=as_json)
            try:
                await asyncio.Event().wait()
            finally:
                click.echo("signoff: stopping", err=True)
    except asyncio.CancelledError:
        return


def _print_step(words: str, seconds: float) -> None:
    """Say what the start is doing. On a terminal, each line says how long the step took."""
    took = f"  {seconds:.1f} s" if sys.stderr.isatty() else ""
    click.echo(f"signoff: {words}{took}", err=True)


def _print_addresses(addresses: Addresses, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(addresses)))
        sys.stdout.flush()
        return
    lines = {"Signoff": addresses.url, "Temporal": addresses.temporal, "Temporal's Web UI": addresses.temporal_ui}
    for name, where in (lines | {"Data": addresses.data_dir}).items():
        if where:
            click.echo(f"{name:18} {where}")
    click.secho("Ready. Press Ctrl-C to stop.", dim=True)


def _with_current_folder(settings: Settings) -> Settings:
    here = Path.cwd()
    if here in {Path("/"), Path.home()}:
        return settings
    return settings.model_copy(update={"workspace_roots": [*settings.workspace_roots, here]})


@click.command()
@settings_options
def serve(settings: Settings) -> None:
    """Start only the app.

    Start Temporal and a worker separately. The database must have its tables: see `signoff migrate`.
    """
    # Modules and routes stay. Looking for garbage among them while they load took a fifth of the time until the app answers.
    gc.disable()
    import uvicorn  # noqa: PLC0415 - only this command needs it

    from app.log import configure_logging  # noqa: PLC0415
    from app.main import create_app  # noqa: PLC0415
    from app.serving.server import server_config  # noqa: PLC0415
    from app.storage.schema_state import NotMigrated, check_migrated  # noqa: PLC0415

    configure_logging(settings.log_level, settings.log_format)
    _keep_private(settings, logging.getLogger(__name__).warning)
    try:
        app = create_app(settings)
        asyncio.run(check_migrated(settings.effective_database_url))
    except (ValueError, NotMigrated) as error:
        raise click.ClickException(str(error)) from error
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    gc.enable()
    sys.setswitchinterval(_SWITCH_SECONDS)
    uvicorn.Server(server_config(app, settings)).run(sockets=_listening(settings))


def _listening(settings: Settings) -> list[socket.socket]:
    """Open a socket for the app, and one for Temporal's Web UI if the app shows it.

    Raises:
        click.ClickException: one of the ports cannot be opened.
    """
    ports = [settings.port] + ([settings.temporal_ui_port] if settings.temporal_ui_upstream else [])
    sockets: list[socket.socket] = []
    for port in ports:
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            sockets.append(socket.create_server((settings.host, port), family=family, backlog=2048))
        except OSError as error:
            raise click.ClickException(f"Cannot listen on {settings.host}, port {port}: {error.strerror}.") from error
    return sockets


@click.command()
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="Run only tasks of this queue; repeatable.")
@click.option("--all-queues", is_flag=True, help="Also serve the queue of every agent.")
# `up` sets this for a worker of its own dev server.
@click.option("--own-temporal", is_flag=True, hidden=True)
@settings_options
def worker(settings: Settings, queues: tuple[str, ...], all_queues: bool, own_temporal: bool) -> None:
    """Start only a worker, as `python worker.py` does.

    It serves the workflow queue and everything that belongs to it. With --queue, it runs only the tasks of agents with that
    queue. With --processes, it runs that many of these processes, restarts one that ends, and stops all of them on Ctrl-C or
    SIGTERM.
    """
    if queues and all_queues:
        raise click.UsageError("Use either --queue or --all-queues, not both.")
    if settings.processes > 1:
        flags = {"--all-queues": all_queues, "--own-temporal": own_temporal}
        given = [flag for flag, is_given in flags.items() if is_given]
        _work_in_processes(settings, [*given, *(f"--queue={queue}" for queue in queues)])
        return
    from worker import QueueUnknown, main  # noqa: PLC0415 - imports all workflows and activities

    try:
        main(settings, queues=queues, all_queues=all_queues, own_temporal=own_temporal)
    except QueueUnknown as error:
        raise click.BadParameter(str(error), param_hint="--queue") from error


def _work_in_processes(settings: Settings, arguments: list[str]) -> None:
    from app.supervisor.errors import StackError  # noqa: PLC0415
    from app.supervisor.worker_processes import run  # noqa: PLC0415

    if settings.metrics:
        raise click.UsageError("Several processes cannot share the address of --metrics. Leave out one of the two.")
    try:
        asyncio.run(run(settings, arguments))
    except StackError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@settings_options
def migrate(settings: Settings) -> None:
    """Migrate the database to the latest schema.

    The command also prepares the workspaces folder.
    """
    from app.supervisor.errors import StackError  # noqa: PLC0415
    from app.supervisor.preparing import prepare  # noqa: PLC0415

    _keep_private(settings)
    try:
        prepare(settings)
    except StackError as error:
        raise click.ClickException(str(error)) from error
    from app.database.url import shown_url  # noqa: PLC0415 - SQLAlchemy is loaded by now anyway

    click.echo(f"{shown_url(settings.effective_database_url)} is up to date.")


@click.command()
def key() -> None:
    """Generate a key for SIGNOFF_API_KEY and print it.

    It has 43 characters (256 random bits) and is not stored anywhere.
    """
    click.echo(new_key())


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@settings_options
def doctor(settings: Settings, as_json: bool) -> None:
    """Check the setup and suggest fixes.

    The exit code is 1 if anything required is broken.
    """
    from app.cli.doctor import examine, print_findings  # noqa: PLC0415

    findings = asyncio.run(examine(settings))
    print_findings(findings, as_json=as_json)
    sys.exit(any(finding.is_fatal for finding in findings))


def _keep_private(settings: Settings, say: Callable[[str], None] | None = None) -> None:
    """Close the data folder to others. `say` passes on what could not be closed; by default, it is printed."""
    try:
        messages = keep_private(settings)
    except OSError as error:
        raise click.ClickException(
            f"The data folder {settings.data_dir} cannot be used ({error.strerror}). Set SIGNOFF_DATA_DIR to another folder."
        ) from error
    for message in messages:
        if say is not None:
            say(message)
        else:
            click.echo(f"signoff: {message}", err=True)


COMMANDS: list[click.Command] = [up, serve, worker, migrate, key, doctor]
