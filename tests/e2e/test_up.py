"""`signoff up` as a user runs it: its own process, real children, real ports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from app.temporal.search_attributes import missing_search_attributes
from tests.conftest import eventually, free_port
from tests.e2e.command_line import each_ended
from tests.warm_processes import warm_command

SIGNOFF = [sys.executable, "-P", "-m", "app.cli"]
PARTS = {"app": "serve", "worker": "worker", "Temporal": "start-dev"}
RETENTION_DAYS = 7
DAY = 24 * 3600


@dataclass
class Up:
    """A running `signoff up`."""

    process: subprocess.Popen[str]
    folder: Path
    addresses: dict[str, Any]
    seconds: float

    @property
    def messages(self) -> str:
        return (self.folder / "stderr").read_text()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, name: str) -> psutil.Process | None:
        """The child process of this part, once it runs its final program; None before that."""
        for child in self.children():
            with contextlib.suppress(psutil.Error):
                if PARTS[name] in child.cmdline() and "tether.py" not in " ".join(child.cmdline()):
                    return child
        return None


def environment(folder: Path, **variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "TEMPORAL_"))}
    return inherited | {"SIGNOFF_DATA_DIR": str(folder / "data")} | variables


def port_flags() -> list[str]:
    names = ("--port", "--temporal-port", "--temporal-ui-port")
    return [word for name in names for word in (name, str(free_port()))]


def call(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        warm_command(*words),
        env=environment(folder, **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Up]:
    # A user's package with the same name as ours, and settings for another Temporal, must not matter.
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "__init__.py").write_text("raise SystemExit('this is the user\\'s own app')")
    (folder / "signoff.toml").write_text('[agents.gpu]\nkind = "local"\nqueue = "gpu"\n')
    variables = environment(
        folder, SIGNOFF_RETENTION=str(RETENTION_DAYS), TEMPORAL_ADDRESS="127.0.0.1:1", TEMPORAL_TLS="true"
    )
    begin = time.monotonic()
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*SIGNOFF, "up", "--json", *port_flags()],
            env=variables,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "stderr").read_text()
        yield Up(process, folder, json.loads(line), time.monotonic() - begin)
    finally:
        leftovers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        for leftover in leftovers:
            with contextlib.suppress(psutil.NoSuchProcess):
                leftover.kill()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


async def is_ready(up: Up) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        with contextlib.suppress(httpx.TransportError):
            return (await http.get(f"{up.addresses['url']}/ready")).is_success
    return False


@pytest.fixture(scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    with started(tmp_path_factory.mktemp("up")) as running:
        yield running


def test_the_start_says_what_it_is_doing(up: Up) -> None:
    said = [line.removeprefix("signoff: ") for line in up.messages.splitlines()]
    steps = [
        "starting Temporal …",
        "preparing the database …",
        "the database is ready; starting the app and a worker …",
        "Temporal is ready",
        "the app and the worker are ready",
    ]
    assert [line for line in said if line in steps] == steps


async def test_every_part_answers_at_its_printed_address(up: Up) -> None:
    print(f"ready after {up.seconds:.1f} s, {os.getloadavg()[0]:.1f} processes wanting {os.cpu_count()} cores")
    addresses = up.addresses
    assert addresses["pid"] == up.process.pid
    assert addresses["data_dir"] == str(up.folder / "data")
    async with httpx.AsyncClient(trust_env=False) as http:
        ready = (await http.get(f"{addresses['url']}/ready")).json()
        checks = {"database": "ok", "temporal": "ok", "workers": 1, "failing_runs": [], "warnings": []}
        assert ready == {"status": "ready", "checks": checks}
        assert (await http.get(addresses["temporal_ui"])).is_success


async def test_the_dev_server_knows_our_attributes_and_keeps_closed_runs(up: Up) -> None:
    client = await Client.connect(up.addresses["temporal"])
    assert await missing_search_attributes(client) == []
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    assert described.config.workflow_execution_retention_ttl.ToSeconds() == RETENTION_DAYS * DAY


async def test_a_project_may_work_in_the_folder_where_up_was_started(up: Up) -> None:
    (up.folder / "mine").mkdir(exist_ok=True)
    async with httpx.AsyncClient(base_url=up.addresses["url"], trust_env=False) as http:
        inside = await http.post("/api/projects", json={"path": str(up.folder / "mine")})
        outside = await http.post("/api/projects", json={"path": str(up.folder.parent)})
        # This folder contains the data folder.
        around = await http.post("/api/projects", json={"path": str(up.folder)})
    assert (inside.status_code, outside.status_code, around.status_code) == (201, 422, 422)


async def test_nothing_in_the_data_folder_is_open_to_other_users(up: Up) -> None:
    steps = "- Make: `umask && touch mine && mkdir folder` {#make}\n- Open: `umask 022 && touch theirs` {#open}\n"
    async with httpx.AsyncClient(base_url=up.addresses["url"], trust_env=False, timeout=60) as http:
        made = await http.post("/api/projects", json={"description": steps, "auto_approve_plan": True})
        path = f"/api/projects/{made.json()['id']}"
        (await http.post(f"{path}/files/upload", files={"file": ("sent.txt", b"x")})).raise_for_status()
        (await http.post(f"{path}/generate-plan")).raise_for_status()

        async def completed() -> bool:
            return (await http.get(path)).json()["status"] == "completed"

        await eventually(completed, what="both tasks are done")
        assert (await http.get(f"{path}/download")).is_success
    data = up.folder / "data"
    found = dict[str, int]()
    for file in data.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the running programs remove files meanwhile
            found[str(file.relative_to(data))] = file.lstat().st_mode & 0o077
    assert data.stat().st_mode & 0o077 == 0
    assert {name.rpartition("/")[2] for name, others in found.items() if others} == {"theirs"}
    assert {"signoff.db", "signoff.db-wal", "temporal.db", "up.lock", "logs/worker.log"} <= found.keys()
    assert {"mine", "sent.txt", "folder"} <= {name.rpartition("/")[2] for name in found}


async def test_a_second_copy_on_the_same_data_folder_is_refused(up: Up) -> None:
    answer = call(up.folder, "up", *port_flags())
    assert answer.returncode == 1
    for word in (str(up.folder / "data"), str(up.process.pid), up.addresses["url"], "SIGNOFF_DATA_DIR"):
        assert word in answer.stderr
    assert await is_ready(up)


@pytest.mark.parametrize(
    ("setting", "address"), [("port", "url"), ("temporal_port", "temporal"), ("temporal_ui_port", "temporal_ui")]
)
async def test_a_port_in_use_is_reported_with_its_setting_and_owner(
    up: Up, tmp_path: Path, setting: str, address: str
) -> None:
    taken = up.addresses[address].rpartition(":")[2]
    flag, variable = f"--{setting.replace('_', '-')}", f"SIGNOFF_{setting.upper()}"
    answer = call(tmp_path, "up", *port_flags(), flag, taken)
    assert answer.returncode == 1
    owner = up.part("Temporal" if setting == "temporal_port" else "app")
    assert owner is not None
    for word in (f"Port {taken}", flag, variable, f"process {owner.pid}"):
        assert word in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


async def test_the_worker_serves_the_queue_of_every_agent(up: Up) -> None:
    async def served() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            agents = (await http.get(f"{up.addresses['url']}/api/agents")).json()["agents"]
        return [(agent["queue"], agent["workers"]) for agent in agents] == [("signoff", 1), ("gpu", 1)]

    await eventually(served, what="one worker polls each queue")


async def test_doctor_finds_nothing_wrong_with_a_running_copy(up: Up) -> None:
    answer = call(up.folder, "doctor", "--json", "--temporal-address", up.addresses["temporal"])
    findings = {finding["part"]: finding for finding in json.loads(answer.stdout)}
    assert answer.returncode == 0
    assert {part for part, finding in findings.items() if finding["state"] == "bad"} == set()
    assert up.addresses["url"] in findings["app"]["found"]


@pytest.mark.parametrize("name", PARTS)
async def test_a_killed_part_is_restarted(up: Up, name: str) -> None:
    before = up.part(name)
    assert before is not None
    before.kill()

    async def is_another() -> bool:
        part = up.part(name)
        return part is not None and part.pid != before.pid

    await eventually(is_another, what=f"{name} runs again")
    await eventually(lambda: is_ready(up), what="all is ready again")
    assert f"{name} ended (killed by SIGKILL) and restarts in 0.5 s" in up.messages


# The last test with the shared copy, because it stops it.
async def test_sigterm_leaves_no_process_and_the_folder_can_be_used_again(up: Up) -> None:
    children = up.children()
    assert len(children) == len(PARTS)
    begin = time.monotonic()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(timeout=30) == 0
    print(f"stopped after {time.monotonic() - begin:.1f} s")
    assert alive(children) == []
    with started(up.folder) as again:
        children = again.children()
        again.process.kill()
        again.process.wait()

        async def are_gone() -> bool:
            return not alive(children)

        await eventually(are_gone, what="the children of a killed `up` are gone")


async def test_doctor_reports_what_is_missing_before_the_first_start(tmp_path: Path) -> None:
    answer = call(tmp_path, "doctor", "--json", *port_flags())
    states = {finding["part"]: finding["state"] for finding in json.loads(answer.stdout)}
    assert answer.returncode == 0
    assert (states["temporal"], states["database"], states["Temporal"], states["app"]) == ("ok", "note", "note", "note")


MODELS = {
    (): ("note", "none is set"),
    ("--model", "openai:gpt-5-mini"): ("bad", "Set OPENAI_API_KEY or SIGNOFF_MODEL_API_KEY"),
    ("--model", "nobody:x"): ("bad", "Unknown model: nobody:x"),
    ("--model", "openai-chat:x", "--model-base-url", "http://127.0.0.1:9/v1"): (
        "ok",
        "openai-chat:x at http://127.0.0.1:9/v1",
    ),
}


def test_doctor_checks_the_model(tmp_path: Path) -> None:
    calls = [("doctor", "--json", *port_flags(), *arguments) for arguments in MODELS]
    answers = each_ended(calls, tmp_path, SIGNOFF_DATA_DIR=str(tmp_path / "data"))
    for answer, (state, said) in zip(answers, MODELS.values(), strict=True):
        (found,) = [finding for finding in json.loads(answer.out) if finding["part"] == "model"]
        assert found["state"] == state
        assert said in found["found"] + found["advice"]


def test_a_bad_setting_is_named_in_one_line(tmp_path: Path) -> None:
    calls = [[name] for name in ("up", "serve", "worker", "migrate", "doctor")]
    for answer in each_ended(calls, tmp_path, SIGNOFF_TEMPORAL_PORT="many"):
        assert answer.code == 2
        assert len(answer.err.splitlines()) == 1
        for word in ("temporal_port", "--temporal-port", "SIGNOFF_TEMPORAL_PORT", "integer"):
            assert word in answer.err


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_without_tables_is_refused(tmp_path: Path, command: str) -> None:
    for version in (None, "0023"):
        if version is not None:
            assert call(tmp_path, "migrate").returncode == 0
            with contextlib.closing(sqlite3.connect(tmp_path / "data" / "signoff.db")) as database:
                database.execute("UPDATE alembic_version SET version_num = ?", [version])
                database.commit()
        answer = call(tmp_path, command, "--port", str(free_port()), "--temporal-address", f"127.0.0.1:{free_port()}")
        assert answer.returncode == 1
        what = "lacks the tables of this version" if version else "has no tables yet"
        assert f"{what}. Run `signoff migrate` with the same settings, then start this again." in answer.stderr
        assert "Traceback" not in answer.stderr


async def test_serve_refuses_to_listen_on_other_addresses_without_a_key(tmp_path: Path) -> None:
    answer = call(tmp_path, "serve", "--host", "0.0.0.0", "--port", str(free_port()))
    assert answer.returncode == 1
    assert "SIGNOFF_API_KEY" in answer.stderr
