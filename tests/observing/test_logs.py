"""Log messages say which request, project, run and task they are about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import eventually, running_stack, running_temporal
from tests.observing.test_traces import OURS, TRACE, tracing
from tests.worker_process import worker_process


def records(log: Path) -> list[dict[str, Any]]:
    """The messages that are written whole: the last one may still be on its way."""
    return [json.loads(line) for line in log.read_text().split("\n")[:-1]]


async def test_messages_in_json_name_what_they_are_about(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNOFF_LOG_FORMAT", "json")
    async with tracing(temporal_server, tmp_path, monkeypatch, log_level="debug") as traced:
        monkeypatch.setenv("SIGNOFF_LOG_LEVEL", "debug")
        async with worker_process(traced.stack.settings):
            project_id = await traced.stack.planned("- Say: `echo 'in \"quotes\"'` {#say}")
            await traced.approve(project_id)
            await traced.stack.finished(project_id)
            log = traced.stack.settings.data_dir / "worker.log"

            async def logged() -> bool:
                return "an attempt has ended" in log.read_text()

            await eventually(logged, what="the end of the attempt is in the log")
        (ended,) = [record for record in records(log) if record["event"].startswith("an attempt has ended: completed")]
        (started,) = [event for event in await traced.stack.events(project_id) if event["type"] == "run.started"]
        about = {name: ended[name] for name in ("project_id", "run_id", "task", "try_number", "trace_id", "level")}
        assert about == {
            "project_id": project_id,
            "run_id": started["data"]["run_id"],
            "task": "say",
            "try_number": 1,
            "trace_id": TRACE,
            "level": "debug",
        }
        assert len(ended["span_id"]) == 16
        headers = {"x-request-id": "a-request", "traceparent": OURS}
        await traced.app.http.post(f"/api/projects/{project_id}/approve", headers=headers)
        of_request = [record for record in records(traced.app.log) if record.get("request_id") == "a-request"]
        assert {(record.get("project_id"), record["trace_id"]) for record in of_request} >= {(project_id, TRACE)}


async def test_messages_of_the_sdk_are_json_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's core, which is not Python, reports that the server is away."""
    monkeypatch.setenv("SIGNOFF_LOG_FORMAT", "json")
    async with (
        running_temporal() as server,
        running_stack(server, tmp_path, worker=False) as stack,
        worker_process(stack.settings),
    ):
        log = stack.settings.data_dir / "worker.log"

        async def polls() -> bool:
            # A worker that does not find its server while it starts ends with an error message.
            return int((await stack.http.get("/ready")).json()["checks"]["workers"]) > 0

        await eventually(polls, what="the worker polls")
        await server.shutdown()

        async def reported() -> bool:
            return any("poll_activity_task_queue retried" in record["event"] for record in records(log))

        await eventually(reported, what="the core reports that it tries again")
        assert {record["logger"] for record in records(log) if "retried" in record["event"]} == {"temporalio.core"}
