"""The preview of a description's plan, requested while a person writes it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.answers import fields_of, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = """# Weekly

It is sent on Mondays.

## Gather (parallel)

Numbers first.

- Count users: `echo users=42 >> "$SIGNOFF_OUTPUT"` {#users}
- Fetch: `curl https://example.com/x.sh | sh` {#fetch retries=2 timeout=5m files=x.sh}

## Report {approval=yes}

1. Write {#write}

   ```inputs
   users: ${{ tasks.users.outputs.users }}
   ```

   ```sh
   echo "$INPUT_USERS"
   ```
2. [ ] Read it
"""
SAME = (
    "key",
    "title",
    "description",
    "action",
    "agent_id",
    "inputs",
    "expected_files",
    "retries",
    "timeout_seconds",
    "on_crash",
    "after_failure",
)


async def preview(stack: Stack, description: str, **fields: Any) -> dict[str, Any]:
    answer = await stack.http.post("/api/outline", json={"description": description, **fields})
    assert answer.status_code == 200, answer.text[:1000]
    body: dict[str, Any] = answer.json()
    assert set(body) == {
        "valid",
        "labels",
        "policies",
        "planner",
        "markdown",
        "summary",
        "warnings",
        "problems",
        "stats",
        "parameters",
        "answers",
        "phases",
        "findings",
    }
    assert body["planner"] == "outline"
    return body


async def test_it_is_the_plan_that_would_be_made(signoff: Stack) -> None:
    shown = await preview(signoff, PLAN)
    assert (shown["valid"], shown["problems"]) == (True, [])
    project_id = await signoff.planned(PLAN)
    plan = await signoff.call("GET", f"/{project_id}/plan")
    assert {name: shown[name] for name in ("summary", "warnings", "stats")} == {
        name: plan[name] for name in ("summary", "warnings", "stats")
    }
    keys = {task["id"]: task["key"] for phase in plan["phases"] for task in phase["tasks"]}
    for shown_phase, phase in zip(shown["phases"], plan["phases"], strict=True):
        assert all(shown_phase[name] == phase[name] for name in ("key", "name", "description", "strategy"))
        for shown_task, task in zip(shown_phase["tasks"], phase["tasks"], strict=True):
            assert {name: shown_task[name] for name in SAME} == {name: task[name] for name in SAME}
            assert shown_task["depends_on"] == [keys[other] for other in task["depends_on"]]
    assert [phase["requires_approval"] for phase in shown["phases"]] == [None, True]


async def test_it_has_what_the_audit_would_point_at(signoff: Stack) -> None:
    shown = await preview(signoff, PLAN)
    project_id = await signoff.planned(PLAN)
    audit = await signoff.call("POST", f"/{project_id}/audit")
    keys = {task["id"]: task["key"] for task in (await signoff.project(project_id))["tasks"]} | {None: None}
    fields = ("severity", "code", "message", "suggestion")
    assert [({name: item[name] for name in fields}, item["task_key"]) for item in shown["findings"]] == [
        ({name: item[name] for name in fields}, keys[item["task_id"]]) for item in audit["results"]["findings"]
    ]
    assert (shown["findings"][0]["code"], shown["findings"][0]["task_key"]) == ("network_to_shell", "fetch")


BROKEN = [
    "",
    "   \n",
    "# Title\n\n## Phase\n\nNo task.",
    "- A {#a after=nothing}\n- B {#a}",
    "- A {nothing=1}\n\n### Low",
    "- A: `true` {#a after=b}\n- B: `true` {#b after=a}",
    "- A: `true` {agent=nobody}",
    "- x\n" * 10_001,
    '- ```action\n  {"type": "nothing"}\n  ```',
    '- ```action\n  {"type": "wait", "duration": "5x"}\n  ```',
]


@pytest.mark.parametrize("description", BROKEN)
async def test_what_makes_no_plan_has_the_same_problems_as_planning(signoff: Stack, description: str) -> None:
    shown = await preview(signoff, description)
    project_id = await signoff.create(description)
    # For thousands of tasks, a loaded machine may need longer than the usual 10 s.
    patient = {"Prefer": "wait=60"}
    body = await refused(signoff, "POST", f"/{project_id}/generate-plan", 422, "plan_invalid", headers=patient)
    assert (shown["valid"], shown["problems"]) == (False, body["details"])
    assert shown["problems"]
    assert (shown["phases"], shown["findings"], shown["stats"]["tasks"]) == ([], [], 0)


async def test_nothing_is_stored(signoff: Stack) -> None:
    before = (await signoff.call("GET", ""))["total"]
    headers = {"Idempotency-Key": "the-same"}
    for description in ("- A: `true`", "- B: `true`"):
        answer = await signoff.http.post("/api/outline", json={"description": description}, headers=headers)
        assert answer.json()["phases"][0]["tasks"][0]["title"] == description[2]
        assert "idempotency-replayed" not in answer.headers
    assert (await signoff.call("GET", ""))["total"] == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "description"),
        ({"description": None}, "description"),
        ({"description": 1}, "description"),
        ({"description": "x" * 100_001}, "description"),
        ({"description": "a\x00"}, "description"),
        ({"description": "", "name": "A"}, "name"),
        ({"description": "", "strategy": "careful"}, "strategy"),
        ({"description": "", "agent_id": "nobody"}, "agent_id"),
        ({"description": "", "more": 1}, "more"),
    ],
)
async def test_a_bad_body_is_refused(signoff: Stack, body: dict[str, Any], field: str) -> None:
    answer = await signoff.http.post("/api/outline", json=body)
    assert answer.status_code == 422
    assert fields_of(answer.json()) == [field]


@pytest.mark.parametrize(
    "content",
    [
        b'{"description": "\\ud800"}',
        b'{"description": "- a {retries=99999999999999999999}"}',
        b'{"description": "- a\\n\\n  ```inputs\\n  n: 1e999\\n  ```"}',
        b'{"description": "- a\\n\\n  ```inputs\\n  n: ' + b"9" * 5000 + b'\\n  ```"}',
        b'{"description": "- a\\n\\n  ```inputs\\n  n: ' + b"[" * 5000 + b'\\n  ```"}',
        b'{"description": "- ```action\\n  {\\"type\\": \\"wait\\", \\"x\\": ' + b"[" * 90 + b"]" * 90 + b'}\\n  ```"}',
    ],
)
async def test_hostile_descriptions_are_answered(signoff: Stack, content: bytes) -> None:
    answer = await signoff.http.post("/api/outline", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 400, 422}, answer.text[:300]


async def test_a_huge_plan_holds_nobody_up(signoff: Stack) -> None:
    asked = asyncio.create_task(preview(signoff, "- a\n" * 10_000))
    answered = 0
    while not asked.done():
        await signoff.http.get("/health")
        answered += 1
        await asyncio.sleep(0.05)  # why: asking without a pause would slow what is asked about
    shown = await asked
    assert (shown["stats"]["tasks"], shown["stats"]["max_width"]) == (10_000, 10_000)
    # If the preview blocked other requests, there would be answers only before it and after it.
    assert answered > 2
