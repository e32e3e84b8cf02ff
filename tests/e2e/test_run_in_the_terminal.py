"""`signoff run`: what it asks, what an interrupt does, and how CI waits for an approval."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.e2e.command_line import CommandLine

SLOW = "# Slow\n\n- Sleep: `sleep 300` {#nap}\n"
GO = "# Go\n\n- Wait: `until test -e go; do sleep 0.05; done; echo ok > result.html` {#wait files=result.html}\n"
CHECK = """\
# Check

- Make: `printf abc > report.md` {#make files=report.md}
- [ ] Check the numbers {#check after=make}

  Open `report.md`. If orders moved by more than a tenth, tell the leads.
- Send to everybody? {#send decision="yes,no,only the leads" after=check}
"""


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


def project_id(output: str) -> str:
    found = re.search(r"proj_[0-9a-z]+", output)
    assert found, output
    return found.group()


def plan(cli: CommandLine, text: str) -> str:
    (cli.folder / "plan.md").write_text(text)
    return "plan.md"


async def test_a_mistyped_answer_is_asked_again_and_a_task_shows_what_it_is_about(cli: CommandLine) -> None:
    async with cli.terminal("run", plan(cli, CHECK), "--new-workspace") as terminal:
        await terminal.seen("Approve and run this plan? [y/N]")
        terminal.type("yep\n")
        await terminal.seen("Answer y or n.")
        await terminal.seen("Approve and run this plan? [y/N]")
        terminal.type("y\n")
        await terminal.seen("Open `report.md`. If orders moved by more than a tenth, tell the leads.")
        await terminal.seen("/report.md")
        await terminal.seen("3 B")
        await terminal.seen("check: Check the numbers. Done? [y/N]")
        terminal.type("y\n")
        await terminal.seen("Send to everybody? [yes/no/only the leads]")
        terminal.type("maybe\n")
        await terminal.seen("Answer one of: yes, no, only the leads.")
        await terminal.seen("Send to everybody? [yes/no/only the leads]")
        terminal.type("only\n")
        await terminal.seen("✓ completed Check")
        await terminal.seen("Open file://")
        await terminal.seen("/report.md")
        assert await terminal.ended() == 0


async def test_ctrl_d_leaves_a_question_open(cli: CommandLine, signoff: Stack) -> None:
    async with cli.terminal(
        "run",
        plan(cli, CHECK.replace("- [ ] Check", "- Check").replace("{#check", "{#check milestone")),
        "--new-workspace",
        "--yes",
    ) as terminal:
        await terminal.seen("Send to everybody? [yes/no/only the leads]")
        terminal.type("\x04")
        await terminal.seen("Left open. To answer it later: signoff inbox")
        project = project_id(terminal.text)
        (asked,) = (await signoff.call("GET", f"/{project}/decisions?status=open"))["decisions"]
        await signoff.call("POST", f"/{project}/decisions/{asked['id']}", json={"answer": "yes"})
        assert await terminal.ended() == 0


async def test_ctrl_c_asks_and_watching_goes_on(cli: CommandLine) -> None:
    async with cli.terminal("run", plan(cli, GO), "--yes", "--new-workspace") as terminal:
        await terminal.seen("1 running")
        terminal.type("\x03")
        await terminal.seen("The run continues. [d]etach, [c]ancel, or [w]atch on?")
        terminal.type("x\n")
        await terminal.seen("Answer d, c or w.")
        # What is typed before the question is discarded.
        await terminal.seen("[w]atch on?")
        terminal.type("w\n")
        await terminal.seen("1 running")
        workspace = re.search(r"workspace (\S+)", terminal.text)
        assert workspace
        (Path(workspace[1]) / "go").touch()
        await terminal.seen("✓ completed Go")
        await terminal.seen("result.html")
        assert await terminal.ended() == 0


@pytest.mark.parametrize(
    ("typed", "code", "status"), [("d\n", 130, "running"), ("\x03", 130, "running"), ("c\n", 2, "cancelled")]
)
async def test_ctrl_c_detaches_or_cancels(cli: CommandLine, signoff: Stack, typed: str, code: int, status: str) -> None:
    async with cli.terminal("run", plan(cli, SLOW), "--yes", "--new-workspace") as terminal:
        await terminal.seen("1 running")
        terminal.type("\x03")
        await terminal.seen("[w]atch on?")
        terminal.type(typed)
        assert await terminal.ended() == code
        project = project_id(terminal.text)
    assert (await signoff.project(project))["status"] == status
    if status == "running":
        assert f"signoff projects watch {project}" in terminal.text
        await signoff.call("POST", f"/{project}/cancel")


async def test_ctrl_c_before_the_approval_leaves_the_plan_pending(cli: CommandLine, signoff: Stack) -> None:
    async with cli.terminal("run", plan(cli, SLOW), "--new-workspace") as terminal:
        await terminal.seen("run this plan? [y/N]")
        terminal.type("\x03")
        await terminal.seen("To approve it later: signoff projects approve")
        assert await terminal.ended() == 2
    assert (await signoff.project(project_id(terminal.text)))["status"] == "pending"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_without_a_terminal_an_option_says_what_a_signal_does(
    cli: CommandLine, signoff: Stack, number: signal.Signals, code: int
) -> None:
    call = ("run", plan(cli, SLOW), "--yes", "--new-workspace", "--on-interrupt", "detach")
    async with cli.running(*call) as running:
        await running.seen("nap started")
        running.process.send_signal(number)
        ended = await running.ended()
    assert ended.code == code, ended
    project = project_id(ended.out)
    assert f"signoff projects watch {project}" in ended.err
    assert (await signoff.project(project))["status"] == "running"
    await signoff.call("POST", f"/{project}/cancel")


async def test_ci_waits_for_an_approval_and_goes_on(cli: CommandLine, signoff: Stack) -> None:
    call = ("run", plan(cli, "# Ok\n\n- Say: `echo hi` {#say}\n"), "--new-workspace", "--wait-for-approval")
    async with cli.running(*call) as running:
        await running.seen("Waiting for an approval: http")
        project = project_id(running.text)
        await signoff.call("POST", f"/{project}/approve")
        ended = await running.ended()
    assert ended.code == 0, ended
    async with cli.running(*call, "--quiet") as running:
        async with cli.running(*call) as rejected:
            await rejected.seen("Waiting for an approval: http")
            await signoff.call("POST", f"/{project_id(rejected.text)}/reject", json={"comment": "not today"})
            ended = await rejected.ended()
        assert ended.code == 2, ended
        assert "not today" in ended.out
    late = await cli(*call, "--approval-timeout", "1s", "--json")
    assert (late.code, json.loads(late.out)["status"]) == (3, "pending")
    assert "Nobody has approved the plan in time." in late.err
    for wrong in (("--yes",), ("--approval-timeout", "soon"), ("--json", "--quiet")):
        assert (await cli(*call, *wrong)).code == 2, wrong


async def test_scripts_wait_for_a_project(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned("# Ok\n\n- Say: `echo hi` {#say}\n")
    assert (await cli("projects", "wait", project, "--until", "person")).code == 0
    assert (await cli("projects", "wait", project, "--timeout", "1s")).code == 3
    async with cli.running("projects", "wait", project[-8:], "--until", "approved") as waiting:
        await signoff.call("POST", f"/{project}/approve")
        assert (await waiting.ended()).code == 0
    assert (await cli("projects", "wait", project, "--jq", ".status")).out == "completed\n"
    failed = await signoff.started("- No: `exit 7` {#no}\n")
    assert (await cli("projects", "wait", failed)).code == 1
    assert (await cli("projects", "wait", project, "--timeout", "0s")).code == 2
