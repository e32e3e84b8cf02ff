"""Code that a model writes runs only as a person has read it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack
from tests.model_server import ModelServer, Text, ToolCalls
from tests.models.drafts import plan

SAFE, EVIL = "print('cleaned')\n", "print('evil')\n"
WRITE = {"type": "agent", "prompt": "Write clean.py."}
RUN = {"type": "shell", "command": "python3 clean.py"}
TASKS = (
    ("write", "Write", WRITE, (), {"expected_files": ["clean.py"]}),
    ("clean", "Clean", RUN, ("write",)),
)


def writes(content: str, path: str = "clean.py") -> tuple[ToolCalls, Text]:
    return ToolCalls(("write_file", {"path": path, "content": content})), Text("It is written.")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def planned(stack: Stack, model: ModelServer, *tasks: Any) -> tuple[str, dict[str, Any]]:
    """Have the model plan these tasks."""
    model.say(plan(*(tasks or TASKS)))
    project_id = await stack.create("Clean the addresses with a script.")
    return project_id, await stack.call("POST", f"/{project_id}/generate-plan")


async def codes(stack: Stack, project_id: str) -> list[tuple[str, str]]:
    audit = await stack.call("POST", f"/{project_id}/audit")
    return [(item["severity"], item["code"]) for item in audit["results"]["findings"]]


async def reading(stack: Stack, model: ModelServer, content: str = SAFE) -> tuple[str, Path]:
    """Run the plan up to the step in which a person reads the script."""
    project_id, _ = await planned(stack, model)
    model.say(*writes(content))
    await stack.call("POST", f"/{project_id}/approve")
    await stack.task_in(project_id, "read_clean_py", "waiting")
    return project_id, Path((await stack.project(project_id))["workspace"])


async def read(stack: Stack, project_id: str, **body: Any) -> dict[str, Any]:
    return await stack.call("POST", f"/{project_id}/tasks/read_clean_py/complete", json=body)


async def question_about(stack: Stack, project_id: str) -> dict[str, Any]:
    task = await stack.task_in(project_id, "clean", "waiting", "completed", "failed")
    assert (task["status"], task["reason"]) == ("waiting", "signed_changed"), task
    listed = await stack.call("GET", f"/{project_id}/decisions", params={"status": "open"})
    (question,) = listed["decisions"]
    return question


async def test_a_plan_of_a_model_has_a_person_read_the_script_before_it_runs(
    planner: Stack, model: ModelServer
) -> None:
    project_id, made = await planned(planner, model)
    tasks = {task["key"]: task for task in made["phases"][0]["tasks"]}
    assert list(tasks) == ["write", "read_clean_py", "clean"]
    step = tasks["read_clean_py"]
    assert (step["action"]["type"], step["action"]["shows"]) == ("manual", ["clean.py"])
    assert step["depends_on"] == [tasks["write"]["id"]]
    assert step["id"] in tasks["clean"]["depends_on"]
    assert any("read_clean_py" in warning for warning in made["warnings"])
    assert ("high", "runs_unseen_code") not in await codes(planner, project_id)


async def test_a_plan_without_that_step_is_marked_before_the_signature(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await planned(planner, model)
    await planner.call("DELETE", f"/{project_id}/tasks/clean")
    await planner.call("DELETE", f"/{project_id}/tasks/read_clean_py")
    task = {"title": "Clean", "key": "again", "action": RUN, "depends_on": ["write"]}
    await planner.call("POST", f"/{project_id}/tasks", status=201, json=task)
    audit = await planner.call("POST", f"/{project_id}/audit")
    (finding,) = [item for item in audit["results"]["findings"] if item["code"] == "runs_unseen_code"]
    assert finding["severity"] == "high"
    assert "Task 'again' runs clean.py, which a model writes in task 'write'" in finding["message"]


@pytest.mark.parametrize("strategy", ["sequential", "parallel", "dag"])
async def test_the_step_stands_before_the_command_in_every_kind_of_phase(
    planner: Stack, model: ModelServer, strategy: str
) -> None:
    answer = plan(*(TASKS if strategy == "dag" else (TASKS[0], (*TASKS[1][:3], ()))))
    answer.value["phases"][0]["strategy"] = strategy
    model.say(answer)
    project_id = await planner.create("Clean the addresses with a script.")
    made = await planner.call("POST", f"/{project_id}/generate-plan")
    tasks = {task["key"]: task for task in made["phases"][0]["tasks"]}
    assert list(tasks) == ["write", "read_clean_py", "clean"]
    assert tasks["write"]["id"] in tasks["read_clean_py"]["depends_on"]
    assert tasks["read_clean_py"]["id"] in tasks["clean"]["depends_on"]


async def test_what_a_person_has_read_runs(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await reading(planner, model)
    done = await read(planner, project_id, read={"clean.py": sha256(SAFE)})
    assert done["outputs"]["read"] == {"clean.py": sha256(SAFE)}
    project = await planner.finished(project_id)
    assert project["status"] == "completed", project["failure"]
    assert project["tasks"][2]["outputs"]["stdout"] == "cleaned"
    audit = await planner.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]["findings"]


async def test_a_script_that_changes_after_it_was_read_does_not_run(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await planned(planner, model)
    await planner.call(
        "POST",
        f"/{project_id}/tasks",
        status=201,
        json={"title": "Hold", "key": "hold", "action": {"type": "manual"}, "depends_on": ["read_clean_py"]},
    )
    await planner.call("PUT", f"/{project_id}/tasks/clean", json={"depends_on": ["write", "read_clean_py", "hold"]})
    model.say(*writes(SAFE))
    await planner.call("POST", f"/{project_id}/approve")
    await planner.task_in(project_id, "read_clean_py", "waiting")
    await read(planner, project_id)
    await planner.task_in(project_id, "hold", "waiting")
    script = Path((await planner.project(project_id))["workspace"]) / "clean.py"
    script.write_text(EVIL)
    await planner.call("POST", f"/{project_id}/tasks/hold/complete", json={})
    question = await question_about(planner, project_id)
    (difference,) = question["differences"]
    assert (difference["name"], difference["signed"], difference["now"]) == ("clean.py", sha256(SAFE), sha256(EVIL))
    assert "+print('evil')" in difference["text"]
    await planner.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "fail"})
    project = await planner.finished(project_id)
    assert project["status"] == "failed"
    assert next(task for task in project["tasks"] if task["key"] == "clean")["outputs"] == {}


async def test_a_person_must_have_seen_what_is_there(planner: Stack, model: ModelServer) -> None:
    project_id, workspace = await reading(planner, model)
    (workspace / "clean.py").write_text(EVIL)
    url = f"/api/projects/{project_id}/tasks/read_clean_py/complete"
    answer = await planner.http.post(url, json={"read": {"clean.py": sha256(SAFE)}})
    assert (answer.status_code, answer.json()["code"]) == (409, "file_changed")
    (workspace / "clean.py").unlink()
    answer = await planner.http.post(url, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "file_missing")
    answer = await planner.http.post(url, json={"read": {"other.py": sha256(SAFE)}})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "read")


async def test_a_step_that_was_skipped_has_not_been_read(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await reading(planner, model)
    outputs = {"read": {"clean.py": sha256(SAFE)}}
    await planner.call("POST", f"/{project_id}/tasks/read_clean_py/skip", json={"outputs": outputs})
    question = await question_about(planner, project_id)
    assert "Nobody has read it." in question["question"]
    assert "+print('cleaned')" in question["differences"][0]["text"]
    await planner.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "run"})
    assert (await planner.finished(project_id))["status"] == "completed"


async def test_outputs_cannot_say_that_a_person_has_read_another_file(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await reading(planner, model)
    done = await read(planner, project_id, outputs={"read": {"clean.py": sha256(EVIL)}, "note": "fine"})
    assert done["outputs"] == {"read": {"clean.py": sha256(SAFE)}, "note": "fine"}


async def test_a_signed_script_that_a_model_changes_does_not_run_unseen(planner: Stack, model: ModelServer) -> None:
    project_id = await planner.planned("- Write: `true` {#first}")
    (Path((await planner.project(project_id))["workspace"]) / "clean.py").write_text(SAFE)
    agent = {"title": "Write", "key": "write", "action": WRITE, "depends_on": ["first"]}
    await planner.call("POST", f"/{project_id}/tasks", status=201, json=agent)
    run = {"title": "Clean", "key": "clean", "action": RUN, "depends_on": ["write"]}
    await planner.call("POST", f"/{project_id}/tasks", status=201, json=run)
    model.say(*writes(EVIL))
    await planner.call("POST", f"/{project_id}/approve")
    question = await question_about(planner, project_id)
    assert "The model of task 'write' changed it, and nobody has read it since." in question["question"]
    await planner.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": "fail"})
    assert (await planner.finished(project_id))["status"] == "failed"


async def test_a_script_of_nowhere_is_shown_too_and_a_file_of_the_workspace_is_not(
    planner: Stack, model: ModelServer
) -> None:
    _, made = await planned(planner, model, TASKS[0][:4], TASKS[1])
    assert [task["key"] for task in made["phases"][0]["tasks"]] == ["write", "read_clean_py", "clean"]
    project_id = await planner.create("Clean the addresses with a script.")
    files = {"file": ("clean.py", SAFE.encode())}
    await planner.call("POST", f"/{project_id}/files/upload", files=files)
    model.say(plan(TASKS[0][:4], TASKS[1]))
    made = await planner.call("POST", f"/{project_id}/generate-plan")
    assert [task["key"] for task in made["phases"][0]["tasks"]] == ["write", "clean"]


async def test_a_refined_plan_keeps_the_step(planner: Stack, model: ModelServer) -> None:
    project_id, _ = await planned(planner, model)
    kept = ("read", "Read clean.py before it runs", {"type": "manual", "instructions": "Read it."}, ("write",))
    model.say(plan(TASKS[0], kept, (*TASKS[1][:3], ("read",)), ("more", "More", {"type": "manual"}, ("clean",))))
    refined = await planner.call("POST", f"/{project_id}/refine-plan", json={"message": "Have somebody look."})
    tasks = {task["key"]: task for task in refined["phases"][0]["tasks"]}
    assert list(tasks) == ["write", "read_clean_py", "clean", "more"]
    assert tasks["read_clean_py"]["action"]["shows"] == ["clean.py"]
