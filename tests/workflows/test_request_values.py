"""An earlier task's output in a request: the run sends what was approved, regardless of the output.

tests/activities/test_request_values.py sends many more outputs.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, running_stack
from tests.recording_server import Recorder, recording

PLAN = """\
- Id: `cat value >> "$SIGNOFF_OUTPUT"` {{#id}}
- Send {{#send retries=0}}

  ```http
{request}
  ```
"""
ID = "${{ tasks.id.outputs.id }}"


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("requests")
    async with running_stack(temporal_server, folder, http_allow=["127.0.0.1"]) as running:
        yield running


async def ran(stack: Stack, request: str, value: str) -> dict[str, str]:
    """Return the status of a project whose request uses `value`, and the error of its task."""
    request = "\n".join(f"  {line}" if line else "" for line in request.split("\n"))
    project_id = await stack.planned(PLAN.format(request=request))
    workspace = Path((await stack.project(project_id))["workspace"])
    (workspace / "value").write_text(f"id<<END OF VALUE\n{value}\nEND OF VALUE\n")
    await stack.call("POST", f"/{project_id}/approve")
    project = await stack.finished(project_id)
    error = project["tasks"][1]["error"]
    return {"status": project["status"], "error": error["type"] if error else ""}


async def test_an_output_stays_in_its_segment_of_the_path(stack: Stack, recorder: Recorder) -> None:
    value = "7?admin=true#&a b/c%2e%2e%2f"
    request = f"DELETE http://{recorder.address}/users/{ID}/comments"
    assert (await ran(stack, request, value))["status"] == "completed"
    sent = recorder.only()
    assert (sent.method, sent.target.count("/"), sent.target.count("?")) == ("DELETE", 3, 0)
    assert unquote(sent.target) == f"/users/{value}/comments"


async def test_an_output_that_leads_to_another_path_sends_nothing(stack: Stack, recorder: Recorder) -> None:
    request = f"GET http://{recorder.address}/files/{ID}"
    assert await ran(stack, request, "../admin") == {"status": "failed", "error": "bad_reference"}
    assert recorder.requests == []


async def test_an_output_stays_in_its_parameter(stack: Stack, recorder: Recorder) -> None:
    request = f"GET http://{recorder.address}/search?q={ID}&limit=1"
    assert (await ran(stack, request, "a b/c&d=e"))["status"] == "completed"
    assert recorder.only().target == "/search?q=a%20b%2Fc%26d%3De&limit=1"


async def test_an_output_stays_in_its_text_of_a_json_body(stack: Stack, recorder: Recorder) -> None:
    value = 'line 1\nx", "admin": true, "y": "'
    request = f'POST http://{recorder.address}/say\nContent-Type: application/json\n\n{{"text": "{ID}"}}'
    assert (await ran(stack, request, value))["status"] == "completed"
    assert json.loads(recorder.only().body) == {"text": value}


async def test_a_plan_with_a_reference_where_none_is_safe_is_refused(stack: Stack, recorder: Recorder) -> None:
    request = f"  POST http://{ID}@{recorder.address}/"
    project_id = await stack.create(PLAN.format(request=request))
    await stack.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"}, status=422)
    project = await stack.project(project_id)
    assert "user name or password" in json.dumps(project)
