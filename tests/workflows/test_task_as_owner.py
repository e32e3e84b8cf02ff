"""Without a key the app serves its owner. A task is not the owner, although it runs as the same user."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack
from tests.ports import free_port
from tests.second_user import SECOND_UID, as_second_user, second_user_command
from tests.worker_process import worker_process
from tests.workflows import task_attacks

ATTACKS = Path(task_attacks.__file__)
REFUSED = {attack.__name__: 401 for attack in task_attacks.ATTACKS}
HIDDEN_CLIENT = """
import ctypes, sys, urllib.request
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
print(urllib.request.urlopen(sys.argv[1]).status)
"""


@dataclass
class Up:
    """`signoff up` as a user who is not root: app and worker cannot inspect every process of that user."""

    url: str
    ui: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        command = ["curl", "-sS", "-w", "\n%{http_code}", "-X", method, f"{self.url}/api/projects{path}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = as_second_user(*command)
        text, _, status = done.stdout.rpartition("\n")
        assert status.startswith("2"), f"{method} {path}: {done.stdout} {done.stderr}"
        return json.loads(text) if text else None

    def started(self, plan: str, attacks: bool = False) -> str:
        project_id = self.call("POST", "", {"name": "Mine", "description": plan})["id"]
        if attacks:
            form = ("-F", f"file=@{ATTACKS}", "-F", f"path={ATTACKS.name}")
            done = as_second_user("curl", "-sSf", *form, f"{self.url}/api/projects/{project_id}/files/upload")
            assert done.returncode == 0, done.stderr
        self.call("POST", f"/{project_id}/generate-plan", {})
        self.until(project_id, lambda project: project["stage"] == "awaiting_approval")
        self.call("POST", f"/{project_id}/approve", {})
        return project_id

    def until(self, project_id: str, condition: Any) -> dict[str, Any]:
        deadline = time.monotonic() + 90
        while not condition(project := self.call("GET", f"/{project_id}")):
            assert time.monotonic() < deadline, project
            time.sleep(0.1)  # why: the step of a wait that has a condition and a deadline
        return project


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    folder = Path(tempfile.mkdtemp(prefix="signoff-owner-"))
    os.chown(folder, SECOND_UID, SECOND_UID)
    ports = {name: free_port() for name in ("port", "temporal-port", "temporal-ui-port")}
    flags = [word for name, port in ports.items() for word in (f"--{name}", str(port))]
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = subprocess.Popen(
        second_user_command(sys.executable, "-P", "-m", "app.cli", "up", "--json", *flags, finds_python=True),
        env={**kept, "HOME": str(folder), "SIGNOFF_DATA_DIR": str(folder / "data"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        yield Up(addresses["url"], addresses["temporal_ui"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        process.wait(60)
        shutil.rmtree(folder)


def assert_serves_hidden(up: Up) -> None:
    """Ask as an SSH server does that forwards a port: a process of the owner that the app cannot inspect."""
    done = as_second_user("/usr/bin/python3", "-I", "-c", HIDDEN_CLIENT, f"{up.url}/api/projects")
    assert done.stdout.strip() == "200", done.stderr


def test_no_task_acts_as_the_owner(up: Up) -> None:
    app, ui = (address.rstrip("/").rpartition(":")[2] for address in (up.url, up.ui))
    project_id = up.started(f"- Attack: `APP={app} UI={ui} python3 {ATTACKS.name}` {{#attack}}", attacks=True)
    project = up.until(project_id, lambda project: project["stage"] == "finished")
    (task,) = project["tasks"]
    logged = as_second_user("curl", "-sS", f"{up.url}/api/projects/{project_id}/tasks/{task['id']}/logs").stdout
    assert task["status"] == "completed", logged
    for name, status in REFUSED.items():
        assert f"{name}: {status}" in logged, (name, logged)
    assert [entry["name"] for entry in up.call("GET", "")["projects"]] == ["Mine"]


def test_the_owner_is_served_while_a_task_runs(up: Up) -> None:
    project_id = up.started("- Hold: `sleep 600` {#hold}")
    up.until(project_id, lambda project: project["tasks"][0]["status"] == "running")
    assert_serves_hidden(up)
    assert as_second_user("curl", "-s", "-o", os.devnull, "-w", "%{http_code}", up.ui).stdout == "200"
    up.call("POST", f"/{project_id}/cancel", {})
    assert up.until(project_id, lambda project: project["stage"] == "finished")["status"] == "cancelled"


async def test_the_owner_is_served_while_a_task_of_root_runs(up: Up, signoff: Stack) -> None:
    """The app cannot inspect that task, which could act as any user without a connection to pass on."""
    project_id = await signoff.started("- Hold: `touch held; sleep 600` {#hold}")
    held = Path((await signoff.project(project_id))["workspace"]) / "held"

    async def holds() -> bool:
        return held.exists()

    await eventually(holds, what="the command runs")
    await asyncio.to_thread(assert_serves_hidden, up)


async def test_a_task_of_root_is_told_what_to_do(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack, worker_process(stack.settings):
        project_id = await stack.started(f"- Ask: `curl -s {stack.url}/api/projects > answer.json` {{#ask}}")
        project = await stack.finished(project_id)
        answer = json.loads((Path(project["workspace"]) / "answer.json").read_text())
        assert answer["code"] == "unauthorized"
        assert "a task cannot act as" in answer["message"]
        assert "SIGNOFF_API_KEY" in answer["message"]


async def test_a_request_of_an_http_task_is_not_the_owners_either(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    """Its process belongs to the worker, and the settings let it reach every address of this machine."""
    async with running_stack(temporal_server, tmp_path, http_allow=["127.0.0.1"]) as stack:
        posted = f"POST {stack.url}/api/projects\n  Content-Type: application/json\n  Signoff-Task:\n\n  {{}}"
        project_id = await stack.started(f"- Ask: {{#ask}}\n\n  ```http\n  {posted}\n  ```\n")
        project = await stack.finished(project_id)
        assert (project["status"], project["tasks"][0]["error"]["type"]) == ("failed", "http_status")
        assert "401" in project["tasks"][0]["error"]["message"]
        assert (await stack.call("GET", ""))["total"] == 1
