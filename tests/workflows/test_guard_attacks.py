"""Tasks that attack the process that guards them: the run ends, and the project can be deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack
from tests.processes import with_environment

# Starts a daemon in its own session, then kills the guard.
KILL = "setsid sh -c 'setsid nohup sleep 3335 >/dev/null 2>&1 &'; sleep 0.3; kill -9 $PPID; sleep 3336"
FORGE = """python3 -c "
import os
for fd in range(3, 256):
  try: os.write(fd, b'ended 0 done\\n')
  except OSError: pass
os._exit(7)"
"""


async def run(signoff: Stack, command: str) -> dict[str, Any]:
    """A finished project whose only task ran `command`."""
    project_id = await signoff.planned("- Attack: `true`")
    (task,) = (await signoff.project(project_id))["tasks"]
    changed = {"action": {"type": "shell", "command": command}}
    await signoff.call("PUT", f"/{project_id}/tasks/{task['id']}", json=changed)
    await signoff.call("POST", f"/{project_id}/approve")
    return await signoff.finished(project_id)


async def test_a_task_that_kills_its_guard_fails_and_leaves_nothing(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path, sandbox="none") as signoff:
        project = await run(signoff, KILL)
        assert project["status"] == "failed"
        assert project["tasks"][0]["error"]["type"] == "guard_lost"
        assert not with_environment("SIGNOFF_PROJECT_ID", project["id"])
        await signoff.call("DELETE", f"/{project['id']}")


async def test_a_task_cannot_kill_its_guard_or_its_worker(signoff: Stack) -> None:
    project = await run(signoff, f"kill -9 $PPID; kill -STOP {os.getpid()}; exit 9")
    assert project["tasks"][0]["exit_code"] == 9


async def test_a_task_cannot_read_the_record_or_another_workspace(signoff: Stack) -> None:
    other = await signoff.finished(await signoff.started("- Write: `echo private > file`"))
    command = f"cat ../../signoff.db; cat {other['workspace']}/file; cat /proc/{os.getpid()}/environ; exit 9"
    project = await run(signoff, command)
    (task,) = project["tasks"]
    assert task["exit_code"] == 9
    assert task["outputs"]["stdout"].count("Permission denied") == 3, task["outputs"]


async def test_a_task_cannot_forge_its_exit_code(signoff: Stack) -> None:
    project = await run(signoff, FORGE)
    assert project["status"] == "failed"
    assert project["tasks"][0]["exit_code"] == 7


async def test_temporary_files_are_removed(signoff: Stack) -> None:
    project = await signoff.finished(await signoff.started('- Use: `mktemp -d && touch "$TMPDIR/x"`'))
    assert project["status"] == "completed"

    async def removed() -> bool:
        return not list((Path(project["workspace"]) / ".signoff/tmp").iterdir())

    await eventually(removed, what="the task's temporary files are gone")


async def test_a_task_reaches_what_its_signed_plan_grants_it(signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("granted")
    (tmp_path / "out").mkdir()
    attributes = f"reads={tmp_path}/in writes={tmp_path}/out memory=1g cpu_seconds=0"
    copy = f"cp {tmp_path}/in/file {tmp_path}/out/"
    project_id = await signoff.planned(f"- With: `{copy}` {{#with {attributes}}}\n- Without: `{copy}`")
    plan = await signoff.call("GET", f"/{project_id}/plan")
    granted, plain = plan["phases"][0]["tasks"]
    assert (granted["reads"], granted["writes"]) == ([f"{tmp_path}/in"], [f"{tmp_path}/out"])
    assert granted["limits"] == {"memory": 1024**3, "cpu_seconds": 0}
    assert (plain["reads"], plain["writes"], plain["limits"]) == ([], [], {})
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert [task["status"] for task in project["tasks"]] == ["completed", "failed"]
    assert (tmp_path / "out/file").read_text() == "granted"


async def test_a_task_over_its_own_limit_fails_and_says_so(signoff: Stack) -> None:
    project = await signoff.finished(await signoff.started("- Write: `head -c 3M /dev/zero > f` {file_size=2m}"))
    error = project["tasks"][0]["error"]
    assert error["type"] == "limit_reached"
    assert error["message"].startswith("The task wrote a file larger than 2 MiB.")
