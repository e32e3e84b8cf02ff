"""A plan's surroundings at the start of a task are those of its approval, unless a person decides otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.workflows.test_signed_files import answer, asked, complete

PLAN = "- [ ] Look {#wait}\n- Build: `expr 1 + 1` {#build after=wait}"


async def test_a_program_that_another_one_takes_the_place_of(
    signoff: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "wait", "waiting")
    program = tmp_path / "expr"
    program.write_text("#!/bin/sh\necho evil\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    (difference,) = question["differences"]
    assert (difference["what"], difference["name"], difference["now"]) == ("program", "expr", str(program))
    await answer(signoff, project_id, question, "fail")


async def test_hosts_that_were_added_after_the_approval(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = "- [ ] Look {#wait}\n- Ask {#build after=wait}\n\n  ```http\n  GET ${{ signoff.url }}/health\n  ```\n"
    project_id = await signoff.started(plan)
    await signoff.task_in(project_id, "wait", "waiting")
    monkeypatch.setattr(signoff.settings, "http_allow", ["10.0.0.0/8"])
    await complete(signoff, project_id)
    _, question = await asked(signoff, project_id, "build")
    assert [(item["what"], item["name"]) for item in question["differences"]] == [("setting", "http_allow")]
    await answer(signoff, project_id, question, "fail")


@pytest.mark.parametrize("now", [1_000, 0])
async def test_a_task_has_the_limits_that_were_signed(
    signoff: Stack, monkeypatch: pytest.MonkeyPatch, now: int
) -> None:
    """Neither a stricter nor a laxer worker changes what was approved. A task's own settings take precedence."""
    monkeypatch.setattr(signoff.settings, "task_file_size", 10_000)
    write = "head -c 5000 /dev/zero > small && ! head -c 20000 /dev/zero > large"
    own = "head -c 20000 /dev/zero > own"
    plan = f"- [ ] Look {{#wait}}\n- Build: `{write}` {{#build after=wait}}\n- Own: `{own}` {{#own after=wait file_size=1m}}"
    project_id = await signoff.planned(plan)
    frozen = (await signoff.call("GET", f"/{project_id}/plan"))["frozen"]
    assert frozen["task_limits"]["file_size"] == 10_000
    await signoff.call("POST", f"/{project_id}/approve", json={"frozen_digest": frozen["digest"]})
    await signoff.task_in(project_id, "wait", "waiting")
    monkeypatch.setattr(signoff.settings, "task_file_size", now)
    await complete(signoff, project_id)
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["tasks"]
    assert (await signoff.call("GET", f"/{project_id}/plan"))["frozen"]["task_limits"] == frozen["task_limits"]


async def test_an_approval_is_held_to_the_limits_that_were_read(
    signoff: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await signoff.planned("- Build: `true` {#build}")
    frozen = (await signoff.call("GET", f"/{project_id}/plan"))["frozen"]
    monkeypatch.setattr(signoff.settings, "task_memory", 123 * 1024**2)
    read = {"frozen_digest": frozen["digest"]}
    refused = await signoff.call("POST", f"/{project_id}/approve", status=409, json=read)
    assert refused["code"] == "surroundings_changed"
