"""Parameters that decide what runs, and with which variables: from the preview to the end of a run."""

from __future__ import annotations

from typing import Any

from app.storage.tables import tasks as task_table
from tests.conftest import Stack
from tests.unit.test_env_parameters import PLAN as VARIABLES
from tests.workflows.test_conditions import intact, states

PLAN = """---
parameters:
  environment: {choices: [staging, production], default: staging}
---

# Release

## Build

1. Build: `true` {#build}
2. Warn: `true` {#warn if=environment:production}
3. Test: `true` {#test if=environment:staging}

## Live {#live if=environment:production}

- Switch: `true` {#switch}

## After

- Note: `true` {#note after=switch}
"""
GENERATE = {"Prefer": "wait=60"}


def conditions(phases: list[dict[str, Any]]) -> dict[str, Any]:
    """What is shown of each condition before the signature: the value, and whether it is met."""
    items = [item for phase in phases for item in (phase, *phase["tasks"])]
    return {item["key"]: (item["condition"]["value"], item["condition"]["met"]) for item in items if item["condition"]}


async def test_the_preview_and_the_plan_say_what_will_be_skipped(signoff: Stack) -> None:
    body = {"description": PLAN, "parameters": {"environment": "production"}}
    preview = (await signoff.http.post("/api/outline", json=body)).json()
    assert conditions(preview["phases"]) == {
        "warn": ("production", True),
        "test": ("production", False),
        "live": ("production", True),
    }
    unasked = (await signoff.http.post("/api/outline", json={"description": PLAN})).json()
    assert conditions(unasked["phases"]) == {"warn": (None, None), "test": (None, None), "live": (None, None)}
    project_id = await signoff.create(PLAN)
    plan = await signoff.call("POST", f"/{project_id}/generate-plan", headers=GENERATE)
    assert conditions(plan["phases"]) == {
        "warn": ("staging", False),
        "test": ("staging", True),
        "live": ("staging", False),
    }
    # An older version keeps saying what held for it.
    await signoff.call(
        "POST", f"/{project_id}/regenerate-plan", json={"parameters": {"environment": "production"}}, headers=GENERATE
    )
    old = await signoff.call("GET", f"/{project_id}/plan?version=1")
    assert conditions(old["phases"]) == conditions(plan["phases"])


async def test_what_the_value_rules_out_is_skipped(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    project = await signoff.finished(project_id)
    unmet = "condition_not_met"
    assert project["status"] == "completed"
    assert states(project) == {
        "build": "completed",
        "warn": unmet,
        "test": "dependency_skipped",
        "switch": unmet,
        "note": "dependency_skipped",
    }
    assert [phase["status"] for phase in project["phases"]] == ["completed", "skipped", "completed"]
    await intact(signoff, project_id)


async def test_the_other_value_runs_the_rest(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN, parameters={"environment": "production"})
    project = await signoff.finished(project_id)
    assert states(project) == {
        "build": "completed",
        "warn": "completed",
        "test": "condition_not_met",
        "switch": "completed",
        "note": "completed",
    }
    await intact(signoff, project_id)


async def test_a_row_cannot_claim_another_value_than_the_signed_one(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    forged = {"parameter": "environment", "is": ["production"], "value": "production"}
    rows = task_table.update().where(task_table.c.project_id == project_id, task_table.c.key == "warn")
    await signoff.database.transact(lambda conn: conn.execute(rows.values(condition=forged)))
    audit = await signoff.call("POST", f"/{project_id}/audit")
    altered = [item["message"] for item in audit["results"]["findings"] if item["code"] == "task_altered"]
    assert len(altered) == 1
    assert "'warn'" in altered[0]


async def test_variables_have_the_values_of_parameters(signoff: Stack) -> None:
    project_id = await signoff.started(VARIABLES, parameters={"environment": "production"})
    project = await signoff.finished(project_id)
    assert project["tasks"][0]["outputs"]["stdout"] == "production https://production.example 3"
    await intact(signoff, project_id)
