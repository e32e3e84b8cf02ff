"""`signoff worker --processes`: several processes on one queue, under one that restarts them and stops them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack
from tests.e2e.command_line import each_ended, plain_environment
from tests.processes import alive, children_of
from tests.worker_process import worker_process

PLAN = "\n".join(f"- Step {number}: `sleep 0.5` {{#s{number} retries=2}}" for number in range(12))


async def workers(stack: Stack) -> int:
    return int((await stack.http.get("/ready")).json()["checks"]["workers"])


async def test_a_killed_process_is_replaced_and_its_run_completes(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        async with worker_process(stack.settings, "--processes", "2") as supervisor:
            before = children_of(supervisor)
            assert len(before) == 2

            async def both_poll() -> bool:
                return await workers(stack) >= 2

            await eventually(both_poll, what="both poll")
            project_id = await stack.planned(f"## One\n\n{PLAN}")
            await stack.call("POST", f"/{project_id}/approve")

            async def in_the_middle() -> bool:
                return (await stack.project(project_id))["progress"]["completed"] >= 1

            await eventually(in_the_middle, what="the run is in its middle")
            os.kill(before[0], signal.SIGKILL)
            done = await stack.finished(project_id)
            assert (done["status"], done["progress"]["completed"]) == ("completed", 12)

            async def two_again() -> list[int]:
                # The one that was killed stays a child until the supervisor has looked after it.
                found = [child for child in children_of(supervisor) if child != before[0]]
                return found if len(found) == 2 else []

            after = await eventually(two_again, what="there are two processes again")
            assert len({*before} & {*after}) == 1
        assert not any(map(alive, {*before, *after})), "no process is left"


def test_several_processes_do_not_share_an_address_for_metrics(tmp_path: Path) -> None:
    (ended,) = each_ended(
        [["worker", "--processes", "2", "--metrics", "127.0.0.1:9464"]], tmp_path, SIGNOFF_DATA_DIR=str(tmp_path)
    )
    assert ended.code == 2
    assert "cannot share the address" in ended.err


def test_processes_that_cannot_start_end_the_command(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", "worker", "--processes", "2", "--queue", "unknown"],
        cwd=tmp_path,
        env=plain_environment() | {"SIGNOFF_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "do not start" in ended.stderr
    assert "No agent has the queue 'unknown'" in ended.stderr
