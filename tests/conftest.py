"""Real parts for every test: a Temporal dev server, a database file, a worker, and the app behind real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.api.controllers import copies, plans
from app.api.http.credentials import name_of_user
from app.database.database import Database
from app.domain.notifying import NotifyRules
from app.domain.policies import Signing
from app.main import create_app
from app.planning.planner import Planner
from app.serving.limits import Limits
from app.settings import Settings
from app.temporal import commands
from app.temporal.connection import connect
from app.workspace.workspaces import workspaces_of
from tests.cheap_passwords import hash_passwords_cheaply
from tests.databases import DATABASES, POSTGRESQL, SQLITE, full
from tests.lock_order import LOCK_ORDER
from tests.parsed_once import share_what_is_parsed
from tests.planning_engine import PlanningEngine
from tests.ports import free_port
from tests.postgresql import PostgresServer
from tests.projects import Projects
from tests.serving import served
from tests.sse import read_events
from tests.temporal_server import started_server
from tests.trusted_once import share_certificates
from tests.waiting import DEADLINE, eventually  # noqa: F401 - tests import them from here
from worker import build_worker
from workflows import options
from workflows.contracts import Thresholds

# The actor if there is no key: the user who runs the tests, and therefore the server.
OWNER = name_of_user(os.geteuid())
# These need Chromium or a model's weights. `make test-browser` and `make test-model` name the folders, and only then do they run.
collect_ignore = ["browser", "small_model"]
# How many examples a property is tried with. A slow machine must not fail one. `make test-full` selects the second profile.
for _profile, _examples in (("quick", 25), ("full", 200)):
    property_settings.register_profile(
        _profile, max_examples=_examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
property_settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    choice = {"choices": (SQLITE, POSTGRESQL), "default": SQLITE}
    parser.addoption("--database", **choice, help="run what works with a database on this kind of it")


def pytest_configure(config: pytest.Config) -> None:
    hash_passwords_cheaply()
    DATABASES.kind = config.getoption("--database")
    if DATABASES.kind == POSTGRESQL:
        LOCK_ORDER.watch()


def pytest_collection_finish() -> None:
    # What was imported stays. Each look for garbage among it takes half a second, and there are hundreds.
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    DATABASES.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = [item for item in items if DATABASES.runs(item) and (full() or item.get_closest_marker("full") is None)]
    config.hook.pytest_deselected(items=sorted(set(items) - set(chosen), key=lambda item: item.nodeid))
    items[:] = chosen


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Have apps and workers in this process wait longer for what a loaded machine is slow to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "HEARTBEAT_TIMEOUT", timedelta(seconds=20))
        patch.setattr(commands, "DECISION_SECONDS", 30.0)
        patch.setattr(plans, "DEFAULT_WAIT", 60)
        yield


@pytest.fixture(scope="session", autouse=True)
def _loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_what_is_parsed(patch)
        share_certificates(patch)
        yield


@pytest.fixture
def soon_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have apps in this process answer 202 after a second: for tests in which nothing decides."""
    monkeypatch.setattr(commands, "DECISION_SECONDS", 1.0)
    monkeypatch.setattr(plans, "DEFAULT_WAIT", 1)


@pytest.fixture
def soon_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have apps in this process answer a cancel or a delete after a second: for tests in which tasks do not stop."""
    for module in (commands, plans, copies):
        monkeypatch.setattr(module, "STOP_SECONDS", 1.0)


@pytest.fixture(autouse=True)
def _lock_order() -> Iterator[None]:
    yield
    broken, LOCK_ORDER.broken = LOCK_ORDER.broken, set()
    assert not broken, "read before the project was held"


@pytest.fixture
def sqlite_only() -> None:
    """Mark a test of SQLite-only behavior."""


@pytest.fixture
def postgres_server() -> PostgresServer:
    """A server for tests of PostgreSQL-only behavior. They run once, regardless of the database of the other tests."""
    return DATABASES.server()


@contextlib.asynccontextmanager
async def running_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """Run a Temporal server that keeps its data in memory."""
    environment = await started_server()
    yield environment
    await environment.shutdown()


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[WorkflowEnvironment]:
    async with running_temporal() as environment:
        yield environment


@dataclass
class Stack(Projects):
    """One Signoff: the app behind HTTP, a worker and a database, on the shared Temporal server."""

    settings: Settings
    temporal: Client
    database: Database
    engine: PlanningEngine
    url: str
    http: httpx.AsyncClient
    _exit: contextlib.AsyncExitStack = field(repr=False)
    _worker: contextlib.AsyncExitStack | None = field(default=None, repr=False)
    # What `planned` does by default.
    plans_by_workflow: ClassVar[bool] = True

    @property
    def root(self) -> Path:
        """The folder in which projects may name their workspaces."""
        return self.settings.workspace_roots[0]

    async def start_worker(self, planners: list[Planner] | None = None) -> None:
        assert self._worker is None
        self._worker = contextlib.AsyncExitStack()
        worker = build_worker(self.temporal, self.settings, self.database, planners)
        self.engine.use(worker)
        await self._worker.enter_async_context(worker)

    async def stop_worker(self) -> None:
        assert self._worker is not None
        await self._worker.aclose()
        self._worker = None

    async def create(self, description: str = "", **fields: Any) -> str:
        project = await self.call("POST", "", status=201, json={"description": description, **fields})
        return project["id"]

    async def planned(self, description: str, *, by_workflow: bool | None = None, **fields: Any) -> str:
        """Create a project with a plan that waits for approval, and return its id.

        With `by_workflow`, or by default outside `plans_without_workflow`, a workflow plans and stays open, and decides what is
        sent next. Otherwise `PlanningEngine` makes the plan. An automatic approval always needs a workflow.
        """
        project_id = await self.create(description, **fields)
        self.choose_planning(project_id, by_workflow=by_workflow, **fields)
        await self.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
        return project_id

    def choose_planning(self, project_id: str, *, by_workflow: bool | None = None, **fields: Any) -> None:
        """Choose what makes the next plan of a project, as described for `planned`."""
        by_workflow = self.plans_by_workflow if by_workflow is None else by_workflow
        if self._worker is not None and not by_workflow and not fields.get("auto_approve_plan"):
            self.engine.planned_here.add(project_id)

    async def started(self, description: str, **fields: Any) -> str:
        """Create a project, approve its plan, and return its id."""
        project_id = await self.planned(description, **fields)
        await self.call("POST", f"/{project_id}/approve")
        return project_id

    async def once_stopped(self, path: str) -> None:
        """Send a POST request for a run that is lost, until what was left of its tasks has stopped and it is accepted."""

        async def accepted() -> bool:
            answer = await self.http.post(f"/api/projects{path}")
            assert answer.status_code == 200 or answer.json()["code"] == "task_still_stopping", answer.text
            return answer.status_code == 200

        await eventually(accepted, what=f"the orphaned task has stopped, and {path} is accepted")

    async def end_projects(self) -> None:
        """Delete the projects that have not finished. For a Signoff that tests share, in case one leaves work behind."""
        if self._worker is None:
            await self.start_worker()
        listed = await self.call("GET", "?limit=200")
        if ids := [project["id"] for project in listed["projects"] if project["stage"] != "finished"]:
            await self.call("POST", "/batch/delete", json={"ids": ids})

    async def events(self, project_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Return the project's events so far, beginning after number `after`."""
        return await read_events(self.http, project_id, follow=False, after=after)


@contextlib.asynccontextmanager
async def running_stack(
    environment: WorkflowEnvironment,
    folder: Path,
    *,
    worker: bool = True,
    thresholds: Thresholds | None = None,
    limits: Limits | None = None,
    port: int | None = None,
    **values: Any,
) -> AsyncIterator[Stack]:
    """Run a whole Signoff in this process, with its own task queue and database."""
    port = port or free_port()
    (folder / "data").mkdir(exist_ok=True)
    settings = Settings(
        data_dir=folder / "data",
        port=port,
        temporal_address=environment.client.service_client.config.target_host,
        task_queue=f"signoff-{port}",
        **{"workspace_roots": [folder], "database_url": await asyncio.to_thread(DATABASES.setting), **values},
    )
    await asyncio.to_thread(DATABASES.migrated, settings.effective_database_url)
    workspaces_of(settings).prepare()
    async with contextlib.AsyncExitStack() as stack:
        temporal = await connect(settings)
        database = Database(
            settings.effective_database_url,
            signing=Signing(settings.signoff.policy, settings.known_agents),
            notify=NotifyRules(settings.notify),
        )
        await database.start()
        stack.push_async_callback(database.close)
        engine = PlanningEngine(settings, temporal, thresholds, planned_in=database)
        app = create_app(settings, engine)
        url = f"http://127.0.0.1:{port}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=90))
        await stack.enter_async_context(served(app, settings, limits))
        running = Stack(settings, temporal, database, engine, url, http, stack)
        if worker:
            await running.start_worker()
        try:
            yield running
        finally:
            if running._worker is not None:
                await running.stop_worker()


@pytest.fixture
def plans_without_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `Stack.planned` make plans without a workflow, for tests of what happens to a plan afterwards."""
    monkeypatch.setattr(Stack, "plans_by_workflow", False)


@pytest.fixture(scope="session")
async def signoff(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """One Signoff that tests share. Each test makes its own projects."""
    async with running_stack(temporal_server, tmp_path_factory.mktemp("signoff")) as stack:
        yield stack


@pytest.fixture(scope="session")
async def signoff_by_hand(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A Signoff that obeys signals sent directly through Temporal."""
    folder = tmp_path_factory.mktemp("by-hand")
    async with running_stack(temporal_server, folder, signals_by_hand=True) as stack:
        yield stack
