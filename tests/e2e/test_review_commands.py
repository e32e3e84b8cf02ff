"""Plans are reviewed by the command line: changes are requested, plans rejected and commented on."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.e2e.command_line import CommandLine, Ended
from tests.e2e.test_verify import EVENTS, ROWS, download, result_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Clean: `rm -f old.log` {#clean}"


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


def good(ended: Ended) -> str:
    assert ended.code == 0, ended
    return ended.out


async def test_changes_are_requested_and_the_next_version_is_approved(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(PLAN)
    assert (await cli("projects", "request-changes", project)).code == 2
    superseded = await cli("projects", "request-changes", project, "-m", "Not yet.", "--version", "2")
    assert (superseded.code, "version 1 is the current one" in superseded.err) == (1, True)
    said = good(await cli("projects", "request-changes", project, "-m", "Ask the DBA first."))
    assert said == "Changes requested. The project waits for its author.\n"
    shown = good(await cli("projects", "show", project))
    assert "requested changes to version 1: Ask the DBA first." in shown
    assert "stage changes requested" in shown
    assert "waits for changes by its author" in good(await cli("projects", "list"))
    again = await cli("projects", "request-changes", project, "-m", "Please.")
    assert (again.code, "already requested changes to version 1" in again.err) == (1, True)
    good(await cli("tasks", "edit", project, "clean", "--title", "Clean on Friday"))
    shown = good(await cli("projects", "show", project))
    assert "had requested changes to version 1: Ask the DBA first." in shown
    good(await cli("projects", "approve", project, "--yes"))
    assert (await cli("projects", "watch", project)).code == 0


async def test_a_plan_is_rejected(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(PLAN)
    said = good(await cli("projects", "reject", project, "--comment", "We keep the logs."))
    assert said == "Rejected. The project is cancelled.\n"
    assert "rejected version 1: We keep the logs." in good(await cli("projects", "show", project))
    assert "the plan was rejected" in good(await cli("projects", "list"))
    printed = json.loads(good(await cli("projects", "show", project, "--json")))
    assert (printed["status"], printed["outcome"]) == ("cancelled", "rejected")
    again = await cli("projects", "reject", project, "-m", "Again.")
    assert (again.code, "not waiting for approval" in again.err) == (1, True)


async def test_plans_and_tasks_are_commented_on(cli: CommandLine, signoff: Stack) -> None:
    project = await signoff.planned(PLAN)
    assert "There are no comments." in good(await cli("projects", "comments", project))
    assert "version 1" in good(await cli("projects", "comment", project, "-m", "Why now?"))
    good(await cli("projects", "comment", project, "-m", "Which \x1b[31mlog?", "--task", "clean"))
    shown = good(await cli("projects", "comments", project))
    assert "Why now?" in shown
    assert "version 1, task clean" in shown
    assert "Which \\x1b[31mlog?" in shown
    listed = json.loads(good(await cli("projects", "comments", project, "--json")))
    assert [one["key"] for one in listed["comments"]] == [None, "clean"]
    nobody = await cli("projects", "comment", project, "-m", "x", "--task", "nobody")
    assert (nobody.code, "no task nobody" in nobody.err) == (1, True)


@pytest.mark.parametrize(("said", "entry"), [("Which log?", EVENTS), ("Ask the DBA first.", EVENTS), ("No.", ROWS)])
async def test_what_was_said_is_verified_in_an_export(signoff: Stack, tmp_path: Path, said: str, entry: str) -> None:
    project = await signoff.planned(PLAN)
    comment = {"text": "Which log?", "task": "clean"}
    await signoff.call("POST", f"/{project}/plan/comments", status=201, json=comment)
    await signoff.call("POST", f"/{project}/request-changes", json={"comment": "Ask the DBA first."})
    await signoff.call("POST", f"/{project}/reject", json={"comment": "No."})
    key = (signoff.settings.keys_dir / "seal.pub").read_text()
    data = await download(signoff, project)
    intact = result_of(data, key, tmp_path)
    assert intact.code == 0, intact
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        content = {name: opened.read(name) for name in opened.namelist()}
    assert json.dumps(said).encode() in content[entry]
    content[entry] = content[entry].replace(json.dumps(said).encode(), b'"Go on."')
    altered = result_of(content, key, tmp_path)
    assert altered.code == 1
    assert altered.codes
