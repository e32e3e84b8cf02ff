"""Tasks that attack the process that watches over them: the run ends, and the project can be deleted."""

from __future__ import annotations

from tests.conftest import Stack
from tests.processes import with_environment

# A daemon in a session of its own, and then the end of the guard.
KILL = "setsid sh -c 'setsid nohup sleep 3335 >/dev/null 2>&1 &'; sleep 0.3; kill -9 $PPID; sleep 3336"
FORGE = """python3 -c "
import os
for fd in range(3, 256):
  try: os.write(fd, b'ended 0 done\\n')
  except OSError: pass
os._exit(7)"
"""


async def test_a_task_that_kills_its_guard_fails_and_leaves_nothing(signoff: Stack) -> None:
    action = {"type": "shell", "command": KILL}
    project_id = await signoff.planned("- Wait: `true` {#kill}")
    project = await signoff.project(project_id)
    await signoff.call("PUT", f"/{project_id}/tasks/{project['tasks'][0]['id']}", json={"action": action})
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    assert project["tasks"][0]["error"]["type"] in {"guard_lost", "signal", "exit_code"}
    assert not with_environment("SIGNOFF_PROJECT_ID", project_id)
    await signoff.call("DELETE", f"/{project_id}")


async def test_a_task_cannot_forge_its_exit_code(signoff: Stack) -> None:
    project_id = await signoff.planned("- Forge: `true` {#forge}")
    project = await signoff.project(project_id)
    action = {"type": "shell", "command": FORGE}
    await signoff.call("PUT", f"/{project_id}/tasks/{project['tasks'][0]['id']}", json={"action": action})
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    assert project["tasks"][0]["exit_code"] == 7
