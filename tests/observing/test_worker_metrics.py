"""The metrics that a worker serves, as Prometheus collects them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, free_port, running_stack
from tests.worker_process import worker_process

FLAKY = "`[ -e x ] || { touch x; exit 1; }`"
PLAN = f"- Good: `true` {{#good}}\n- Bad: `false` {{#bad}}\n- Flaky: {FLAKY} {{#flaky retries=1}}"
Samples = dict[tuple[str, ...], float]


async def samples(address: str) -> Samples:
    """All samples by name and label values, without the buckets of histograms."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"http://{address}/metrics")).text
    families = text_string_to_metric_families(text)
    found = [sample for family in families for sample in family.samples if "le" not in sample.labels]
    return {(each.name, *(each.labels[name] for name in sorted(each.labels))): each.value for each in found}


async def test_tasks_are_measured_by_action_and_outcome(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        settings = stack.settings.model_copy(update={"metrics": address})
        settings.model_fields_set.add("metrics")
        async with worker_process(settings) as pid:
            assert len(_listening_ports(pid)) == 1
            project_id = await stack.started(PLAN)
            await stack.finished(project_id)
            found = await samples(address)
    duration = "signoff_task_duration_seconds_count"
    outcomes = {key[1:]: value for key, value in found.items() if key[0] == duration}
    assert outcomes == {("shell", "completed"): 2, ("shell", "failed"): 1, ("shell", "retrying"): 1}
    assert found["signoff_task_queue_wait_seconds_count", "shell", settings.task_queue] == 4
    assert found["signoff_task_retries_total", "shell"] == 1
    assert found["signoff_tasks_running", "shell"] == 0
    assert found["signoff_database_write_wait_seconds_count",] > 0
    assert any(key[0].startswith("temporal_") for key in found), "the SDK's own metrics are there too"
    ours = [key for key in found if key[0].startswith("signoff_")]
    assert not any(project_id in value or "flaky" in value for key in ours for value in key)


async def test_a_worker_opens_no_port_unless_asked(signoff: Stack) -> None:
    async with worker_process(signoff.settings) as pid:
        assert await asyncio.to_thread(_listening_ports, pid) == []


def _listening_ports(pid: int) -> list[str]:
    """The local addresses on which a process accepts TCP connections (proc(5))."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return [fields[1] for fields in lines[1:] if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets]


async def test_a_port_in_use_ends_the_worker_with_a_sentence(signoff: Stack) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = signoff.settings.model_copy(update={"metrics": address})
    settings.model_fields_set.add("metrics")
    message = ""
    try:
        async with worker_process(settings, log="refused.log"):
            pass
    except AssertionError as error:
        message = str(error)
    finally:
        server.close()
    assert f"signoff worker: The metrics cannot be served at {address}" in message
    assert "SIGNOFF_METRICS" in message
    assert "Traceback" not in message
