"""The tools of agents by themselves: what they reach, and what they say where the system refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic_ai.exceptions import ModelHTTPError

from activities.actions.agent_tools import Mistake, Tools
from activities.actions.attempt_log import AttemptLog
from activities.actions.masking import Masker
from app.domain.actions import TaskContext, TaskFailed
from app.domain.agents import AgentEntry, AgentTool
from app.llm.access import ModelAccess
from app.llm.asking import explained


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    context = TaskContext(
        project_id="proj_1",
        project_name="P",
        task_id="task_1",
        key="k",
        attempt=1,
        workspace=tmp_path,
        fields=None,
        inputs={},
        log=AttemptLog(tmp_path, "task_1", 1),
    )
    return Tools(context, AgentEntry(tools=tuple(AgentTool), commands=("sh",), hosts=("127.0.0.1",)))


async def test_of_what_a_command_prints_the_end_is_kept_however_much_it_is(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.actions.agent_tools.MAX_READ_BYTES", 100_000)
    said = await tools.run_command(
        ["sh", "-c", "i=0; while [ $i -lt 40 ]; do printf '%05000d' 0; i=$((i+1)); done; echo END"]
    )
    assert said.startswith("exit code 0\n[earlier output omitted]\n")
    assert said.endswith("END\n")


@pytest.mark.parametrize("folder", [".signoff", ".SIGNOFF", ".Signoff"])
async def test_the_private_folder_is_out_of_reach_in_every_spelling(tools: Tools, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "x").write_text("private")
    with pytest.raises(Mistake):
        await tools.read_file(f"{folder}/x")
    with pytest.raises(TaskFailed):
        await tools.write_file(f"{folder}/x", "y")
    assert "private" not in await tools.search_files("private")


async def test_links_and_other_things_of_the_file_system_lead_nowhere(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "own").symlink_to(".signoff")
    os.mkfifo(tmp_path / "pipe")
    for path in (
        "out/passwd",
        "self",
        "own/attempts/task_1/1/log",
        "pipe",
        "..",
        ".",
        "",
        "a\0b",
        "x" * 300,
        "\udc80\ud800",
    ):
        with pytest.raises((Mistake, TaskFailed)):
            await tools.read_file(path)
    for path in ("out/x", "self", "own/x", "..", ".", "", "a\0b", "x" * 300, "\ud800"):
        with pytest.raises((Mistake, TaskFailed)):
            await tools.write_file(path, "y")
    await tools.write_file("pipe", "now a file")
    assert await tools.read_file("pipe") == "now a file"


def test_a_key_that_a_server_repeats_is_not_passed_on() -> None:
    access = ModelAccess("openai:x", "http://h", "sk-very-secret", 1.0, 100, None)
    error = ModelHTTPError(401, "x", {"message": "Incorrect API key provided: sk-very-secret."})
    assert "sk-very-secret" not in explained(access, error).info.message


async def test_the_private_folder_of_a_project_within_is_out_of_reach(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "inner" / ".signoff").mkdir(parents=True)
    (tmp_path / "inner" / ".signoff" / "log").write_text("private")
    with pytest.raises(Mistake):
        await tools.read_file("inner/.signoff/log")
    with pytest.raises(TaskFailed):
        await tools.write_file("inner/.Signoff/log", "forged")
    assert "private" not in await tools.search_files("private")
    assert "signoff" not in await tools.list_files("*log*")


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "sub/.GIT/config", "hooks/pre-commit", ".git"])
async def test_what_git_would_run_is_not_written(tools: Tools, tmp_path: Path, path: str) -> None:
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / "hooks").symlink_to(".git/hooks")
    with pytest.raises((Mistake, TaskFailed)):
        await tools.write_file(path, "#!/bin/sh\ntouch hacked\n")
    assert list((tmp_path / ".git" / "hooks").iterdir()) == []


async def test_a_secret_cannot_be_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("key: T0p-s3cret-value\n")
    log = AttemptLog(tmp_path, "task_2", 1, Masker(["T0p-s3cret-value"]))
    made = TaskContext(
        project_id="p",
        project_name="P",
        task_id="task_2",
        key="k",
        attempt=1,
        workspace=tmp_path,
        fields=None,
        inputs={},
        log=log,
    )
    tools = Tools(made, AgentEntry(tools=tuple(AgentTool)[:1]))
    assert [await tools.read_file("file", offset) for offset in (0, 5, 9)] == ["key: ***\n", "***\n", ""]
    assert await tools.search_files("T0p-s3") == "No matches found."
    log.close()
