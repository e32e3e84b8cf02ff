"""The same project gives the same result through curl, the Python client and the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from signoff import Signoff
from tests.conftest import Stack, eventually
from tests.e2e.command_line import CommandLine

PLAN = """
## Gather

- Count: `echo n=42 >> $SIGNOFF_OUTPUT` {#count}

## Report

- Send it? {#send decision=yes,no}
- Write: `echo "$INPUT_N $INPUT_WORD" > report.txt` {#write files=report.txt}

  ```inputs
  n: ${{ tasks.count.outputs.n }}
  word: ${{ tasks.send.outputs.answer }}
  ```
"""


async def by_curl(stack: Stack, _folder: Path) -> str:
    async def curl(path: str, body: Any = None) -> Any:
        sent = ["-d", json.dumps(body), "-H", "Content-Type: application/json"] if body is not None else []
        process = await asyncio.create_subprocess_exec(
            "curl", "-s", "-f", f"{stack.url}/api/projects{path}", *sent, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, (path, out)
        return json.loads(out)

    project_id = (await curl("", {"description": PLAN, "decision_mode": "human"}))["id"]
    plan = await curl(f"/{project_id}/generate-plan", {})
    await curl(f"/{project_id}/approve", {"plan_version": plan["version"], "plan_digest": plan["digest"]})

    async def asked() -> list[dict[str, Any]]:
        return (await curl(f"/{project_id}/decisions?status=open"))["decisions"]

    question = (await eventually(asked, what="the decision"))[0]
    await curl(f"/{project_id}/decisions/{question['id']}", {"answer": "yes"})
    return project_id


async def by_client(stack: Stack, _folder: Path) -> str:
    def drive() -> str:
        with Signoff(stack.url) as client:
            project = client.projects.create(description=PLAN, decision_mode="human")
            plan = client.projects.generate_plan(project.id)
            client.projects.approve(project.id, plan_version=plan.version, plan_digest=plan.digest)
            for event in client.projects.events(project.id):
                if event.type == "decision.requested":
                    client.decisions.answer(project.id, event.data["question_id"], "yes")
            return project.id

    return await asyncio.to_thread(drive)


async def by_command_line(stack: Stack, folder: Path) -> str:
    cli = CommandLine(folder, {"SIGNOFF_URL": stack.url, "SIGNOFF_DATA_DIR": str(folder / "data")})
    (folder / "plan.md").write_text(PLAN)

    async def run(*arguments: str) -> Any:
        ended = await cli(*arguments)
        assert ended.code == 0, ended
        return ended.out

    created = await run("projects", "create", "--description", "@plan.md", "--decision-mode", "human", "--json")
    project_id = json.loads(created)["id"]
    await run("projects", "plan", project_id, "--generate")
    await run("projects", "approve", project_id, "--yes")

    async def asked() -> list[dict[str, Any]]:
        return json.loads(await run("decisions", "list", project_id, "--status", "open", "--json"))["decisions"]

    question = (await eventually(asked, what="the decision"))[0]
    await run("decisions", "answer", project_id, question["id"], "yes")
    await run("projects", "watch", project_id)
    return project_id


@pytest.mark.parametrize("drive", [by_curl, by_client, by_command_line])
async def test_every_way_leads_to_the_same_result(signoff: Stack, tmp_path: Path, drive: Any) -> None:
    project = await signoff.finished(await drive(signoff, tmp_path))
    assert project["status"] == "completed", project["failure"]
    tasks = {task["key"]: (task["status"], task["attempt"]) for task in project["tasks"]}
    assert tasks == {"count": ("completed", 1), "send": ("completed", 0), "write": ("completed", 1)}
    assert (Path(project["workspace"]) / "report.txt").read_text() == "42 yes\n"
    listed = await signoff.call("GET", f"/{project['id']}/decisions")
    assert [(d["kind"], d["status"]) for d in listed["decisions"]] == [
        ("generate", "accepted"),
        ("approve", "accepted"),
        ("decision", "answered"),
        ("answer", "accepted"),
    ]
    events = [event["type"] for event in await signoff.events(project["id"])]
    assert events.count("task.completed") == 3
    assert events[-1] == "project.completed"
