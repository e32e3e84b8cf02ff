"""What a run makes of the answers of HTTP servers: pauses that they ask for, and answers that arrive in part."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, eventually, running_stack

Server = tuple[str, list[tuple[str, float]]]
HALF = gzip.compress(b"0123456789" * 1000)[:-20]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls: list[tuple[str, float]]

    def do_GET(self) -> None:
        self.calls.append((self.path, time.monotonic()))
        again = [path for path, _ in self.calls].count(self.path) > 1
        kind, _, value = self.path.strip("/").partition("/")
        if kind == "busy" and not again:
            self._reply(429, b"slow down", retry_after=value)
        elif kind == "half":
            self._reply(200, HALF, content_encoding="gzip")
        elif kind == "slow":
            self.send_response(200)
            self.send_header("content-length", "100")
            self.end_headers()
            self.wfile.write(b"the beginning")
            self.wfile.flush()
            # Hold the connection until the other side closes it.
            self.rfile.read(1)
            self.close_connection = True
        else:
            self._reply(200, b"1e999" if kind == "huge" else b"ok", content_type="application/json")

    do_POST = do_GET  # noqa: N815

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep the tests' output clean."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    class Own(Handler):
        calls: list[tuple[str, float]] = []  # noqa: RUF012 - one list for the one server

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", Own.calls
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("answers"), http_allow=["127.0.0.1"]) as running:
        yield running


def request(line: str, attributes: str = "retries=1") -> str:
    return f"- Ask {{#ask {attributes}}}\n\n  ```http\n  {line}\n  ```\n"


async def test_the_next_attempt_waits_as_long_as_the_server_asks(stack: Stack, server: Server) -> None:
    url, calls = server
    project_id = await stack.started(request(f"GET {url}/busy/4"))
    waiting = await stack.task_in(project_id, "ask", "waiting")
    assert waiting["reason"] == "retry"
    project = await stack.finished(project_id)
    assert project["status"] == "completed"
    first, second = [at for path, at in calls if path == "/busy/4"]
    assert second - first >= 3.9
    [told] = [event for event in await stack.events(project_id) if event["type"] == "task.retrying"]
    assert told["data"]["next_try_in"] == 4.0


async def test_a_server_cannot_ask_for_more_than_an_hour_and_a_person_need_not_wait(
    stack: Stack, server: Server
) -> None:
    url, _ = server
    project_id = await stack.started(request(f"GET {url}/busy/99999999"))
    task = await stack.task_in(project_id, "ask", "waiting")
    [told] = [event for event in await stack.events(project_id) if event["type"] == "task.retrying"]
    assert told["data"]["next_try_in"] == 3600.0
    await stack.call("POST", f"/{project_id}/tasks/{task['id']}/retry")
    assert (await stack.finished(project_id))["status"] == "completed"


async def test_half_an_encoded_answer_fails_and_saves_nothing(stack: Stack, server: Server) -> None:
    url, _ = server
    plan = request(f"GET {url}/half", "retries=0").replace("```http", "```http save=file.txt")
    project = await stack.finished(await stack.started(plan))
    [task] = project["tasks"]
    assert (task["status"], task["error"]["type"]) == ("failed", "bad_encoding")
    assert task["outputs"]["status"] == 200
    assert not [name for name in Path(project["workspace"]).iterdir() if name.name != ".signoff"]


async def test_an_answer_with_a_number_that_cannot_be_kept_completes(stack: Stack, server: Server) -> None:
    url, calls = server
    project = await stack.finished(await stack.started(request(f"POST {url}/huge")))
    [task] = project["tasks"]
    assert (task["status"], task["outputs"]["status"], task["outputs"]["body"]) == ("completed", 200, "1e999")
    assert "json" not in task["outputs"]
    assert [path for path, _ in calls].count("/huge") == 1


async def test_a_time_limit_keeps_what_had_arrived(stack: Stack, server: Server) -> None:
    url, _ = server
    project = await stack.finished(await stack.started(request(f"GET {url}/slow", "retries=0 timeout=2")))
    [task] = project["tasks"]
    assert (task["error"]["type"], task["outputs"]["status"], task["outputs"]["body"]) == (
        "timeout",
        200,
        "the beginning",
    )
    assert task["outputs"]["truncated"] is True


async def test_a_cancel_keeps_the_outputs_so_far(stack: Stack) -> None:
    command = 'echo partial; echo x=1 >> "$SIGNOFF_OUTPUT"; touch begun; sleep 60'
    project_id = await stack.started(f"- Slow: `{command}` {{#slow}}")
    workspace = Path((await stack.project(project_id))["workspace"])
    await stack.task_in(project_id, "slow", "running")

    async def begun() -> bool:
        return (workspace / "begun").exists()

    await eventually(begun, what="the command has written its outputs")
    await stack.call("POST", f"/{project_id}/cancel")
    [task] = (await stack.finished(project_id))["tasks"]
    assert (task["status"], task["outputs"]) == ("cancelled", {"stdout": "partial", "x": "1"})
