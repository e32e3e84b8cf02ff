"""Files that an approved plan names run as they were approved, unless a person decides otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

GOOD, EVIL = "echo good\n", "echo evil\n"
PLAN = """
- Wait for it: `while [ ! -e go ]; do sleep 0.02; done` {#wait}
- Build: `sh build.sh` {#build after=wait}
"""


def folder_of(stack: Stack, project_id: str) -> Path:
    return stack.settings.workspaces_dir / project_id


async def upload(stack: Stack, project_id: str, name: str, text: str, **fields: str) -> None:
    files = {"file": (name.rpartition("/")[2], text.encode())}
    data = {"path": name, "overwrite": "true", **fields}
    await stack.call("POST", f"/{project_id}/files/upload", files=files, data=data)


async def approved(stack: Stack, plan: str, **files: str) -> str:
    """Run `plan` with files that existed when it was approved. `_` in a name stands for the dot."""
    project_id = await stack.planned(plan)
    for name, text in files.items():
        path = folder_of(stack, project_id) / name.replace("_", ".")
        path.write_text(text)
    await stack.call("POST", f"/{project_id}/approve")
    return project_id


async def asked(stack: Stack, project_id: str, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the task that waits for a decision about what has changed, and its question."""
    task = await stack.task_in(project_id, key, "waiting", "completed", "failed")
    assert (task["status"], task["reason"]) == ("waiting", "signed_changed"), task
    listed = await stack.call("GET", f"/{project_id}/decisions", params={"status": "open"})
    (question,) = [item for item in listed["decisions"] if item["task_id"] == task["id"]]
    return task, question


async def complete(stack: Stack, project_id: str) -> None:
    await stack.task_in(project_id, "wait", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/wait/complete", json={})


async def answer(stack: Stack, project_id: str, question: dict[str, Any], word: str) -> None:
    await stack.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": word})


async def output(stack: Stack, project_id: str, key: str = "build") -> str:
    project = await stack.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    return next(task for task in project["tasks"] if task["key"] == key)["outputs"]["stdout"]


async def test_a_file_that_an_upload_replaces_in_the_middle_of_the_run_does_not_run(signoff: Stack) -> None:
    project_id = await approved(signoff, PLAN, build_sh=GOOD)
    await signoff.task_in(project_id, "wait", "running")
    await upload(signoff, project_id, "build.sh", EVIL)
    await upload(signoff, project_id, "go", "")
    _, question = await asked(signoff, project_id, "build")
    assert question["options"] == ["run", "fail"]
    assert "build.sh" in question["question"]
    assert " uploaded it." in question["question"]
    (difference,) = question["differences"]
    assert (difference["what"], difference["name"]) == ("file", "build.sh")
    assert "-echo good\n+echo evil\n" in difference["text"]
    await answer(signoff, project_id, question, "fail")
    project = await signoff.finished(project_id)
    assert (project["status"], project["tasks"][1]["error"]["type"]) == ("failed", "signed_changed")
    assert project["tasks"][1]["outputs"] == {}


async def test_a_file_that_another_process_replaces_between_two_tasks(signoff: Stack) -> None:
    project_id = await approved(
        signoff, "- [ ] Look {#wait}\n- Build: `sh build.sh` {#build after=wait}", build_sh=GOOD
    )
    await signoff.task_in(project_id, "wait", "waiting")
    (folder_of(signoff, project_id) / "build.sh").write_text(EVIL)
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    await answer(signoff, project_id, question, "run")
    assert await output(signoff, project_id) == "evil"
    decisions = (await signoff.call("GET", f"/{project_id}/decisions"))["decisions"]
    said = next(item for item in decisions if item["question_id"] == question["id"])
    assert (said["kind"], said["answer"]) == ("answer", "run")
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit
    found = [item for item in audit["results"]["findings"] if item["code"] == "ran_unsigned"]
    assert [item["severity"] for item in found] == ["medium"]
    assert "build.sh" in found[0]["message"]


async def test_an_answer_counts_for_just_the_state_that_was_shown(signoff: Stack) -> None:
    project_id = await approved(
        signoff, "- [ ] Look {#wait}\n- Build: `sh build.sh` {#build after=wait}", build_sh=GOOD
    )
    script = folder_of(signoff, project_id) / "build.sh"
    script.write_text(EVIL)
    await complete(signoff, project_id)
    _, first = await asked(signoff, project_id, "build")
    script.write_text("echo worse\n")
    await answer(signoff, project_id, first, "run")
    second = await signoff.question(project_id, after=first)
    assert "+echo worse" in second["differences"][0]["text"]
    script.write_text(GOOD)
    await answer(signoff, project_id, second, "run")
    assert await output(signoff, project_id) == "good"


async def test_a_file_that_an_earlier_task_of_the_run_writes_is_no_surprise(signoff: Stack) -> None:
    plan = "- Write: `echo 'echo made' > build.sh` {#wait}\n- Build: `sh build.sh` {#build after=wait}"
    project_id = await approved(signoff, plan, build_sh=GOOD)
    assert await output(signoff, project_id) == "made"
    ended = {e["data"]["key"]: e["data"] for e in await signoff.events(project_id) if e["type"] == "task.completed"}
    made = ended["wait"]["left_behind"]["build.sh"]
    assert ended["build"]["not_as_signed"] == [{"what": "file", "name": "build.sh", "now": made, "task": "wait"}]
    # A retry of the same plan finds what the first run has left.
    await signoff.call("POST", f"/{project_id}/retry", json={"tasks": ["build"]})
    assert await output(signoff, project_id) == "made"


async def test_a_file_that_was_replaced_after_a_task_had_written_it(signoff: Stack) -> None:
    plan = """
- Write: `echo 'echo made' > build.sh` {#write}
- [ ] Look {#wait after=write}
- Build: `sh build.sh` {#build after=wait}
"""
    project_id = await approved(signoff, plan, build_sh=GOOD)
    await signoff.task_in(project_id, "wait", "waiting")
    (folder_of(signoff, project_id) / "build.sh").write_text(EVIL)
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    assert "Task 'write' changed it, and then something else changed it" in question["question"]


# tests/unit/test_named_files.py has every way to name a file.
@pytest.mark.parametrize(
    ("command", "name"),
    [("./run", "run"), ("cd sub && sh data.sh", "sub/data.sh"), ("sh link.sh", "data.sh")],
)
async def test_a_file_that_a_command_names_is_signed(signoff: Stack, command: str, name: str) -> None:
    plan = f"- [ ] Look {{#wait}}\n- Build {{#build after=wait}}\n\n  ```sh\n  {command}\n  ```\n"
    project_id = await signoff.planned(plan)
    path = folder_of(signoff, project_id) / name
    path.parent.mkdir(exist_ok=True)
    text = "#!/bin/sh\necho good\n"
    path.write_text(text)
    path.chmod(0o755)
    (folder_of(signoff, project_id) / "link.sh").symlink_to("data.sh")
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "wait", "waiting")
    path.write_text(text.replace("good", "evil"))
    await complete(signoff, project_id)
    await asked(signoff, project_id, "build")


async def test_a_file_that_is_gone_asks_too(signoff: Stack) -> None:
    project_id = await approved(
        signoff, "- [ ] Look {#wait}\n- Build: `sh build.sh` {#build after=wait}", build_sh=GOOD
    )
    (folder_of(signoff, project_id) / "build.sh").unlink()
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    assert "now missing" in question["question"]


async def test_links_out_of_the_workspace_are_not_followed(signoff: Stack, tmp_path: Path) -> None:
    secret = tmp_path / "secret.sh"
    secret.write_text("echo secret\n")
    project_id = await signoff.planned("- Build: `cat link.sh` {#build}")
    (folder_of(signoff, project_id) / "link.sh").symlink_to(secret)
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert plan["frozen"]["files"] == {}
    assert plan["frozen"]["unhashed"] == {"link.sh": "a link leads out of the workspace"}


async def test_an_edit_does_not_sign_what_was_replaced_meanwhile(signoff: Stack) -> None:
    project_id = await approved(
        signoff, "- [ ] Look {#wait}\n- Build: `sh build.sh` {#build after=wait}", build_sh=GOOD
    )
    (folder_of(signoff, project_id) / "build.sh").write_text(EVIL)
    (folder_of(signoff, project_id) / "more.sh").write_text("echo more\n")
    edit = {
        "title": "More",
        "key": "more",
        "action": {"type": "shell", "command": "sh more.sh"},
        "depends_on": ["wait"],
    }
    await signoff.call("POST", f"/{project_id}/tasks", json=edit, status=201)
    seen = (await signoff.call("GET", f"/{project_id}/plan"))["frozen"]
    await signoff.call("POST", f"/{project_id}/approve", json={"frozen_digest": seen["digest"]})
    frozen = (await signoff.call("GET", f"/{project_id}/plan"))["frozen"]
    assert sorted(frozen["files"]) == ["build.sh", "more.sh"]
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    await answer(signoff, project_id, question, "run")
    assert await output(signoff, project_id, "more") == "more"


async def test_an_approval_is_bound_to_the_files_that_were_seen(signoff: Stack) -> None:
    project_id = await signoff.planned("- Build: `sh build.sh` {#build}")
    script = folder_of(signoff, project_id) / "build.sh"
    script.write_text(GOOD)
    seen = await signoff.call("GET", f"/{project_id}/plan")
    assert list(seen["frozen"]["files"]) == ["build.sh"]
    script.write_text(EVIL)
    body = {"plan_digest": seen["digest"], "frozen_digest": seen["frozen"]["digest"]}
    refusal = await signoff.call("POST", f"/{project_id}/approve", json=body, status=409)
    assert refusal["code"] == "surroundings_changed"
    fresh = await signoff.call("GET", f"/{project_id}/plan")
    await signoff.call("POST", f"/{project_id}/approve", json={"frozen_digest": fresh["frozen"]["digest"]})
    found = (await signoff.call("POST", f"/{project_id}/audit"))["results"]["findings"]
    assert not [finding for finding in found if finding["severity"] == "critical"]
    assert await output(signoff, project_id) == "evil"
