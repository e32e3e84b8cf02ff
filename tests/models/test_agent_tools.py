"""The tools of agents by themselves: what they reach, and what they say where the system refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic_ai.exceptions import ModelHTTPError

from activities.actions.agent_tools import (
    COMMAND_SECONDS,
    MAX_CHARACTERS,
    MAX_MATCHES,
    MAX_PATHS,
    MAX_WRITTEN_BYTES,
    Mistake,
    Tools,
)
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
    assert [await tools.read_file("file", offset) for offset in (0, 5, 9)] == [
        "key: ***\n",
        "***\n",
        "[The file ends at character 9.]",
    ]
    assert await tools.search_files("T0p-s3") == "No matches found."
    log.close()


async def test_a_file_is_written_in_parts_and_edited(tools: Tools, tmp_path: Path) -> None:
    await tools.write_file("a.md", "one\n")
    assert await tools.append_file("a.md", "two\n") == "Appended 4 bytes to a.md, which now has 8."
    await tools.append_file("new/b.md", "first\n")
    assert (tmp_path / "new/b.md").read_text() == "first\n"
    assert "a.md, which now has 10 bytes" in await tools.edit_file("a.md", "two\n", "three\n")
    assert (tmp_path / "a.md").read_text() == "one\nthree\n"
    for old, said in (
        ("e\n", "occurs 2 times in a.md; it must occur exactly once. Include more"),
        ("four", "does not occur in a.md; it must occur exactly once. Read the file"),
        ("", "does not occur"),
    ):
        with pytest.raises(Mistake, match=said):
            await tools.edit_file("a.md", old, "x")
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9 one\n")
    await tools.edit_file("latin", "one", "two")
    assert (tmp_path / "latin").read_bytes() == b"\xe9t\xe9 two\n"


async def test_what_is_appended_or_edited_stays_within_limits(tools: Tools, tmp_path: Path) -> None:
    for path in (".signoff/x", "../x", ".git/config"):
        with pytest.raises((Mistake, TaskFailed)):
            await tools.append_file(path, "y")
        with pytest.raises((Mistake, TaskFailed)):
            await tools.edit_file(path, "x", "y")
    with pytest.raises(Mistake, match="Write it in parts"):
        await tools.append_file("big", "x" * 2_000_001)
    (tmp_path / "full").write_bytes(b"x" * 19_999_999)
    with pytest.raises(Mistake, match="would be larger"):
        await tools.append_file("full", "xx")
    assert (tmp_path / "full").stat().st_size == 19_999_999


async def test_editing_does_not_tell_what_a_secret_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("key: T0p-s3cret-value\n")
    log = AttemptLog(tmp_path, "task_3", 1, Masker(["T0p-s3cret-value"]))
    made = TaskContext(
        project_id="p",
        project_name="P",
        task_id="task_3",
        key="k",
        attempt=1,
        workspace=tmp_path,
        fields=None,
        inputs={},
        log=log,
    )
    tools = Tools(made, AgentEntry())
    for guess in ("T0p", "nothing of it", "key"):
        with pytest.raises(Mistake, match="contains a secret"):
            await tools.edit_file("file", guess, "x")
    assert (tmp_path / "file").read_text() == "key: T0p-s3cret-value\n"
    log.close()


async def test_the_end_of_a_file_is_said(tools: Tools) -> None:
    await tools.write_file("a", "12345")
    assert await tools.read_file("a", 5) == "[The file ends at character 5.]"
    await tools.write_file("empty", "")
    assert await tools.read_file("empty") == "[The file is empty.]"


def test_who_may_write_may_append_and_edit(tools: Tools) -> None:
    reader = Tools(tools._context, AgentEntry(tools=(AgentTool.READ_FILE,)))
    assert [tool.__name__ for tool in reader.offered()] == ["read_file"]
    writer = Tools(tools._context, AgentEntry(tools=(AgentTool.WRITE_FILE,)))
    assert [tool.__name__ for tool in writer.offered()] == ["write_file", "append_file", "edit_file"]


def test_the_limits_of_the_tools_are_what_they_say(tools: Tools) -> None:
    said = " ".join(" ".join((tool.__doc__ or "").split()) for tool in tools.offered())
    for limit in (f"{MAX_CHARACTERS:,} characters", f"at most {MAX_PATHS} of them", f"at most {MAX_MATCHES} lines"):
        assert limit in said
    assert f"at most {MAX_WRITTEN_BYTES // 1_000_000} MB" in said
    assert f"After {COMMAND_SECONDS:g} seconds" in said
