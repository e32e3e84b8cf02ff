"""A person who completes a task is told which expected file is missing, and may do without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- [ ] Write the report {#report files=report.md,data.csv}"


async def waiting(stack: Stack, plan: str = PLAN) -> tuple[str, Path]:
    project_id = await stack.planned(plan)
    await stack.call("POST", f"/{project_id}/approve")
    await stack.task_in(project_id, "report", "waiting")
    return project_id, Path((await stack.project(project_id))["workspace"])


async def completed(stack: Stack, project_id: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await stack.http.post(f"/api/projects/{project_id}/tasks/report/complete", json=body)
    return answer.status_code, answer.json()


async def test_a_person_is_told_which_files_are_missing_and_may_do_without_them(signoff: Stack) -> None:
    project_id, workspace = await waiting(signoff)
    (workspace / "data.csv").write_text("a,b\n")
    status, answer = await completed(signoff, project_id)
    assert (status, answer["code"], answer["context"]) == (409, "file_missing", {"missing_files": ["report.md"]})
    assert "The plan expects report.md from this task, which is not in the workspace." in answer["message"]
    status, answer = await completed(signoff, project_id, missing_files=["report.md"])
    assert (status, answer["status"]) == (200, "completed")
    assert (await signoff.finished(project_id))["status"] == "completed"
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"], audit["results"]["findings"]
    assert [item["code"] for item in audit["results"]["findings"]].count("file_missing") == 1


async def test_every_missing_file_is_named(signoff: Stack) -> None:
    project_id, _ = await waiting(signoff)
    status, answer = await completed(signoff, project_id, missing_files=["report.md"])
    assert (status, answer["context"]) == (409, {"missing_files": ["data.csv"]})
    status, answer = await completed(signoff, project_id, missing_files=["other.md"])
    assert (status, answer["details"][0]["field"]) == (422, "missing_files")


async def test_files_that_are_there_need_no_word(signoff: Stack) -> None:
    project_id, workspace = await waiting(signoff)
    for name in ("data.csv", "report.md"):
        (workspace / name).write_text("x")
    assert (await completed(signoff, project_id))[0] == 200


async def test_a_person_who_replaces_a_failed_task_is_told_too(signoff: Stack) -> None:
    project_id, _ = await waiting(signoff, "- Report: `false` {#report files=report.md after_failure=ask}")
    status, answer = await completed(signoff, project_id)
    assert (status, answer["code"]) == (409, "file_missing")
    assert (await completed(signoff, project_id, missing_files=["report.md"]))[0] == 200
