"""Fixtures: a complete Signoff, as started by `signoff up`, and Chromium. The tests here are synchronous functions."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.signing_in import KEY, PASSWORD
from tests.browser.waiting import until
from tests.ports import free_port
from tests.warm_processes import WarmProcess

# A process that starts has more to do, on a machine that may be busy.
START_SECONDS = 180.0
FAILED = Path(__file__).parent / "failed"
# The first one has no windows, and needs a quarter less processor time than the others.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Disables the features that contact Google's hosts at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
expect.set_options(timeout=60_000)


@dataclass(frozen=True)
class Signoff:
    """A running Signoff; `api` is a client for its REST API, and `place` the variables that lead to its data and Temporal."""

    url: str
    folder: Path
    addresses: dict[str, Any]
    api: httpx.Client
    place: dict[str, str]

    def create(self, name: str, description: str, **fields: Any) -> str:
        """Create a project; return its id."""
        body = {"name": name, "description": description, **fields}
        return self.api.post("/api/projects", json=body).raise_for_status().json()["id"]

    def planned(self, name: str, description: str, **fields: Any) -> str:
        """Create a project whose plan is waiting for approval; return its id."""
        project_id = self.create(name, description, **fields)
        self.api.post(f"/api/projects/{project_id}/generate-plan", json={}).raise_for_status()
        return project_id

    def started(self, name: str, description: str, **fields: Any) -> str:
        """Create a project whose run has started; return its id."""
        project_id = self.planned(name, description, **fields)
        self.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
        return project_id

    def finished(self, name: str, description: str, **fields: Any) -> str:
        """Create a project whose run has ended; return its id."""
        project_id = self.started(name, description, **fields)
        self.eventually(project_id, lambda project: project["stage"] == "finished")
        return project_id

    def project(self, project_id: str) -> dict[str, Any]:
        return self.api.get(f"/api/projects/{project_id}").raise_for_status().json()

    def eventually(self, project_id: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the condition holds for the project; return the project."""

        def reached() -> dict[str, Any] | None:
            project = self.project(project_id)
            return project if condition(project) else None

        project = until(reached, lambda: "{status} {stage}".format_map(self.project(project_id)))
        assert project is not None
        return project


@contextlib.contextmanager
def running_signoff(folder: Path, **variables: str) -> Iterator[Signoff]:
    """Run `signoff up` on separate ports and in a separate folder."""
    ports = [free_port(), free_port(), free_port()]
    names = ("SIGNOFF_PORT", "SIGNOFF_TEMPORAL_PORT", "SIGNOFF_TEMPORAL_UI_PORT")
    environment = _inherited() | {"SIGNOFF_DATA_DIR": str(folder / "data")} | variables
    environment |= {name: str(port) for name, port in zip(names, ports, strict=True)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.cli", "up", "--json"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        addresses = json.loads(line)
        place = {"SIGNOFF_DATA_DIR": addresses["data_dir"], "SIGNOFF_TEMPORAL_ADDRESS": addresses["temporal"]}
        with httpx.Client(base_url=addresses["url"], timeout=60) as api:
            yield Signoff(addresses["url"], folder, addresses, api, place)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def another_signoff(running: Signoff, folder: Path, **variables: str) -> Iterator[Signoff]:
    """Run a Signoff with other settings, and with projects, people and a worker of its own, in a separate folder.

    It shares the Temporal server of `running`. That, and its warm processes, saves most of the work of a start.
    """
    port = free_port()
    place = {
        "SIGNOFF_DATA_DIR": str(folder / "data"),
        "SIGNOFF_TEMPORAL_ADDRESS": running.addresses["temporal"],
        "SIGNOFF_TASK_QUEUE": f"signoff-{port}",
    }
    url = f"http://127.0.0.1:{port}"
    addresses = running.addresses | {"url": url, "data_dir": place["SIGNOFF_DATA_DIR"]}
    own = Signoff(url, folder, addresses, running.api, place)
    with _process(own, "migrate", variables) as (migration, log):
        assert migration.wait(START_SECONDS) == 0, log.read_text()
    with second_app(own, port=port, **variables), _process(own, "worker", variables) as (worker, log):
        _wait(lambda: "worker is ready" in log.read_text(), worker, log)
        with httpx.Client(base_url=url, timeout=60) as api:
            yield replace(own, api=api)


@contextlib.contextmanager
def second_app(signoff: Signoff, *, port: int | None = None, **variables: str) -> Iterator[str]:
    """Serve the projects of `signoff` at another address, with other settings, until the block ends. Yields the address.

    It shares the worker and the Temporal server, which saves their start.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    # One client: making each takes as long as many requests.
    with (
        _process(signoff, "serve", {"SIGNOFF_PORT": str(port)} | variables) as (process, log),
        httpx.Client(base_url=url) as client,
    ):
        _wait(lambda: _answers(client), process, log)
        yield url


Process = subprocess.Popen[bytes] | WarmProcess


@contextlib.contextmanager
def _process(signoff: Signoff, command: str, variables: dict[str, str]) -> Iterator[tuple[Process, Path]]:
    """Run a command of Signoff in the place of `signoff`. Yields its process and its log."""
    environment = _inherited() | signoff.place | variables
    path = signoff.folder / f"log-{command}-{variables.get('SIGNOFF_PORT', '')}"
    with path.open("wb") as log:
        if "PYTHONPATH" in variables:  # other code than that of a warm process
            line = [sys.executable, "-P", "-m", "app.cli", command]
            process = subprocess.Popen(line, cwd=signoff.folder, env=environment, stderr=log)
        else:
            process = WarmProcess([command], environment=environment, folder=signoff.folder, log=log)
    try:
        yield process, path
    finally:
        process.terminate()
        process.wait(30)


def _wait(condition: Callable[[], bool], process: Process, log: Path) -> None:
    def fulfilled() -> bool:
        assert process.poll() is None, log.read_text()
        return condition()

    until(fulfilled, log.read_text, seconds=START_SECONDS)


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/health").status_code == 200
    return False


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "TEMPORAL_"))}


def chromium() -> str:
    """The path of the browser."""
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert path, "The browser tests need Chromium. Install it with 'apt-get install chromium'."
    return path


@pytest.fixture(scope="session")
def signoff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signoff]:
    with running_signoff(tmp_path_factory.mktemp("signoff")) as running:
        yield running


@pytest.fixture(scope="session")
def locked(signoff: Signoff) -> Iterator[str]:
    """An app that requires a sign-in, and has a reader and an approver."""
    with (
        second_app(signoff, SIGNOFF_API_KEY=KEY) as url,
        # Its passwords cost less to check than those of `signoff`, which is started from nothing.
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as api,
    ):
        for name, role in (("Robin", "viewer"), ("Dana", "approver")):
            email = f"{name.lower()}@example.com"
            body = {"name": name, "email": email, "roles": [{"role": role}], "password": PASSWORD}
            api.post("/api/people", json=body).raise_for_status()
        yield url


@pytest.fixture
def visitor(browser: Browser, locked: str) -> Iterator[Page]:
    """A page of the app that requires a sign-in, where nobody has signed in yet."""
    context = browser.new_context(base_url=locked, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield running
    running.close()


@pytest.fixture
def context(browser: Browser, signoff: Signoff, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A new browser context. The test fails if a page logs an error to the console or sends a request to another host."""
    options = getattr(request, "param", {})
    context = browser.new_context(
        base_url=signoff.url, viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC", **options
    )
    context.set_default_timeout(60_000)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    context.on("request", lambda sent: problems.append(sent.url) if _is_outside(sent.url, signoff.url) else None)
    yield context
    context.close()
    assert not problems


def _is_problem(message: Any) -> bool:
    # The browser also logs refused requests, which the page shows.
    return message.type == "error" and "Failed to load resource" not in message.text


def _is_outside(address: str, own: str) -> bool:
    return not address.startswith((own, "data:", "blob:"))


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = context.new_page()
    yield page
    if getattr(request.node, "failed", False):
        FAILED.mkdir(exist_ok=True)
        page.screenshot(path=FAILED / f"{request.node.name}.png", full_page=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    if outcome.get_result().failed:
        item.failed = True  # pyright: ignore[reportAttributeAccessIssue]
