"""Templates over the API and in the terminal: those of the team, and the built-in ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from app.planning.templates import built_in_templates
from signoff import AsyncSignoff
from tests.conftest import Stack, running_stack
from tests.e2e.command_line import CommandLine
from tests.signers import SERVER_KEY

PLAN = """---
parameters:
  region: {default: north}
---
# Sales of a region by template

Counts what a region has sold.

- Count: `echo "$REGION" > region.txt` {#count}
"""


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


async def own(stack: Stack, name: str, **fields: Any) -> str:
    body = {"name": name, "description": PLAN, "labels": ["template"], **fields}
    return (await stack.call("POST", "", status=201, json=body))["id"]


async def test_the_templates_of_the_team_come_first(signoff: Stack) -> None:
    project_id = await own(signoff, "Sales first", strategy="careful", max_tokens=5, parameters={"region": "south"})
    listed = (await signoff.http.get("/api/templates")).json()
    found = listed["templates"]
    assert listed["total"] == len(found)
    first = next(one for one in found if one["id"] == project_id)
    assert (first["name"], first["about"], first["built_in"]) == (
        "Sales first",
        "Counts what a region has sold.",
        False,
    )
    assert (first["strategy"], first["max_tokens"], first["parameters"]) == ("careful", 5, {"region": "south"})
    built_in = [one["id"] for one in found if one["built_in"]]
    assert built_in == list(built_in_templates())
    assert [one["id"] for one in found][-len(built_in) :] == built_in
    async with AsyncSignoff(signoff.url) as client:
        assert [one.id for one in (await client.templates()).templates][-len(built_in) :] == built_in
    assert (await signoff.http.delete(f"/api/projects/{project_id}")).is_success
    after = (await signoff.http.get("/api/templates")).json()["templates"]
    assert project_id not in [one["id"] for one in after]


async def test_a_reader_sees_the_templates_of_their_labels_only(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path, api_key=SERVER_KEY) as stack:
        stack.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        await own(stack, "Hidden from others")
        payments = await own(stack, "Payments", labels=["template", "payments"])
        role = {"role": "author", "labels": ["payments"]}
        made = await stack.http.post("/api/keys", json={"name": "payments", "roles": [role]})
        assert made.status_code == 201, made.text
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        seen = (await stack.http.get("/api/templates", headers=headers)).json()["templates"]
        assert [one["id"] for one in seen if not one["built_in"]] == [payments]


async def test_a_project_starts_from_a_template_of_the_team(signoff: Stack, cli: CommandLine) -> None:
    template = await own(signoff, "Sales to start from", strategy="careful", decision_mode="human")
    listed = await cli("templates", "list")
    assert (listed.code, "Sales to start from" in listed.out, "weekly-report" in listed.out) == (0, True, True), listed
    used = await cli("templates", "use", "sales TO start from", "--name", "South", "--set", "region=south", "--json")
    assert used.code == 0, used
    made = json.loads(used.out)
    assert (made["name"], made["strategy"], made["decision_mode"]) == ("South", "careful", "human")
    assert (made["description"], made["parameters"]) == (PLAN, {"region": "south"})
    assert made["template"] == "Sales to start from"
    # The new project is not a template itself.
    assert (made["labels"], made["id"] == template) == ([], False)


async def test_a_built_in_template_is_shown_and_used(cli: CommandLine, signoff: Stack) -> None:
    document = built_in_templates()["machine-report"].description
    shown = await cli("templates", "show", "machine-report")
    assert (shown.code, shown.out.rstrip()) == (0, document.rstrip()), shown
    used = await cli("templates", "use", "machine-report")
    assert (used.code, "signoff projects plan --generate" in used.out) == (0, True), used
    unknown = await cli("templates", "use", "no-such-template")
    assert (unknown.code, "signoff templates list" in unknown.err) == (2, True), unknown


async def test_a_name_of_several_templates_needs_an_id(signoff: Stack, cli: CommandLine) -> None:
    ids = [await own(signoff, "Twice the same template") for _ in range(2)]
    shown = await cli("templates", "show", "Twice the same template")
    assert shown.code == 2, shown
    assert all(one in " ".join(shown.err.split()) for one in ids), shown
    assert (await cli("templates", "show", ids[0])).code == 0


async def test_a_template_is_run(signoff: Stack, cli: CommandLine) -> None:
    await own(signoff, "Sales to run", strategy="careful", auto_approve_plan=True, parameters={"region": "south"})
    call = ("run", "--template", "sales to run", "--new-workspace", "--set", "region=west", "--quiet")
    declined = await cli(*call)
    assert declined.code == 2, declined
    ran = await cli(*call, "--yes", "--name", "West", "--ask-phases")
    assert ran.code == 0, ran
    project = await signoff.project(ran.out.strip())
    assert (project["name"], project["template"], project["status"]) == ("West", "Sales to run", "completed")
    assert (project["strategy"], project["auto_approve_phases"]) == ("careful", False)
    assert project["parameters"] == {"region": "west"}
    assert (Path(project["workspace"]) / "region.txt").read_text() == "west\n"


async def test_a_run_needs_a_plan_or_a_template_that_there_is(cli: CommandLine) -> None:
    nothing = await cli("run", "--yes")
    assert (nothing.code, "Name a Markdown file, or a template with --template." in nothing.err) == (2, True), nothing
    unknown = await cli("run", "--template", "no-such-template", "--yes")
    assert (unknown.code, "signoff templates list" in unknown.err) == (2, True), unknown
