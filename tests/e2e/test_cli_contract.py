"""All client commands, called as a person or a script would call them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Stack
from tests.e2e.command_line import CommandLine, Ended

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

REPORT = (
    "# Report\n\n## Gather\n- Count: `echo users=42 >> $SIGNOFF_OUTPUT` {#count}\n\n## Write\n- Say: `echo hi` {#say}\n"
)
SLOW = "# Slow\n\n- Sleep: `sleep 300` {#nap}\n- Then: `echo x` {#then after=nap}\n"
FAILS = "# Fails\n\n- Once: `test -e there || { touch there; exit 7; }` {#once}\n- Then: `echo x` {#then after=once}\n"
ASKING = "# Ask\n\n- Ship it? {#ship decision=yes,no}\n- Tell: `echo x` {#tell after=ship}\n"


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


def good(ended: Ended) -> str:
    assert ended.code == 0, ended
    return ended.out


async def same_as_api(cli: CommandLine, stack: Stack, path: str, *arguments: str) -> Any:
    """Run a command with `--json`, check that it prints the API's own answer, and return that."""
    printed = json.loads(good(await cli(*arguments, "--json")))
    assert printed == (await stack.http.get(path)).json()
    return printed


async def test_a_project_by_the_command_line_alone(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(REPORT)
    made = json.loads(good(await cli("projects", "create", "--name", "Mine", "--description", "@plan.md", "--json")))
    project = made["id"]
    assert (made["name"], made["description"]) == ("Mine", REPORT)
    assert "$ echo hi" in good(await cli("projects", "plan", project, "--generate"))
    assert "Gather" in good(await cli("projects", "plan", project, "--markdown"))
    good(await cli("projects", "update", project, "--strategy", "careful"))
    good(await cli("projects", "approve", project, "--yes"))
    assert (await cli("projects", "watch", project)).code == 0
    events = good(await cli("projects", "events", project, "--types", "task.*,project.completed"))
    assert "project.completed" in events.splitlines()[-1]
    lines = [json.loads(line) for line in good(await cli("projects", "events", project, "--json")).splitlines()]
    assert [event["seq"] for event in lines] == list(range(1, len(lines) + 1))


async def test_an_edit_of_a_run_is_discarded_by_the_command_line(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started("- [ ] Ask {#ask}\n- Next: `echo signed` {#next after=ask}")
    await signoff.task_in(project, "ask", "waiting")
    nothing = await cli("projects", "discard-edit", project, "--yes")
    assert (nothing.code, "No edit of this run is waiting for approval." in nothing.err) == (1, True)
    changed = {"action": {"type": "shell", "command": "echo changed"}}
    await signoff.call("PUT", f"/{project}/tasks/next", json=changed)
    declined = await cli("projects", "discard-edit", project)
    assert (declined.code, "Not discarded." in declined.err) == (2, True)
    shown = good(await cli("projects", "discard-edit", project, "--yes", "--comment", "not now"))
    assert "echo changed" in shown
    assert "Done. The project is running (stage: executing)." in shown
    assert "discarded" in good(await cli("projects", "plans", project))
    assert "not now" in good(await cli("decisions", "list", project))
    await signoff.call("POST", f"/{project}/cancel")


async def test_an_outline_is_previewed_without_a_project(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text(REPORT)
    shown = good(await cli("outline", "plan.md"))
    assert "echo hi" in shown
    assert "no_time_limit" in shown
    printed = json.loads(good(await cli("outline", "-", "--json", stdin=REPORT)))
    assert printed == (await signoff.http.post("/api/outline", json={"description": REPORT})).json()
    (tmp_path / "plan.md").write_text("- A {#a after=b}")
    refused = await cli("outline", "plan.md")
    assert (refused.code, "line 1, column 9" in refused.out) == (1, True)


async def test_a_runbook_is_rewritten_as_the_plan_that_it_makes(
    cli: CommandLine, signoff: Stack, tmp_path: Path
) -> None:
    del signoff
    (tmp_path / "runbook.md").write_text(
        "# Restart\n\n### Stop it\n\n```sh\nstop\nwait\n```\n\n## Rollback\n\n1. `./undo`\n"
    )
    written = await cli("outline", "runbook.md", "--rewrite")
    assert written.code == 0
    assert written.out == (
        "# Restart\n\n## Stop it {#stop_it}\n\n- Stop it {#stop_it}\n\n  ```sh\n  stop\n  wait\n  ```\n\n"
        "## Rollback {#rollback approval=yes on=failure}\n\n- `./undo` {#undo}\n"
    )
    assert "Line 10: 'Rollback' runs only after a failure" in written.err
    (tmp_path / "canonical.md").write_text(written.out)
    assert good(await cli("outline", "canonical.md", "--rewrite")) == written.out
    assert (await cli("outline", "runbook.md", "--rewrite", "--json")).code == 2
    (tmp_path / "runbook.md").write_text("- a: `echo <name>` {retires=1}")
    refused = await cli("outline", "runbook.md", "--rewrite")
    assert (refused.code, refused.out, "line 1, column 12" in refused.err) == (1, "", True)


async def test_a_rewritten_runbook_has_parameters_in_place_of_placeholders(
    cli: CommandLine, signoff: Stack, tmp_path: Path
) -> None:
    del signoff
    (tmp_path / "runbook.md").write_text("# Release\n\n- Tag: `git tag v<version>`\n")
    written = await cli("outline", "runbook.md", "--rewrite")
    assert (written.code, "line 3, column 18" in written.err) == (1, True)
    assert 'git tag v"${VERSION}"' in written.out
    (tmp_path / "canonical.md").write_text(written.out)
    assert good(await cli("outline", "canonical.md", "--rewrite")) == written.out


async def test_an_outline_takes_values_for_its_parameters(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    del signoff
    parameters = "parameters:\n  version: {}\n  target: {choices: [staging, production]}\n"
    steps = '- Build: `echo "$VERSION"` {#build}\n- Warn: `true` {#warn if=target:production}\n'
    (tmp_path / "plan.md").write_text(f"---\n{parameters}---\n\n{steps}")
    assert "needs a value" not in good(await cli("outline", "plan.md"))
    missing = await cli("outline", "plan.md", "--set", "target=staging")
    assert (missing.code, "parameters.version" in missing.out) == (1, True)
    values = ("--set", "target=staging", "--set", "version=2.4")
    assert "Warn" in good(await cli("outline", "plan.md", *values))
    written = good(await cli("outline", "plan.md", "--rewrite", *values))
    assert "value: staging" in written
    (tmp_path / "canonical.md").write_text(written)
    assert good(await cli("outline", "canonical.md", "--rewrite", *values)) == written


async def test_ids_may_be_shortened_if_they_stay_unique(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.create("", name="Short")
    other = await signoff.create("", name="Other")
    assert "Short" in good(await cli("projects", "show", project[-8:]))
    assert "Short" in good(await cli("projects", "show", project.removeprefix("proj_")[:26]))
    unclear = await cli("projects", "show", project[:5])
    assert unclear.code == 2
    assert other in unclear.err


async def test_plans_are_changed_and_compared(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(REPORT)
    assert "say" in good(await cli("tasks", "list", project))
    good(await cli("phases", "add", project, "After", "--strategy", "sequential"))
    added = good(
        await cli("tasks", "add", project, "Mail it", "--key", "mail", "--command", "echo mail", "--after", "say")
    )
    assert added.startswith("mail")
    good(await cli("tasks", "edit", project, "mail", "--title", "Send it", "--retries", "2"))
    edits = json.dumps([{"op": "update_task", "task": "count", "retries": 3}])
    assert "retries 3" in good(await cli("projects", "refine", project, "--edits", "-", stdin=edits))
    difference = good(await cli("projects", "diff", project, "--from", "1"))
    assert "+ task mail" in difference
    assert "~ task count\n    retries: nothing → 3" in difference
    assert re.search(r"→ \d", good(await cli("projects", "plans", project)))
    good(await cli("tasks", "remove", project, "mail"))
    assert "mail" not in good(await cli("tasks", "list", project))
    assert "After" in good(await cli("phases", "list", project))
    assert "Send it" not in good(await cli("projects", "regenerate", project))
    wrong = await cli("tasks", "add", project, "x", "--action", "[]")
    assert (wrong.code, "JSON object" in wrong.err) == (2, True)


async def test_a_run_is_paused_resumed_and_retried(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started(SLOW)
    await signoff.task_in(project, "nap", "running")
    assert "paused" in good(await cli("projects", "pause", project, "--comment", "lunch"))
    again = await cli("projects", "pause", project)
    assert (again.code, "already paused" in again.err) == (1, True)
    assert "executing" in good(await cli("projects", "resume", project))
    assert good(await cli("projects", "cancel", project)).startswith("Cancelled (")
    failed = await signoff.started(FAILS)
    assert (await signoff.finished(failed))["status"] == "failed"
    good(await cli("projects", "retry", failed))
    assert (await signoff.finished(failed))["status"] == "completed"
    assert len(good(await cli("projects", "runs", failed)).splitlines()) == 2


async def test_a_decision_is_listed_and_answered(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started(ASKING, decision_mode="human")
    await signoff.task_in(project, "ship", "waiting")
    listed = good(await cli("decisions", "list", project, "--status", "open"))
    assert re.fullmatch(r"dec_\w+\tdecision\topen\t\t[-0-9: ]+\tShip it\?\tyes \| no\n", listed)
    found = re.search(r"dec_\w+", listed)
    assert found
    assert good(await cli("decisions", "answer", project, found.group(), "yes")) == "Answered.\n"
    second = await cli("decisions", "answer", project, found.group(), "no")
    assert (second.code, "Error" in second.err) == (1, True)
    assert (await signoff.finished(project))["status"] == "completed"


@pytest.mark.parametrize(("typed", "status"), [("y\n", "completed"), ("yes\n", "completed")])
async def test_open_decisions_are_asked_at_the_terminal(
    cli: CommandLine, signoff: Stack, tmp_path: Path, typed: str, status: str
) -> None:
    (tmp_path / "plan.md").write_text(ASKING)
    async with cli.terminal("run", "plan.md", "--new-workspace") as terminal:
        await terminal.seen("run this plan? [y/N]")
        terminal.type("y\n")
        await terminal.seen("Ship it? [yes/no]")
        terminal.type(typed)
        await terminal.seen(f"{status} Ask")
        assert await terminal.ended() == 0


async def test_a_failed_task_is_retried_from_the_terminal(cli: CommandLine, signoff: Stack) -> None:
    text = FAILS.replace("{#once}", "{#once after_failure=ask}")
    project = await signoff.started(text, name="Fails")
    async with cli.terminal("projects", "watch", project, "--ask") as terminal:
        await terminal.seen("What now? [retry/skip/fail]")
        terminal.type("retry\n")
        await terminal.seen("completed Fails")
        assert await terminal.ended() == 0


async def test_json_reports_equal_the_api_answers(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.started(REPORT)
    await signoff.finished(project)
    base = f"/api/projects/{project}"
    for path, *arguments in (
        (base, "projects", "show", project),
        (f"{base}/tasks", "tasks", "list", project),
        (f"{base}/tasks/say", "tasks", "show", project, "say"),
        (f"{base}/phases", "phases", "list", project),
        (f"{base}/plan", "projects", "plan", project),
        (f"{base}/plans", "projects", "plans", project),
        (f"{base}/runs", "projects", "runs", project),
        (f"{base}/dag", "projects", "dag", project),
        (f"{base}/metrics", "projects", "metrics", project),
        (f"{base}/decisions", "decisions", "list", project),
        ("/api/strategies", "strategies"),
        ("/api/agents", "agents"),
        ("/api/archetypes", "archetypes"),
    ):
        await same_as_api(cli, signoff, path, *arguments)
        good(await cli(*arguments))
    audit = json.loads(good(await cli("audit", project, "--json")))
    assert audit["trail"]["intact"] is True
    assert "the record is intact." in good(await cli("audit", project))
    assert good(await cli("projects", "dag", project, "--format", "svg")).startswith("<svg")
    assert good(await cli("projects", "dag", project, "--format", "mermaid")).startswith("flowchart")


async def test_experts_are_listed_and_shown(cli: CommandLine, signoff: Stack) -> None:
    listed = (await signoff.http.get("/api/archetypes")).json()["archetypes"]
    shown = good(await cli("archetypes"))
    assert all(re.search(rf"^{item['id']}\t{item['title'].split()[0]}", shown, re.MULTILINE) for item in listed)
    assert "built in" in shown
    assert "Never forget" not in shown
    (analyst,) = (item for item in listed if item["id"] == "data_analyst")
    told = good(await cli("archetypes", "data_analyst"))
    assert told == f"{analyst['title']}\n{analyst['summary']}\n\n{analyst['brief']}\n"
    assert json.loads(good(await cli("archetypes", "data_analyst", "--json"))) == analyst
    unknown = await cli("archetypes", "nobody")
    assert (unknown.code, unknown.out) == (2, "")
    assert "accountant, data_analyst" in " ".join(unknown.err.split())
    made = good(await cli("projects", "create", "--name", "x", "--archetype", "data_analyst", "--json"))
    assert json.loads(made)["sme_archetype"] == "data_analyst"


async def test_projects_are_duplicated_and_deleted_together(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(REPORT, name="Twice")
    copy = json.loads(good(await cli("projects", "duplicate", project, "--json")))
    assert copy["name"] == "Twice (Copy)"
    assert (await cli("projects", "delete", project, copy["id"])).code == 2
    gone = await cli("projects", "delete", project, copy["id"], "proj_00000000000000000000000000", "--yes")
    assert gone.code == 1
    assert "2 deleted" in gone.out
    assert "proj_00000000000000000000000000" in gone.err


async def test_a_shell_completes_commands_and_projects(cli: CommandLine, signoff: Stack, tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_SIGNOFF_COMPLETE" in good(await cli("completion", shell))
    project = await signoff.create("")
    asks = {"_SIGNOFF_COMPLETE": "bash_complete", "COMP_WORDS": "signoff projects show ", "COMP_CWORD": "3"}
    offered = CommandLine(tmp_path, cli.settings | asks)
    assert f"plain,{project}" in (await offered()).out
    silent = CommandLine(tmp_path, {"SIGNOFF_URL": "http://127.0.0.1:9", "SIGNOFF_DATA_DIR": str(tmp_path)} | asks)
    nothing = await silent()
    assert (nothing.out.strip(), nothing.err) == ("", "")


def test_help_does_not_import_server_libraries() -> None:
    code = "import sys; from app.cli import main\ntry: main(['projects', '-h'])\nfinally: print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    for module in ("litestar", "temporalio", "sqlalchemy", "uvicorn"):
        assert module not in ended.stdout.splitlines()[-1].split()
