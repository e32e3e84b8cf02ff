"""The shell action, with real commands in a real workspace."""

import asyncio
import errno
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from activities.actions.attempt_log import AttemptLog
from activities.actions.masking import Masker
from activities.actions.process import StartError, run_guarded
from activities.actions.shell import Shell, ShellFields
from app.domain.actions import TaskContext, TaskFailed


def context(workspace: Path, inputs: dict[str, Any], secrets: list[str], fields: dict[str, Any]) -> TaskContext:
    return TaskContext(
        project_id="project-1",
        project_name="Project",
        task_id="task-1",
        key="the_task",
        attempt=2,
        workspace=workspace,
        fields=ShellFields.model_validate(fields),
        inputs=inputs,
        log=AttemptLog(workspace, "task-1", 2, Masker(secrets)),
        kill_grace=1,
    )


async def run(workspace: Path, command: str = "", *, inputs=None, secrets=(), **fields: Any) -> dict[str, Any]:
    if command:
        fields["command"] = command
    return await Shell().run(context(workspace, inputs or {}, list(secrets), fields))


async def failure(workspace: Path, command: str = "", **options: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        await run(workspace, command, **options)
    return caught.value


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


async def test_a_command_runs_in_the_workspace(workspace: Path) -> None:
    assert await run(workspace, "echo hello > file.txt; pwd; echo oops >&2") == {"stdout": f"{workspace}\noops"}
    assert (workspace / "file.txt").read_text() == "hello\n"
    assert (workspace / ".signoff/attempts/task-1/2/log").read_text() == f"{workspace}\noops\n"


async def test_arguments_are_not_read_by_a_shell(workspace: Path) -> None:
    assert await run(workspace, argv=["echo", "$HOME; *"]) == {"stdout": "$HOME; *"}


async def test_the_environment_is_new(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LC_") or name in {"TZ", "LANG", "LANGUAGE"}]:
        monkeypatch.delenv(name)
    for name in ("SIGNOFF_SECRET_TOKEN", "MODEL_API_KEY", "VIRTUAL_ENV", "PYTHONPATH", "PIP_INDEX_URL", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, "the worker's")
    printed = (await run(workspace, argv=["env"], inputs={"name": "Ada", "n": 3, "list": ["é"]}, env={"MORE": "1"}))[
        "stdout"
    ]
    variables = dict(line.split("=", 1) for line in printed.split("\n"))
    del variables["PATH"]
    assert variables == {
        "HOME": str(workspace / ".signoff/home"),
        "TMPDIR": str(workspace / ".signoff/tmp/task-1-2"),
        "LANG": "C.UTF-8",
        "MORE": "1",
        "INPUT_NAME": "Ada",
        "INPUT_N": "3",
        "INPUT_LIST": '["é"]',
        "SIGNOFF_OUTPUT": str(workspace / ".signoff/attempts/task-1/2/output"),
        "SIGNOFF_PROJECT_ID": "project-1",
        "SIGNOFF_TASK_KEY": "the_task",
        "SIGNOFF_ATTEMPT": "2",
    }


async def test_time_zone_and_locale_are_the_workers(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TZ": "Asia/Kathmandu", "LANG": "de_DE.UTF-8", "LC_NUMERIC": "C"}.items():
        monkeypatch.setenv(name, value)
    outputs = await run(workspace, 'date +%z; echo "$LANG $LC_NUMERIC"')
    assert outputs == {"stdout": "+0545\nde_DE.UTF-8 C"}
    assert await run(workspace, "date +%z", env={"TZ": "UTC"}) == {"stdout": "+0000"}


async def test_a_task_does_not_find_signoffs_own_programs(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a shell where Signoff's environment is active, and once more by a link to it."""
    own = Path(sys.prefix, "bin")
    assert (own / "python3").exists()
    (tmp_path / "link").symlink_to(own)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", f"{own}:{tmp_path}/link:bin:.:{os.environ['PATH']}:{own}/")
    outputs = await run(
        workspace,
        "for name in python python3 pip pip3 signoff; do command -v $name; done; "
        "python3 -c 'import sys; print(sys.prefix)'; python3 -c 'import temporalio' 2>&1 | tail -n 1",
    )
    assert outputs["stdout"].endswith("No module named 'temporalio'")
    assert sys.prefix not in outputs["stdout"]
    assert f"{tmp_path}/link" not in outputs["stdout"]
    path = (await run(workspace, 'echo "$PATH"'))["stdout"].split(":")
    assert all(folder.startswith("/") for folder in path)


async def test_a_setting_gives_tasks_more_programs(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    tool = tmp_path / "tools" / "ls"
    tool.write_text("#!/bin/sh\necho ours first\n")
    tool.chmod(0o755)
    given = replace(context(workspace, {}, [], {"command": "ls"}), task_path=[str(tmp_path / "tools")])
    assert await Shell().run(given) == {"stdout": "ours first"}


async def test_the_output_file_does_not_stay(workspace: Path) -> None:
    assert await run(workspace, "echo token=s3cr3t > $SIGNOFF_OUTPUT") == {"stdout": "", "token": "s3cr3t"}
    await failure(workspace, "echo token=s3cr3t > $SIGNOFF_OUTPUT; exit 1")
    assert [path.name for path in (workspace / ".signoff/attempts/task-1/2").iterdir()] == ["log"]


async def test_an_input_is_never_read_as_a_command(workspace: Path) -> None:
    outputs = await run(workspace, 'echo "$INPUT_TITLE"', inputs={"title": "$(touch hacked); `touch hacked`"})
    assert outputs["stdout"] == "$(touch hacked); `touch hacked`"
    assert not (workspace / "hacked").exists()


async def test_named_outputs(workspace: Path) -> None:
    command = "printf 'count=3\\npath=a=b\\n\\nnotes<<EOF\\nline 1\\nx=1\\n\\nEOF\\nlast=é' >> $SIGNOFF_OUTPUT"
    assert await run(workspace, command) == {
        "stdout": "",
        "count": "3",
        "path": "a=b",
        "notes": "line 1\nx=1\n",
        "last": "é",
    }


async def test_outputs_of_another_run_of_the_attempt_do_not_stay(workspace: Path) -> None:
    await run(workspace, "echo old=1 >> $SIGNOFF_OUTPUT")
    assert await run(workspace, "echo new=1 >> $SIGNOFF_OUTPUT") == {"stdout": "", "new": "1"}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("a=1\\nnonsense", "bad_output", "Line 2"),
        ("1a=2", "bad_output", "Line 1"),
        ("a=1\\nb<<EOF\\ntext", "bad_output", "Line 2"),
        ("a<<", "bad_output", "Line 1"),
    ],
)
async def test_an_output_file_that_is_not_understood(workspace: Path, text: str, kind: str, message: str) -> None:
    error = await failure(workspace, f"printf '{text}' > $SIGNOFF_OUTPUT")
    assert (error.kind, message in error.message) == (kind, True)


async def test_outputs_have_a_limit(workspace: Path) -> None:
    error = await failure(workspace, "(printf a=; head -c 1100000 /dev/zero) > $SIGNOFF_OUTPUT")
    assert error.kind == "output_too_large"


@pytest.mark.parametrize("plant", ["ln -s /etc/passwd", "mkfifo", "mkdir"])
async def test_an_output_file_that_is_none_gives_nothing(workspace: Path, plant: str) -> None:
    assert await run(workspace, f'rm "$SIGNOFF_OUTPUT"; {plant} "$SIGNOFF_OUTPUT"') == {"stdout": ""}


async def test_a_failing_command_says_how_it_ended(workspace: Path) -> None:
    error = await failure(workspace, "echo fine; echo a=1 > $SIGNOFF_OUTPUT; echo 'no such thing' >&2; exit 3")
    assert (error.kind, error.exit_code, error.retryable) == ("exit_code", 3, True)
    assert error.message == "The command failed with exit code 3. The output ends with: no such thing"
    assert error.outputs == {"stdout": "fine\nno such thing", "a": "1"}


async def test_a_killed_command_says_by_what(workspace: Path) -> None:
    error = await failure(workspace, "kill -9 $$")
    assert (error.kind, error.exit_code) == ("signal", 137)
    assert "SIGKILL" in error.message


async def test_a_program_that_does_not_exist(workspace: Path) -> None:
    error = await failure(workspace, argv=["no-such-program", "x"])
    assert (error.kind, error.retryable) == ("command_not_found", False)
    assert "'no-such-program'" in error.message


async def test_the_folder_must_exist(workspace: Path) -> None:
    error = await failure(workspace, "true", cwd="missing")
    assert error.kind == "not_started"
    assert "'missing'" in error.message


@pytest.mark.parametrize("cwd", ["..", "/etc", "link", "a/../../x"])
async def test_the_folder_must_lie_in_the_workspace(workspace: Path, cwd: str) -> None:
    (workspace / "link").symlink_to("/etc")
    assert (await failure(workspace, "true", cwd=cwd)).kind == "path_outside"


async def test_a_folder_of_the_workspace(workspace: Path) -> None:
    (workspace / "sub").mkdir()
    assert await run(workspace, "pwd", cwd="sub") == {"stdout": str(workspace / "sub")}


@pytest.mark.parametrize(
    ("value", "kind"), [("x" * 4_000_000, "bad_input"), ("a\0b", "bad_input"), ("\ud800", "bad_input")]
)
async def test_inputs_that_no_environment_can_hold(workspace: Path, value: str, kind: str) -> None:
    assert (await failure(workspace, "true", inputs={"big": value})).kind == kind


async def test_no_text_and_much_of_it(workspace: Path) -> None:
    outputs = await run(workspace, "head -c 30000000 /dev/zero; printf '\\377\\0end\\n'")
    assert outputs["stdout"].endswith("\ufffd\ufffdend")
    assert len(outputs["stdout"]) <= 64 * 1024
    assert (workspace / ".signoff/attempts/task-1/2/log").stat().st_size < 10 * 1024 * 1024 + 100


async def test_secrets_do_not_show(workspace: Path) -> None:
    error = await failure(workspace, "printf %s s3c; echo r3t; exit 1", inputs={"token": "s3cr3t"}, secrets=["s3cr3t"])
    assert error.outputs["stdout"] == "***"
    assert "s3c" not in error.message
    assert b"s3c" not in (workspace / ".signoff/attempts/task-1/2/log").read_bytes()


async def test_standard_input_is_empty(workspace: Path) -> None:
    assert await run(workspace, "cat; echo done") == {"stdout": "done"}


async def test_git_works_in_the_workspace(workspace: Path) -> None:
    # What we keep there is not in the way of a repository.
    assert await run(workspace, "git init -q . && git status --porcelain && echo fine") == {"stdout": "fine"}


async def test_a_cancel_reaches_the_command(workspace: Path) -> None:
    ready = workspace / "ready"
    os.mkfifo(ready)
    task = asyncio.create_task(
        run(workspace, "trap 'echo bye; exit 0' TERM; echo go > ready; while :; do sleep 0.01; done")
    )
    # Opening a FIFO for reading waits until the command opens it for writing.
    assert await asyncio.to_thread(ready.read_text) == "go\n"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "bye" in (workspace / ".signoff/attempts/task-1/2/log").read_text()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"command": "true", "argv": ["true"]},
        {"command": " "},
        {"argv": []},
        {"argv": [""]},
        {"command": "a\0b"},
        {"command": "true", "env": {"A=B": "1"}},
        {"command": "true", "env": {"SIGNOFF_OUTPUT": "x"}},
        {"command": "true", "shell": "zsh"},
    ],
)
def test_fields_that_make_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ShellFields.model_validate(fields)


async def test_a_command_is_not_started_where_a_link_has_taken_a_folders_place(tmp_path: Path) -> None:
    """What a task does between the worker's look at the folder and the start: the link is there already here."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workspace").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartError) as caught:
        await run_guarded(
            ["touch", "planted"], cwd=tmp_path / "workspace", env={"PATH": "/bin"}, on_output=lambda _: None, grace=1
        )
    assert (caught.value.step, caught.value.number) == ("chdir", errno.ELOOP)
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_workspace_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workspace").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TaskFailed) as caught:
        AttemptLog(tmp_path / "workspace", "task-1", 1)
    assert caught.value.kind == "unsafe_workspace"
    assert list((tmp_path / "elsewhere").iterdir()) == []
