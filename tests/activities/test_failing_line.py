"""The line at which a script of bash stopped. The script itself runs as it would without."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from activities.actions.shell import Shell
from app.domain.actions import TaskFailed
from app.planning.strict_bash import STRICT_BASH
from tests.activities.test_shell import context


async def message_of(workspace: Path, script: str, **fields: object) -> str:
    with pytest.raises(TaskFailed) as caught:
        await Shell().run(context(workspace, {}, [], {"argv": [*STRICT_BASH, script], **fields}))
    return str(caught.value.message)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "it's a workspace"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("true\n\nsh -c 'exit 2'\necho no", "Line 3 failed with exit code 2: sh -c 'exit 2'."),
        ("true\n  false | cat\n", "Line 2 failed with exit code 1: false | cat."),
        ("cat <<E >file\na\nb\nE\nx=$(exit 4)\n", "Line 5 failed with exit code 4: x=$(exit 4)."),
        ("for i in 1 2; do\n  (exit 6)\ndone", "Line 2 failed with exit code 6: (exit 6)."),
        ("true\ntrue && sh -c \\\n  'exit 5' \\\n  more", "Line 2 failed with exit code 5: true && sh -c \\."),
        (
            "if false; then\n:\nfi\nfalse || true\nset -C\nsh -c 'exit 9'",
            "Line 6 failed with exit code 9: sh -c 'exit 9'.",
        ),
        # What nobody knows is not said.
        ("true\nexit 7", "The command failed with exit code 7."),
        ("set +e\nfalse\nexit 1", "The command failed with exit code 1."),
        ("f() {\n false\n}\nf", "The command failed with exit code 1."),
        ("trap : ERR\nfalse", "The command failed with exit code 1."),
        ("false", "The command failed with exit code 1."),
    ],
)
async def test_the_error_names_and_shows_the_line(workspace: Path, script: str, message: str) -> None:
    assert await message_of(workspace, script) == message


async def test_a_long_line_is_cut_and_the_output_is_still_quoted(workspace: Path) -> None:
    message = await message_of(workspace, f"true\necho boom; sh -c 'exit 3' {'x' * 300}")
    assert message.startswith("Line 2 failed with exit code 3: echo boom; sh -c 'exit 3' xxx")
    assert message.endswith("x…. The output ends with: boom")
    assert len(message) < 300


SEES = """
echo "$-|$0|$#|${BASH_ENV-unset}|$LINENO"
bash -c 'trap -p ERR; echo "${BASH_ENV-unset}"'
trap 'echo bye' EXIT
set -o | grep errexit
cd /
nosuch
"""


async def test_a_script_prints_and_ends_as_it_would_without(workspace: Path) -> None:
    with pytest.raises(TaskFailed) as caught:
        await Shell().run(context(workspace, {}, [], {"argv": [*STRICT_BASH, SEES]}))
    alone = subprocess.run(
        [*STRICT_BASH, SEES], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert caught.value.exit_code == alone.returncode == 127
    assert caught.value.outputs["stdout"] == alone.stdout.rstrip("\n")
    assert list((workspace / ".signoff/attempts/task-1/2").glob("[tl][ri]*")) == []


async def test_a_plan_may_use_the_variable_itself(workspace: Path) -> None:
    (workspace / "mine").write_text("echo mine\n")
    message = await message_of(workspace, "true\nfalse", env={"BASH_ENV": str(workspace / "mine")})
    assert message == "The command failed with exit code 1. The output ends with: mine"
