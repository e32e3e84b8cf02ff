"""`signoff overview`, and the times that `signoff projects list` takes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, running_stack
from tests.e2e.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

GOOD, BAD = "- Import: `echo done` {#import}\n", "- Import: `false` {#import}\n"


@pytest.fixture
async def stack(temporal_server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path) as stack:
        yield stack


def command_line(stack: Stack, folder: Path) -> CommandLine:
    return CommandLine(folder, {"SIGNOFF_URL": stack.url, "SIGNOFF_DATA_DIR": str(folder / "client")})


async def test_an_empty_overview_says_so(stack: Stack, tmp_path: Path) -> None:
    ended = await command_line(stack, tmp_path)("overview")
    assert (ended.code, ended.out) == (0, "Projects: none yet\n")


async def test_it_shows_runs_by_template_and_what_waits(stack: Stack, tmp_path: Path) -> None:
    cli = command_line(stack, tmp_path)
    for name, outline in {"good": GOOD, "bad": BAD}.items():
        plan = tmp_path / f"{name}.md"
        plan.write_text(outline, encoding="utf-8")
        ended = await cli("run", str(plan), "--yes", "--new-workspace", "--template", "Nightly import")
        assert ended.code == (0 if name == "good" else 1), ended
    planned = await stack.planned(GOOD, name="Planned")
    ended = await cli("overview")
    assert ended.code == 0, ended
    assert "1 pending, 1 completed, 1 failed" in ended.out
    [row] = [line.split("\t") for line in ended.out.splitlines() if line.startswith("Nightly import")]
    assert row[:5] == ["Nightly import", "1", "1", "0", "50%"]
    assert any(line.startswith(f"{planned}\t") and "plan" in line for line in ended.out.splitlines()), ended.out
    found = json.loads((await cli("overview", "--weeks", "2", "--json")).out)
    assert len(found["weeks"]) == 2
    assert [row["template"] for row in found["templates"]] == ["Nightly import"]


async def test_lists_take_times_as_people_say_them(stack: Stack, tmp_path: Path) -> None:
    project_id = await stack.create("", name="Young")
    cli = command_line(stack, tmp_path)
    today = (await stack.project(project_id))["created_at"][:10]
    for wanted in (
        ["--since", "7d"],
        ["--since", today, "--until", today],
        ["--changed-since", "1h", "--all"],
        ["--until", "2999-01-01T00:00:00+02:00"],
    ):
        assert (await cli("projects", "list", "--quiet", *wanted)).out.split() == [project_id], wanted
    for unwanted in (["--until", "7d"], ["--changed-since", "2999-01-01"], ["--until", "2020-01-01", "--all"]):
        assert (await cli("projects", "list", "--quiet", *unwanted)).out == "", unwanted
    refused = await cli("projects", "list", "--since", "yesterday")
    assert refused.code == 2
    assert "'yesterday' is not a time. Write 7d for seven days ago" in " ".join(refused.err.split())
