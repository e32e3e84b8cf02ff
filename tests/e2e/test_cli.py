from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import Stack, eventually, free_port
from tests.e2e.command_line import CommandLine, each_ended
from tests.processes import with_environment

REPORT = """\
# Small report

## Gather
- Count: `printf abc > count.txt` {#count files=count.txt}

## Write
- Report: `cat count.txt count.txt > report.txt` {#write files=report.txt}
"""
SLOW = "# Slow\n\n- Sleep: `sleep 300` {#nap}\n- Then: `echo x` {#then after=nap}\n"
STUBBORN = "# Stubborn\n\n- Stay\n\n  ```sh\n  trap '' TERM\n  echo > here\n  sleep 300\n  ```\n"
ALONE = """\
# Alone

1. Wait: `until test -e go; do sleep 0.05; done` {#wait}
2. End: `echo end > end.txt` {#end files=end.txt}
"""
COMMANDS = (
    "run",
    "outline",
    "projects",
    "tasks",
    "phases",
    "decisions",
    "files",
    "audit",
    "agents",
    "strategies",
    "archetypes",
    "up",
    "serve",
    "worker",
    "migrate",
    "sessions",
    "key",
    "doctor",
    "completion",
)
PERSON = "# Person\n\n## One\n- [ ] Look at it {#look}\n\n## Two\n- Say: `echo hi` {#say}\n"


@pytest.fixture
def work(signoff: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user in which projects may work."""
    folder = signoff.root / f"work-{tmp_path_factory.mktemp('work').name}-{free_port()}"
    folder.mkdir()
    return folder


@pytest.fixture
def cli(signoff: Stack, work: Path) -> CommandLine:
    return CommandLine(work, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": f"{work}-data"})


def plan(work: Path, text: str) -> str:
    (work / "plan.md").write_text(text)
    return "plan.md"


def project_id(output: str) -> str:
    found = re.search(r"proj_[0-9a-z]+", output)
    assert found, output
    return found.group()


async def test_run_shows_the_plan_executes_it_and_lists_tasks_and_files(cli: CommandLine, work: Path) -> None:
    ended = await cli("run", plan(work, REPORT), "--yes")
    assert ended.code == 0, ended
    assert "$ printf abc > count.txt" in ended.out
    assert f"workspace {work}" in ended.out
    assert re.search(r"Write\twrite\tcompleted\t1\t", ended.out)
    assert re.search(rf"{work}/report.txt\t6 B\twrite", ended.out)
    assert "✓ completed Small report" in ended.out
    assert (work / "report.txt").read_text() == "abcabc"


async def test_a_failed_run_ends_with_1_and_says_what_failed(cli: CommandLine, work: Path) -> None:
    ended = await cli(
        "run", plan(work, "# Fails\n\n- No: `exit 7` {#no}\n- After: `echo` {#after after=no}\n"), "--yes"
    )
    assert ended.code == 1
    assert re.search(r"no\tfailed\t1\t.*exit code 7", ended.out)
    assert re.search(r"after\tskipped\t.*dependency failed", ended.out)


async def test_stdout_contains_only_json(cli: CommandLine) -> None:
    ended = await cli("run", "-", "--yes", "--json", "--new-workspace", stdin=REPORT)
    assert ended.code == 0
    project = json.loads(ended.out)
    assert (project["status"], project["name"], project["path"]) == ("completed", "Small report", None)
    assert "Gather started" not in ended.err


async def test_without_a_terminal_nothing_is_approved(cli: CommandLine, signoff: Stack, work: Path) -> None:
    ended = await cli("run", plan(work, REPORT))
    assert ended.code == 2
    project = await signoff.project(project_id(ended.out))
    assert project["status"] == "pending"
    assert f"signoff projects approve {project['id']}" in ended.err
    assert not (work / "count.txt").exists()


async def test_a_no_at_the_terminal_leaves_the_project_pending(cli: CommandLine, signoff: Stack, work: Path) -> None:
    async with cli.terminal("run", plan(work, REPORT)) as terminal:
        await terminal.seen("Approve and run this plan? [y/N]")
        terminal.type("n\n")
        await terminal.seen("Not approved; nothing was done.")
        assert await terminal.ended() == 2
    assert (await signoff.project(project_id(terminal.text)))["status"] == "pending"


async def test_a_person_at_the_terminal_approves_completes_tasks_and_opens_phases(cli: CommandLine, work: Path) -> None:
    async with cli.terminal("run", plan(work, PERSON), "--ask-phases") as terminal:
        await terminal.seen("run this plan? [y/N]")
        terminal.type("y\n")
        await terminal.seen("look: Look at it. Done? [y/N]")
        terminal.type("y\n")
        await terminal.seen("Phase 'Two' waits for your approval. Start it? [y/N]")
        terminal.type("yes\n")
        await terminal.seen("✓ completed Person")
        assert await terminal.ended() == 0


async def test_a_question_is_withdrawn_when_it_is_answered_elsewhere(
    cli: CommandLine, signoff: Stack, work: Path
) -> None:
    async with cli.terminal("run", plan(work, PERSON)) as terminal:
        await terminal.seen("run this plan? [y/N]")
        terminal.type("y\n")
        await terminal.seen("look: Look at it. Done? [y/N]")
        await signoff.call("POST", f"/{project_id(terminal.text)}/tasks/look/complete")
        await terminal.seen("✓ completed Person")
        assert await terminal.ended() == 0


async def test_text_typed_before_a_question_does_not_answer_it(cli: CommandLine, signoff: Stack, work: Path) -> None:
    async with cli.terminal("run", plan(work, PERSON)) as terminal:
        await terminal.seen("run this plan? [y/N]")
        terminal.type("y\ny\n")
        await terminal.seen("look: Look at it. Done? [y/N]")
        terminal.type("n\n")
        shown = project_id(terminal.text)
        await terminal.seen(f"look waits for a person: signoff tasks complete {shown} look")
        await signoff.call("POST", f"/{shown}/tasks/look/complete")
        assert await terminal.ended() == 0


async def test_an_approval_covers_only_the_plan_that_was_shown(cli: CommandLine, signoff: Stack, work: Path) -> None:
    async with cli.terminal("run", plan(work, REPORT)) as terminal:
        await terminal.seen("run this plan? [y/N]")
        shown = project_id(terminal.text)
        await signoff.call("PUT", f"/{shown}", json={"strategy": "careful"})
        terminal.type("y\n")
        await terminal.seen("version 2 is the current one")
        assert await terminal.ended() == 1
    assert (await signoff.project(shown))["status"] == "pending"


async def test_an_approval_covers_only_the_files_that_were_shown(cli: CommandLine, signoff: Stack, work: Path) -> None:
    (work / "build.sh").write_text("echo good\n")
    async with cli.terminal("run", plan(work, "# Build\n\n- Build: `sh build.sh`\n")) as terminal:
        await terminal.seen("runs build.sh as it is now (sha256 ")
        await terminal.seen("run this plan? [y/N]")
        shown = project_id(terminal.text)
        (work / "build.sh").write_text("echo evil\n")
        terminal.type("y\n")
        await terminal.seen("Error: ")
        assert await terminal.ended() == 1
    assert (await signoff.project(shown))["status"] == "pending"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_cancels_the_project_and_waits_until_its_tasks_have_stopped(
    cli: CommandLine, signoff: Stack, work: Path, number: signal.Signals
) -> None:
    async with cli.running("run", plan(work, SLOW), "--yes") as running:
        await running.seen("nap started")
        running.process.send_signal(number)
        ended = await running.ended()
    assert ended.code == 2, ended
    assert "■ cancelled Slow" in ended.out
    shown = project_id(ended.out)
    assert (await signoff.project(shown))["status"] == "cancelled"
    assert with_environment("SIGNOFF_PROJECT_ID", shown) == []


async def test_ctrl_c_during_a_cancel_exits_at_once_and_the_cancellation_continues(
    cli: CommandLine, signoff: Stack, work: Path
) -> None:
    async with cli.terminal("run", plan(work, STUBBORN), "--yes") as terminal:
        await eventually(lambda: _exists(work / "here"), what="the task runs")
        terminal.type("\x03")
        await terminal.seen("[w]atch on?")
        terminal.type("c\n")
        await terminal.seen("cancelling")
        terminal.type("\x03")
        # Printed only because the command does not wait for the end: killing the task takes a while.
        await terminal.seen("The cancellation is recorded")
        assert await terminal.ended() == 2
    assert (await signoff.finished(project_id(terminal.text)))["status"] == "cancelled"


async def _exists(path: Path) -> bool:
    return path.exists()


async def test_projects_from_approve_to_delete(cli: CommandLine, signoff: Stack) -> None:
    shown = await signoff.planned(SLOW, name="From the list")
    listed = await cli("projects", "list", "--status", "pending", "--search", "from the LIST")
    assert re.search(rf"{shown}\tpending\tFrom the list", listed.out)
    assert (await cli("projects", "approve", shown)).code == 2
    approved = await cli("projects", "approve", shown, "--yes", "--comment", "fine")
    assert approved.code == 0
    assert "$ sleep 300" in approved.out
    await signoff.task_in(shown, "nap", "running")
    page = await cli("projects", "show", shown)
    assert re.search(r"nap\trunning", page.out)
    assert "stage executing" in page.out
    async with cli.running("projects", "watch", shown) as watching:
        await watching.seen("nap started")
        cancelled = await cli("projects", "cancel", shown, "--reason", "enough")
        assert "Cancelled (0 completed, 1 interrupted, 1 never started, 0 did not stop)." in cancelled.out
        assert (await watching.ended()).code == 2
    assert (await cli("projects", "archive", shown)).out == "1 archived.\n"
    assert shown not in (await cli("projects", "list", "--quiet", "--all")).out
    assert shown in (await cli("projects", "list", "--quiet", "--all", "--archived", "true")).out
    assert (await cli("projects", "unarchive", shown[-12:])).out == "1 brought back.\n"
    assert (await cli("projects", "delete", shown)).code == 2
    assert (await cli("projects", "delete", shown, "--yes")).out == "Deleted.\n"
    gone = await cli("projects", "show", shown)
    assert gone.code == 1
    assert gone.err.startswith("Error: ")


async def test_ctrl_c_in_watch_leaves_the_project_running(cli: CommandLine, signoff: Stack) -> None:
    shown = await signoff.started(SLOW)
    async with cli.terminal("projects", "watch", shown) as terminal:
        await terminal.seen("nap")
        terminal.type("\x03")
        await terminal.seen("The project keeps running")
        assert await terminal.ended() == 130
    assert (await signoff.project(shown))["status"] == "running"
    await signoff.call("POST", f"/{shown}/cancel")


async def test_a_task_that_waits_for_a_person_is_completed_with_outputs(cli: CommandLine, signoff: Stack) -> None:
    shown = await signoff.started(PERSON)
    await signoff.task_in(shown, "look", "waiting")
    done = await cli("tasks", "complete", shown, "look", "--output", "seen=yes", "--comment", "looks good")
    assert done.code == 0, done
    await signoff.finished(shown)
    task = await signoff.call("GET", f"/{shown}/tasks")
    assert task["tasks"][0]["outputs"] == {"seen": "yes"}


async def test_errors_name_the_invalid_fields(cli: CommandLine, work: Path) -> None:
    ended = await cli("run", plan(work, REPORT), "--path", "/nowhere/at/all", "--yes")
    assert ended.code == 1
    assert "path" in ended.err
    unknown = await cli("projects", "show", "../../health")
    assert unknown.code == 1


async def test_an_unreachable_server_is_reported_with_advice(cli: CommandLine, work: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in (["projects", "list"], ["run", plan(work, REPORT), "--yes"]):
        ended = await cli(*arguments, "--url", url)
        assert ended.code == 1
        assert f"No Signoff answers at {url}. Start one with `signoff up`, or set SIGNOFF_URL." in ended.err


async def test_run_starts_a_temporary_signoff_if_none_is_running(tmp_path: Path) -> None:
    work, data = tmp_path / "work", tmp_path / "data"
    work.mkdir()
    settings = {"SIGNOFF_DATA_DIR": str(data)}
    cli = CommandLine(work, settings)
    async with cli.running("run", plan(work, ALONE), "--yes") as running:
        await running.seen("wait started")
        # Another command on the same data folder finds it.
        listed = await cli("projects", "list", "--json")
        shown = json.loads(listed.out)["projects"][0]
        assert shown["status"] == "running"
        holder = json.loads((data / "up.lock").read_text())
        await _kill_app(holder["url"], str(data))
        (work / "go").touch()
        ended = await running.ended()
    assert ended.code == 0, ended
    assert ended.out.count("wait started") == 1, "a reconnect resumes where the stream broke off"
    assert ended.out.count("end completed") == 1
    assert re.search(r"end.txt\t4 B\tend", ended.out)
    assert with_environment("SIGNOFF_DATA_DIR", str(data)) == []


async def _kill_app(url: str, data: str) -> None:
    serving = [
        process
        for pid in with_environment("SIGNOFF_DATA_DIR", data)
        if "serve" in (process := psutil.Process(pid)).cmdline()
    ]
    assert len(serving) == 1
    serving[0].kill()
    async with httpx.AsyncClient() as http:

        async def answers() -> bool:
            try:
                return (await http.get(f"{url}/health")).is_success
            except httpx.TransportError:
                return False

        await eventually(answers, what="the app is up again")


def test_the_overview_lists_every_command_and_imports_none() -> None:
    code = "import atexit, sys; atexit.register(lambda: print(sorted(sys.modules))); from app.cli import main; main(['-h'])"
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ended.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", ended.stdout, re.MULTILINE)
    for module in ("httpx", "pydantic", "rich", "signoff", "app.cli.services"):
        assert f"'{module}'" not in ended.stdout


def test_every_command_of_the_overview_exists(tmp_path: Path) -> None:
    answers = each_ended([(name, "--help") for name in COMMANDS], tmp_path, COLUMNS="200")
    for name, ended in zip(COMMANDS, answers, strict=True):
        assert ended.code == 0, ended
        assert f"Usage: signoff {name}" in ended.out
