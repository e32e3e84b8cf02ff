"""Plans: generating and reading them, and errors in descriptions."""

from __future__ import annotations

import re

import pytest

from tests.api.answers import fields_of, refused
from tests.api.conftest import TAKE_YOUR_TIME, begin_planning
from tests.conftest import OWNER, Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = """
# Weekly report

For Monday.

## Gather {#gather}

- Orders: `echo orders` {#orders timeout=5m files=orders.csv}
- [ ] Ask **around** {#ask after=orders}

## Write (sequential) {#write approval=yes}

- Chart {#chart after=orders retries=2}

  With colors.

  ```inputs
  ROWS: ${{ tasks.orders.outputs.rows }}
  ```

  ```sh
  echo "$INPUT_ROWS"
  ```
- Wait {#rest wait=1h}
- Done {#done milestone}
"""


async def test_no_plan(signoff: Stack) -> None:
    project_id = await signoff.create("")
    await refused(signoff, "GET", f"/{project_id}/plan", 404, "no_plan")
    await refused(signoff, "GET", f"/{project_id}/plan", 404, "no_plan", headers={"Accept": "text/markdown"})
    await refused(signoff, "GET", f"/{project_id}/plan?version=1", 404, "plan_not_found")


async def test_generate_answers_with_the_plan(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)
    answer = await signoff.http.post(f"/api/projects/{project_id}/generate-plan")
    plan = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{plan["digest"]}"'
    assert plan == await signoff.call("GET", f"/{project_id}/plan")
    assert (plan["project_id"], plan["version"], plan["status"], plan["planner"]) == (project_id, 1, "ready", "outline")
    assert re.fullmatch("[0-9a-f]{64}", plan["digest"])
    assert (plan["approved_at"], plan["approved_by"], plan["next"]) == (None, None, None)
    assert plan["stats"] == {
        "tasks": 5,
        "phases": 2,
        "max_width": 1,
        "critical_path": ["orders", "ask", "chart", "rest", "done"],
    }
    assert [(phase["key"], phase["strategy"], phase["requires_approval"]) for phase in plan["phases"]] == [
        ("gather", "dag", False),
        ("write", "sequential", True),
    ]
    project = await signoff.project(project_id)
    assert project["plan"] == {name: plan[name] for name in ("version", "digest", "status", "planner", "summary")}
    assert (project["status"], project["stage"]) == ("pending", "awaiting_approval")
    assert [task["id"] for task in project["tasks"]] == [t["id"] for phase in plan["phases"] for t in phase["tasks"]]


async def test_an_approved_plan_says_by_whom(signoff: Stack) -> None:
    project_id = await signoff.started("- A: `true`")
    await signoff.finished(project_id)
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert (plan["status"], plan["approved_by"]) == ("approved", OWNER)
    assert plan["approved_at"].endswith("Z")


async def test_older_versions_stay_readable(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    first = await signoff.call("GET", f"/{project_id}/plan")
    await signoff.call("PUT", f"/{project_id}", json={"description": "- B: `true`\n- C: `true`"})
    second = await signoff.call("POST", f"/{project_id}/regenerate-plan")
    assert second["version"] == 2
    old = await signoff.call("GET", f"/{project_id}/plan", params={"version": 1})
    # The phases and their ids are unchanged; only what happened to the version differs.
    assert old == first | {"status": "superseded", "frozen": None, "phases": old["phases"]}
    assert [task["id"] for task in old["phases"][0]["tasks"]] == [task["id"] for task in first["phases"][0]["tasks"]]
    assert await signoff.call("GET", f"/{project_id}/plan", params={"version": 2}) == second
    await refused(signoff, "GET", f"/{project_id}/plan?version=3", 404, "plan_not_found")


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.5", "2147483648", "9" * 40, "%00"])
async def test_a_bad_version_is_a_bad_query(signoff: Stack, version: str) -> None:
    project_id = await signoff.create("")
    body = await refused(signoff, "GET", f"/{project_id}/plan?version={version}", 400, "bad_request")
    assert fields_of(body) == ["version"]


@pytest.mark.parametrize("accept", ["text/markdown", "text/markdown, */*;q=0.1"])
async def test_as_markdown_the_plan_makes_the_same_plan_again(signoff: Stack, accept: str) -> None:
    project_id = await signoff.planned(PLAN, name="Weekly report")
    plan = await signoff.call("GET", f"/{project_id}/plan")
    answer = await signoff.http.get(f"/api/projects/{project_id}/plan", headers={"Accept": accept})
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    again = await signoff.planned(answer.text, name="Weekly report")
    assert (await signoff.call("GET", f"/{again}/plan"))["digest"] == plan["digest"]


async def test_an_older_version_as_markdown(signoff: Stack) -> None:
    project_id = await signoff.planned("- First: `true`")
    await signoff.call("PUT", f"/{project_id}", json={"description": "- Second: `true`"})
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    answer = await signoff.http.get(f"/api/projects/{project_id}/plan?version=1", headers={"Accept": "text/markdown"})
    assert "First" in answer.text
    assert "Second" not in answer.text


async def test_every_problem_of_a_description_has_line_and_column(signoff: Stack) -> None:
    project_id = await signoff.create(
        "## Build (parallel)\n\n1. Fetch {#fetch}\n2. Copy\n- Test {after=biuld retires=2}\n"
    )
    body = await refused(signoff, "POST", f"/{project_id}/generate-plan", 422, "plan_invalid")
    assert fields_of(body) == ["line 3, column 1", "line 5, column 9", "line 5, column 21"]
    assert "biuld" in body["details"][1]["message"]
    project = await signoff.project(project_id)
    assert (project["status"], project["stage"], project["plan"]) == ("pending", "draft", None)
    assert project["failure"] == {"code": "plan_invalid", "message": body["message"], "task_id": None}
    failed = (await signoff.events(project_id))[-1]
    assert (failed["type"], failed["data"]["details"]) == ("plan.failed", body["details"])
    await refused(signoff, "GET", f"/{project_id}/plan", 404, "no_plan")
    await refused(signoff, "GET", f"/{project_id}/plan?version=1", 409, "plan_not_ready")
    await refused(signoff, "POST", f"/{project_id}/approve", 409, "no_plan")
    # With the description fixed, planning succeeds and the failure disappears.
    await signoff.call("PUT", f"/{project_id}", json={"description": "- Mended: `true`"})
    assert (await signoff.call("POST", f"/{project_id}/generate-plan"))["version"] == 2
    assert (await signoff.project(project_id))["failure"] is None


@pytest.mark.parametrize("description", ["", "   \n\t\n", "# Only a title", "```", "- ", "---"])
async def test_a_description_without_a_task_makes_no_plan(signoff: Stack, description: str) -> None:
    project_id = await signoff.create(description)
    body = await refused(signoff, "POST", f"/{project_id}/generate-plan", 422, "plan_invalid")
    assert body["details"]


async def test_a_second_generate_is_refused(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    await refused(signoff, "POST", f"/{project_id}/generate-plan", 409, "plan_exists")


async def test_regenerate_makes_the_first_plan_too(signoff: Stack) -> None:
    project_id = await signoff.create("- A: `true`")
    assert (await signoff.call("POST", f"/{project_id}/regenerate-plan"))["version"] == 1


async def test_a_plan_sent_back_is_on_record_with_the_words(signoff: Stack) -> None:
    project_id = await signoff.planned("- A: `true`")
    await signoff.call("POST", f"/{project_id}/regenerate-plan", json={"instructions": "shorter, please"})
    returned = next(event for event in await signoff.events(project_id) if event["type"] == "plan.returned")
    assert (returned["data"]["plan_version"], returned["data"]["comment"]) == (1, "shorter, please")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"planner": ""}, "planner"),
        ({"planner": 1}, "planner"),
        ({"planner": "x" * 65}, "planner"),
        ({"instructions": "x" * 100_001}, "instructions"),
        ({"instructions": "\x00"}, "instructions"),
        ({"instructions": []}, "instructions"),
        ({"model": "x"}, "model"),
    ],
)
@pytest.mark.parametrize("call", ["generate-plan", "regenerate-plan"])
async def test_bad_values_are_refused(signoff: Stack, call: str, body: dict[str, object], field: str) -> None:
    project_id = await signoff.create("- A: `true`")
    assert fields_of(await refused(signoff, "POST", f"/{project_id}/{call}", 422, json=body)) == [field]
    assert len(await signoff.events(project_id)) == 1


async def test_an_unknown_planner_is_refused(signoff: Stack) -> None:
    project_id = await signoff.create("- A: `true`")
    body = await refused(signoff, "POST", f"/{project_id}/generate-plan", 422, json={"planner": "nope"})
    assert "nope" in body["message"]
    assert (await signoff.project(project_id))["stage"] == "draft"


@pytest.mark.parametrize(
    "prefer",
    [
        "wait=60",
        "wait=99999",
        "respond-async, wait=20",
        "wait = 20",
        "wait=-1",
        "wait=x",
        "wait",
        ";;,",
        "\xff",
        "WAIT=20",
    ],
)
async def test_any_preference_is_answered_with_the_plan_once_it_is_ready(signoff: Stack, prefer: str) -> None:
    project_id = await signoff.create("- A: `true`")
    headers = {"Prefer": prefer.encode("latin-1")}
    assert (await signoff.call("POST", f"/{project_id}/generate-plan", headers=headers))["status"] == "ready"


async def test_while_a_plan_is_made_the_last_one_is_shown(patient: Stack) -> None:
    project_id = await patient.planned("- A: `true`")
    before = await patient.call("GET", f"/{project_id}/plan")
    await begin_planning(patient, project_id, "regenerate-plan")
    assert await patient.call("GET", f"/{project_id}/plan") == before | {"next": {"version": 2, "status": "generating"}}
    await refused(patient, "GET", f"/{project_id}/plan?version=2", 409, "plan_not_ready")
    project = await patient.project(project_id)
    assert (project["status"], project["stage"], project["plan"]["version"]) == ("pending", "planning", 1)
    await patient.call("POST", f"/{project_id}/cancel")
    assert (await patient.call("GET", f"/{project_id}/plan"))["next"] is None


async def test_what_is_not_ready_in_time_is_recorded(patient: Stack) -> None:
    project_id = await patient.create("- A: `true`")
    body = TAKE_YOUR_TIME
    recorded = await patient.call(
        "POST", f"/{project_id}/generate-plan", status=202, json=body, headers={"Prefer": "wait=1"}
    )
    assert {name: recorded[name] for name in ("id", "status", "stage", "recorded")} == {
        "id": project_id,
        "status": "pending",
        "stage": "planning",
        "recorded": True,
    }
    assert recorded["request_id"]
    await patient.call("DELETE", f"/{project_id}")
