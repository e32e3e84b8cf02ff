"""One trace from a request to the command that it causes, as a collector sees it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.app_process import AppProcess, app_process
from tests.conftest import Stack, eventually, running_stack
from tests.observing.collector import Collector, Span, collecting
from tests.worker_process import worker_process

OURS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = OURS.split("-")[1]


@dataclass
class Traced:
    """An app and a worker in processes of their own, and the collector that they send their traces to."""

    stack: Stack
    app: AppProcess
    collector: Collector

    async def approve(self, project_id: str) -> None:
        """Approve a plan as a caller that makes traces does."""
        answer = await self.app.http.post(f"/api/projects/{project_id}/approve", headers={"traceparent": OURS})
        assert answer.status_code == 200, answer.text

    async def spans(self, name: str, count: int = 1) -> list[Span]:
        """Wait for spans of the caller's trace."""

        async def arrived() -> bool:
            return len([span for span in self.collector.named(name) if span.trace_id == TRACE]) >= count

        await eventually(arrived, what=f"{count} spans {name} arrive")
        return [span for span in self.collector.named(name) if span.trace_id == TRACE]


@contextlib.asynccontextmanager
async def tracing(
    environment: WorkflowEnvironment, folder: Path, monkeypatch: pytest.MonkeyPatch, *, log_level: str = "info"
) -> AsyncIterator[Traced]:
    async with contextlib.AsyncExitStack() as exits:
        collector = await exits.enter_async_context(collecting())
        stack = await exits.enter_async_context(running_stack(environment, folder, worker=False))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=a-key-of-the-collector")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        app = await exits.enter_async_context(app_process(stack.settings, log_level=log_level))
        yield Traced(stack, app, collector)


async def test_a_command_is_in_the_trace_of_the_request_that_approved_it(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing(temporal_server, tmp_path, monkeypatch) as traced, worker_process(traced.stack.settings):
        plan = '- Say: `echo "$TRACEPARENT $(env | grep -c OTEL)"` {#say}\n- Fail: `exit 3` {#fail}'
        project_id = await traced.stack.planned(plan)
        await traced.approve(project_id)
        await traced.stack.finished(project_id)
        commands = await traced.spans("command", 2)
        collector = traced.collector
        await traced.spans("POST /api/projects/{project_id}/approve")
        (said,) = [span for span in commands if span.values.get("process.exit.code") != 3]
        chain = [(span.service, span.name) for span in collector.above(said)]
        assert chain == [
            ("signoff-worker", "RunActivity:shell"),
            ("signoff-worker", "HandleSignal:approve"),
            ("signoff-app", "SignalWorkflow:approve"),
            ("signoff-app", "POST /api/projects/{project_id}/approve"),
        ]
        (decided,) = await traced.spans("RunActivity:decide")
        assert next(collector.above(decided)).name == "HandleSignal:approve"
        request = list(collector.above(said))[-1]
        assert request.parent_id == OURS.split("-")[2]
        (started,) = [event for event in await traced.stack.events(project_id) if event["type"] == "run.started"]
        by_task = {span.values["signoff.task"]: span for span in await traced.spans("RunActivity:shell", 2)}
        assert by_task["say"].values["signoff.project_id"] == project_id
        assert by_task["say"].values["signoff.run_id"] == started["data"]["run_id"]
        assert (by_task["say"].values["signoff.outcome"], by_task["say"].failed) == ("completed", False)
        assert (by_task["fail"].values["signoff.outcome"], by_task["fail"].failed) == ("failed", True)
        # The program can continue the trace, and has no key of the collector.
        task = await traced.stack.task_in(project_id, "say", "completed")
        assert task["outputs"]["stdout"].strip() == f"00-{TRACE}-{said.span_id}-01 0"
        assert {headers["x-api-key"] for headers in collector.headers} == {"a-key-of-the-collector"}
        # The plan was made before, in a trace of its own.
        (made,) = collector.named("RunActivity:make_plan")
        assert made.trace_id != TRACE


async def test_a_trace_survives_a_killed_worker(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing(temporal_server, tmp_path, monkeypatch) as traced:
        waits = "while [ ! -e go ]; do sleep 0.1; done"
        project_id = await traced.stack.create(f"- One: `{waits}` {{#one}}\n- Two: `true` {{#two after=one}}")
        with contextlib.suppress(AssertionError):
            # It was killed, which its fixture does not expect.
            async with worker_process(traced.stack.settings, log="first.log") as pid:
                await traced.stack.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
                await traced.approve(project_id)
                await traced.stack.task_in(project_id, "one", "running")
                os.kill(pid, signal.SIGKILL)
        workspace = Path((await traced.stack.project(project_id))["workspace"])
        (workspace / "go").touch()
        async with worker_process(traced.stack.settings, log="second.log"):
            await traced.stack.finished(project_id)
            spans = await traced.spans("RunActivity:shell", 2)
        # The span of the killed worker was never sent. The signal's context is in the history.
        assert {span.values["signoff.task"] for span in spans} == {"one", "two"}
        assert {span.parent_id for span in spans} == {(await traced.spans("SignalWorkflow:approve"))[0].span_id}


async def test_nothing_is_sent_and_nothing_is_loaded_unless_asked(
    temporal_server: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing(temporal_server, tmp_path, monkeypatch) as traced:
        monkeypatch.setenv("SIGNOFF_TRACES", "none")
        before = len(traced.collector.headers)
        async with worker_process(traced.stack.settings):
            project_id = await traced.stack.planned("- Say: `env | grep -c TRACE || true` {#say}")
            await traced.stack.call("POST", f"/{project_id}/approve")
            await traced.stack.finished(project_id)
        task = await traced.stack.task_in(project_id, "say", "completed")
        assert task["outputs"]["stdout"].strip() == "0"
        assert len(traced.collector.headers) == before
