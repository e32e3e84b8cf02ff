"""The metrics of a project."""

from __future__ import annotations

import asyncio

from tests.api.answers import refused
from tests.conftest import Stack


async def test_a_draft_has_nothing_to_count(signoff: Stack) -> None:
    project_id = await signoff.create()
    metrics = await signoff.call("GET", f"/{project_id}/metrics")
    assert metrics == {
        "project_id": project_id,
        "phases": {"total": 0, "completed": 0, "active": 0, "pending": 0},
        "tasks": dict.fromkeys(
            ("total", "completed", "running", "failed", "pending", "waiting", "cancelled", "skipped"), 0
        ),
        "completion_percentage": 0.0,
        "tokens_used": 0,
        "cost_usd": 0.0,
        "models": {"total": None, "planning": None, "decisions": None, "phases": [], "tasks": []},
        "durations": {"wall_ms": 0, "busy_ms": 0, "awaiting_approval_ms": 0, "critical_path_ms": 0},
        "parallelism": {"mean": 0.0, "peak": 0},
        "attempts": {"total": 0, "retried": 0, "lost": 0},
        "slowest": [],
    }
    await refused(signoff, "GET", "/proj_nothing/metrics", 404)


async def test_a_run_is_counted_and_timed(signoff: Stack) -> None:
    slow = (
        "- A: `sleep 0.6` {#a}\n- B: `sleep 0.6` {#b}\n- Flaky: `[ -e x ] || { touch x; exit 1; }` {#flaky retries=1}"
    )
    plan = f"## One\n\n{slow}\n\n## Two\n\n- Bad: `false` {{#bad}}\n- After {{#after milestone after=bad}}"
    project_id = await signoff.planned(plan, auto_approve_phases=False)
    await asyncio.sleep(0.3)  # why: this test measures the time for which the plan waits
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.at_gate(project_id)
    active = await signoff.call("GET", f"/{project_id}/metrics")
    assert active["phases"] == {"total": 2, "completed": 1, "active": 1, "pending": 0}
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.finished(project_id)
    metrics = await signoff.call("GET", f"/{project_id}/metrics")
    tasks = metrics["tasks"]
    assert (tasks["total"], tasks["completed"], tasks["failed"], tasks["skipped"]) == (5, 3, 1, 1)
    assert metrics["completion_percentage"] == 60.0
    progress = (await signoff.project(project_id))["progress"]
    counts = {"total": 5, "completed": 3, "failed": 1, "skipped": 1, "running": 0}
    assert progress == {**counts, "percent": 60.0}
    assert metrics["attempts"] == {"total": 5, "retried": 1, "lost": 0}
    durations = metrics["durations"]
    assert durations["awaiting_approval_ms"] >= 300
    assert durations["busy_ms"] >= 1200
    assert 1200 > durations["critical_path_ms"] >= 600 or durations["critical_path_ms"] <= durations["wall_ms"]
    assert metrics["parallelism"]["peak"] >= 2
    assert metrics["parallelism"]["mean"] > 1
    assert {"a", "b", "flaky"} <= {item["key"] for item in metrics["slowest"]}
    assert [item["duration_ms"] for item in metrics["slowest"]] == sorted(
        (item["duration_ms"] for item in metrics["slowest"]), reverse=True
    )
    later = await signoff.call("GET", f"/{project_id}/metrics")
    assert later == metrics, "nothing of a finished project goes on counting"


async def test_what_has_not_ended_goes_on_counting(signoff: Stack) -> None:
    project_id = await signoff.planned("## One\n\n- A: `true`", auto_approve_phases=False)
    first = await signoff.call("GET", f"/{project_id}/metrics")
    await asyncio.sleep(0.05)  # why: this test measures the time for which the plan waits
    second = await signoff.call("GET", f"/{project_id}/metrics")
    waited = [found["durations"]["awaiting_approval_ms"] for found in (first, second)]
    assert waited[1] >= waited[0] + 50
