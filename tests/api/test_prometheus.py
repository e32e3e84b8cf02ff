"""The metrics that Prometheus collects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import AgentEntry
from tests.conftest import Stack, eventually, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

WAITS = "- [ ] Look {#look}"


async def figures(stack: Stack) -> dict[tuple[Any, ...], float]:
    """All samples by name and label values."""
    answer = await stack.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for f in families for s in f.samples}


async def test_requests_are_counted_by_route_and_never_by_address(signoff: Stack) -> None:
    project_id = await signoff.create("")
    route = "/api/projects/{project_id}"
    counter = ("signoff_http_requests_total", "GET", route, "200")
    before = await figures(signoff)
    for _ in range(3):
        await signoff.project(project_id)
    await signoff.http.head(f"/api/projects/{project_id}")
    await signoff.http.get("/api/projects/proj_nope")
    await signoff.http.get("/nothing/here")
    await signoff.http.request("PROPFIND", "/nothing/here")
    after = await figures(signoff)
    assert after[counter] - before.get(counter, 0) == 3
    assert after["signoff_http_requests_total", "HEAD", route, "200"] >= 1
    assert after["signoff_http_requests_total", "GET", route, "404"] >= 1
    assert after["signoff_http_requests_total", "GET", "unmatched", "404"] >= 1
    assert after["signoff_http_requests_total", "other", "unmatched", "404"] >= 1
    assert after["signoff_http_request_duration_seconds_count", "GET", route] >= 3
    assert not any("proj_" in str(value) or "nothing" in str(value) for labels in after for value in labels)


async def test_work_is_counted_by_status(signoff: Stack) -> None:
    project_id = await signoff.started(WAITS)
    await signoff.task_in(project_id, "look", "waiting")

    async def counted() -> bool:
        found = await figures(signoff)
        return found["signoff_projects", "running"] >= 1 and found["signoff_tasks", "waiting"] >= 1

    await eventually(counted, what="the running project and its waiting task are counted")
    found = await figures(signoff)
    listed = (await signoff.call("GET", ""))["status_counts"]
    assert {labels[1] for labels in found if labels[0] == "signoff_projects"} == set(listed)
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_open_streams_are_counted_until_their_readers_leave(signoff: Stack) -> None:
    project_id = await signoff.create("")
    before = (await figures(signoff))[("signoff_event_streams",)]
    async with signoff.http.stream("GET", f"/api/projects/{project_id}/events"):
        assert (await figures(signoff))[("signoff_event_streams",)] == before + 1

    async def gone() -> bool:
        return (await figures(signoff))[("signoff_event_streams",)] == before

    await eventually(gone, what="the stream is counted no more")


async def test_the_process_is_measured(signoff: Stack) -> None:
    found = await figures(signoff)
    assert found[("process_resident_memory_bytes",)] > 0
    assert any(labels[0] == "python_info" for labels in found)


async def test_what_waits_for_people_and_for_workers_is_counted(signoff: Stack) -> None:
    project_id = await signoff.planned(WAITS)
    queue = signoff.settings.task_queue

    async def plan_waits() -> bool:
        found = await figures(signoff)
        return found["signoff_waiting", "plan"] >= 1 and found["signoff_waiting_oldest_seconds", "plan"] > 0

    await eventually(plan_waits, what="the plan that waits for its approval is counted, with its age")
    assert (await figures(signoff))["signoff_workers", queue] == 1
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.task_in(project_id, "look", "waiting")

    async def task_waits() -> bool:
        return (await figures(signoff))["signoff_waiting", "manual"] >= 1

    await eventually(task_waits, what="the task for a person is counted")
    found = await figures(signoff)
    assert found["signoff_queue_backlog", queue] == 0
    assert found["signoff_database_write_wait_seconds_count",] >= 1
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_tasks_without_a_worker_are_a_backlog(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    agents = {"gpu": AgentEntry(queue="queue-of-nobody")}
    async with running_stack(temporal_server, tmp_path, agents=agents) as stack:
        project_id = await stack.started("- Train: `true` {#train agent=gpu}\n- Test: `true` {#test agent=gpu}")

        async def counted() -> bool:
            found = await figures(stack)
            return found.get(("signoff_queue_backlog", "queue-of-nobody")) == 2

        await eventually(counted, what="both tasks wait in their queue")
        found = await figures(stack)
        assert found["signoff_workers", "queue-of-nobody"] == 0
        assert found["signoff_queue_backlog_oldest_seconds", "queue-of-nobody"] > 0
        await stack.call("POST", f"/{project_id}/cancel")
