"""The metrics that Prometheus collects."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Stack, eventually

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
