"""The compose file and the image: valid, consistent with the code, and their commands run as they stand.

No container engine is needed: images are not pulled or built here, docs/deploy.md says what that leaves open.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.testing import WorkflowEnvironment

from app.cli import main
from app.settings import Settings
from app.settings.environment import SECRETS_PREFIX, variable_of
from app.temporal import devserver
from tests.conftest import eventually, free_port
from tests.postgresql import PROGRAMS as POSTGRES_PROGRAMS
from tests.postgresql import PostgresServer
from workflows.attribute_names import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == COMPOSE["x-signoff"]["image"]}
PROGRAMS = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
# What a worker needs beyond its two graces to close its connections; 2 s seen.
STOP_MARGIN = 5


def test_compose_file_keeps_to_the_specification() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, env=PROGRAMS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_variable_is_a_setting() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    used = set(re.findall(r"SIGNOFF_[A-Z_]+[A-Z]", COMPOSE_TEXT + (ROOT / "Dockerfile").read_text()))
    assert used - {SECRETS_PREFIX.rstrip("_")} <= known


def test_the_image_is_built_from_what_is_sent_to_the_engine() -> None:
    copied = {
        name
        for words in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for name in words.split()
    }
    sent = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_refers_to_exists(name: str) -> None:
    service = SERVICES[name]
    for needed, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]
        else:
            # One that is started again at its end never counts as completed.
            assert SERVICES[needed]["restart"] == "no"
    for mount in service.get("volumes", []):
        assert mount.split(":")[0] in COMPOSE["volumes"]
    for config in service.get("configs", []):
        assert config["source"] in COMPOSE["configs"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_commands_that_exist(name: str) -> None:
    program, command = OURS[name]["command"]
    assert program == "signoff"
    assert command in main.list_commands(click.Context(main))


def test_a_worker_has_time_to_stop() -> None:
    worker = SERVICES["worker"]
    graces = [float(worker["environment"][name]) for name in ("SIGNOFF_SHUTDOWN_GRACE", "SIGNOFF_KILL_GRACE")]
    assert float(worker["stop_grace_period"].removesuffix("s")) >= sum(graces) + STOP_MARGIN


def test_temporal_is_set_up_like_the_dev_server() -> None:
    content = yaml.safe_load(COMPOSE["configs"]["temporal-settings"]["content"])
    given = {f"{name}={json.dumps(entries[0]['value'], separators=(',', ':'))}" for name, entries in content.items()}
    args = devserver.tuning_args()
    assert given == {value for flag, value in pairwise(args) if flag == "--dynamic-config-value"}


@pytest.mark.parametrize(
    "script", [SERVICES[name]["command"][0] for name in ("signoff-database", "temporal-schema", "temporal-namespace")]
)
def test_scripts_parse(script: str) -> None:
    done = subprocess.run(["/bin/sh", "-n", "-c", interpolated(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_namespace_gets_retention_and_search_attributes(temporal_server: WorkflowEnvironment) -> None:
    client = temporal_server.client
    name = f"compose-{free_port()}"
    service = SERVICES["temporal-namespace"]
    variables = {"TEMPORAL_ADDRESS": client.service_client.config.target_host, "NAMESPACE": name}
    assert service["environment"].keys() == variables.keys()
    command = [*service["entrypoint"], *map(interpolated, service["command"])]
    for _ in range(2):  # why: `docker compose up` runs it again each time
        await succeeds(command, PROGRAMS | variables)

    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    assert described.config.workflow_execution_retention_ttl.seconds == 30 * 24 * 3600
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=name))
    assert set(listed.custom_attributes) == set(SEARCH_ATTRIBUTES)


async def test_our_services_run_as_they_stand(
    temporal_server: WorkflowEnvironment, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    database = SERVICES["signoff-database"]
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(own_postgres.port)}
    assert place.keys() < database["environment"].keys()
    making = {name: interpolated(value) for name, value in database["environment"].items()} | place
    making["PATH"] = f"{POSTGRES_PROGRAMS}:{os.environ['PATH']}"
    for _ in range(2):
        await succeeds([*database["entrypoint"], *map(interpolated, database["command"])], making)

    address = temporal_server.client.service_client.config.target_host
    port = str(free_port())

    def here(text: str) -> str:
        return (
            interpolated(text)
            .replace("temporal:7233", address)
            .replace("postgresql:5432", f"127.0.0.1:{own_postgres.port}")
            .replace("8400", port)
            .replace("/data", str(tmp_path))
        )

    variables = {
        name: PROGRAMS
        | {"HOME": str(tmp_path), "SIGNOFF_DATA_DIR": here("/data")}
        | {key: here(value) for key, value in service.get("environment", {}).items()}
        for name, service in OURS.items()
    }
    checks = {name: health_command(OURS[name], here) for name in ("app", "worker")}

    for _ in range(2):
        await succeeds(OURS["migrate"]["command"], variables["migrate"])
    for name, check in checks.items():
        assert await exit_code(check, variables[name]) != 0, f"{name} is healthy before it runs"
        async with running(OURS[name]["command"], variables[name], tmp_path):
            await eventually(lambda c=check, v=variables[name]: is_zero(c, v), what=f"{name} is healthy", seconds=90)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server as the compose file's: with the role that Temporal uses, and with passwords."""
    server = PostgresServer()
    server.start()
    try:
        server.execute("CREATE ROLE temporal SUPERUSER LOGIN PASSWORD 'secret'")
        server.demand_passwords()
        yield server
    finally:
        server.remove()


def interpolated(text: str) -> str:
    """What Compose makes of a text: a value for each `${NAME…}`, and one `$` for two."""
    return re.sub(r"\$\{(\w+)(?:(:[?-])([^}]*))?\}", _value, text).replace("$$", "$")


def _value(found: re.Match[str]) -> str:
    if found[2] == ":-":
        return found[3]
    return "a key of 32 characters or a few more" if found[1] == "SIGNOFF_API_KEY" else "secret"


def health_command(service: dict[str, Any], here: Callable[[str], str]) -> list[str]:
    kind, *words = service["healthcheck"]["test"]
    return [*([] if kind == "CMD" else ["/bin/sh", "-c"]), *map(here, words)]


async def exit_code(command: list[str], variables: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, env=variables, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def is_zero(command: list[str], variables: dict[str, str]) -> bool:
    return await exit_code(command, variables) == 0


async def succeeds(command: list[str], variables: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@asynccontextmanager
async def running(command: list[str], variables: dict[str, str], folder: Path) -> AsyncGenerator[None]:
    """A service that ends by itself when it is told to."""
    with (folder / "output.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        code = await process.wait()
    assert code in {0, -signal.SIGTERM}, (folder / "output.log").read_text()
