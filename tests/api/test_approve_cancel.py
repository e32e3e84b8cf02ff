"""Approve and cancel: what they are bound to, and when they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

PLAN = "- [ ] Look {#look}"


@pytest.fixture(scope="module")
async def waiting(signoff: Stack) -> str:
    """A project whose plan waits, for requests that are refused and change nothing."""
    return await signoff.planned(PLAN)


async def test_approve_answers_with_the_running_project(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    answer = await signoff.call("POST", f"/{project_id}/approve")
    assert set(answer) == {"id", "status", "updated_at", "stage", "decision_id", "seal", "approvals"}
    assert answer["approvals"] is None
    assert (answer["id"], answer["status"]) == (project_id, "running")
    assert answer["decision_id"].startswith("dec_")
    assert answer["updated_at"].endswith("Z")
    await signoff.call("POST", f"/{project_id}/cancel")


@pytest.mark.parametrize("bound", [("plan_version",), ("plan_digest",), ("plan_version", "plan_digest")])
async def test_an_approval_bound_to_the_current_plan_starts_it(signoff: Stack, bound: tuple[str, ...]) -> None:
    project_id = await signoff.planned(PLAN)
    plan = await signoff.call("GET", f"/{project_id}/plan")
    values = {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    await signoff.call("POST", f"/{project_id}/approve", json={name: values[name] for name in bound})
    await signoff.call("POST", f"/{project_id}/cancel")


@pytest.fixture(scope="module")
async def replaced(signoff: Stack) -> tuple[str, Any, Any]:
    """A project, its first plan, and the one that has taken its place and waits."""
    project_id = await signoff.planned(PLAN)
    old = await signoff.call("GET", f"/{project_id}/plan")
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    return project_id, old, await signoff.call("GET", f"/{project_id}/plan")


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan_version": 1},
        {"plan_version": 3},
        {"plan_version": 2147483647},
        {"plan_digest": "0" * 64},
        "old digest",
        "mixed",
    ],
)
async def test_an_approval_bound_to_another_plan_starts_nothing(
    signoff: Stack, replaced: tuple[str, Any, Any], wrong: Any
) -> None:
    project_id, old, new = replaced
    if wrong == "old digest":
        wrong = {"plan_digest": old["digest"]}
    elif wrong == "mixed":
        wrong = {"plan_version": new["version"], "plan_digest": old["digest"]}
    body = await refused(signoff, "POST", f"/{project_id}/approve", 409, "plan_superseded", json=wrong)
    assert body["context"] == {"plan_version": new["version"], "plan_digest": new["digest"]}
    project = await signoff.project(project_id)
    assert (project["status"], project["run"]) == ("pending", None)
    assert "run.started" not in [event["type"] for event in await signoff.events(project_id)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"plan_version": 0}, "plan_version"),
        ({"plan_version": "1"}, "plan_version"),
        ({"plan_version": True}, "plan_version"),
        ({"plan_version": 1.5}, "plan_version"),
        ({"plan_version": 2**31}, "plan_version"),
        ({"plan_version": 10**30}, "plan_version"),
        ({"plan_version": []}, "plan_version"),
        ({"plan_digest": 1}, "plan_digest"),
        ({"plan_digest": "x"}, "plan_digest"),
        ({"plan_digest": ""}, "plan_digest"),
        ({"plan_digest": "A" * 64}, "plan_digest"),
        ({"plan_digest": "0" * 64 + "\n"}, "plan_digest"),
        ({"phase_id": ""}, "phase_id"),
        ({"phase_id": "x" * 65}, "phase_id"),
        ({"phase_id": "\x00"}, "phase_id"),
        ({"comment": None}, "comment"),
        ({"comment": "x" * 10_001}, "comment"),
        ({"comment": "\x00"}, "comment"),
        ({"approved": True}, "approved"),
    ],
)
async def test_bad_values_approve_nothing(signoff: Stack, waiting: str, body: dict[str, Any], field: str) -> None:
    assert fields_of(await refused(signoff, "POST", f"/{waiting}/approve", 422, json=body)) == [field]
    assert (await signoff.project(waiting))["status"] == "pending"


async def test_nulls_of_an_approval_mean_the_current_plan(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    body = {"plan_version": None, "plan_digest": None, "phase_id": None}
    await signoff.call("POST", f"/{project_id}/approve", json=body)
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_phase_gate_takes_only_the_phase_that_waits(signoff: Stack) -> None:
    plan = "## One\n\n- A: `true`\n\n## Two\n\n- [ ] B {#b}"
    project_id = await signoff.started(plan, auto_approve_phases=False)
    await signoff.at_gate(project_id)
    first, second = [phase["id"] for phase in (await signoff.project(project_id))["phases"]]
    for wrong in ({"phase_id": first}, {"phase_id": "phase_unknown"}):
        await refused(signoff, "POST", f"/{project_id}/approve", 409, json=wrong)
    await signoff.call("POST", f"/{project_id}/approve", json={"phase_id": second})
    await signoff.task_in(project_id, "b", "waiting")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_two_projects_do_not_run_in_one_folder(signoff: Stack) -> None:
    folder = signoff.root / "shared"
    folder.mkdir()
    first = await signoff.started(PLAN, path=str(folder))
    second = await signoff.planned(PLAN, path=str(folder))
    await refused(signoff, "POST", f"/{second}/approve", 409, "workspace_busy")
    await signoff.call("POST", f"/{first}/cancel")
    await signoff.call("POST", f"/{second}/approve")
    await signoff.call("POST", f"/{second}/cancel")


async def test_cancel_answers_with_the_counts(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Look {#look}\n- A: `true` {#a}\n- Later {#later milestone after=look}")
    await signoff.task_in(project_id, "look", "waiting")
    await signoff.task_in(project_id, "a", "completed")
    answer = await signoff.call("POST", f"/{project_id}/cancel", json={"reason": "enough"})
    assert {"id", "status", "updated_at", "stage", "decision_id", "tasks"} <= set(answer)
    assert (answer["status"], answer["stage"]) == ("cancelled", "finished")
    assert answer["tasks"] == {"completed": 1, "interrupted": 1, "never_started": 1, "did_not_stop": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": None}, "reason"),
        ({"reason": 1}, "reason"),
        ({"reason": "x" * 10_001}, "reason"),
        ({"reason": "\x00"}, "reason"),
        ({"force": True}, "force"),
        ({"delete": True}, "delete"),
    ],
)
async def test_bad_values_cancel_nothing(signoff: Stack, body: dict[str, Any], field: str) -> None:
    project_id = await signoff.create("")
    assert fields_of(await refused(signoff, "POST", f"/{project_id}/cancel", 422, json=body)) == [field]
    assert (await signoff.project(project_id))["status"] == "pending"


@pytest.mark.parametrize("phase", ["tasks", "nope"])
async def test_a_phase_cannot_be_approved_while_the_plan_waits(signoff: Stack, waiting: str, phase: str) -> None:
    phases = {each["key"]: each["id"] for each in (await signoff.project(waiting))["phases"]}
    body = {"phase_id": phases.get(phase, phase)}
    answer = await signoff.call("POST", f"/{waiting}/approve", status=409, json=body)
    assert answer["code"] == "phase_not_waiting"
    assert "Omit phase_id" in answer["message"]
    assert (await signoff.project(waiting))["stage"] == "awaiting_approval"
