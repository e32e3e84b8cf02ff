"""kill -9 in the middle of an agent task: what the model has answered is not paid for again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.conftest import Processes
from tests.databases import DATABASES
from tests.model_server import ModelServer, Stall, Text, ToolCalls
from tests.sse import read_events


async def test_kill_9_of_everything_costs_no_second_payment(
    tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNOFF_MODEL", "openai-chat:test-model")
    monkeypatch.setenv("SIGNOFF_MODEL_BASE_URL", f"{model.url}/v1")
    async with Processes.running(tmp_path, database_url=DATABASES.setting()) as processes:
        model.say(
            ToolCalls(("write_file", {"path": "a.txt", "content": "one"}), input_tokens=300, output_tokens=30),
            ToolCalls(("read_file", {"path": "a.txt"}), input_tokens=400, output_tokens=20),
            Stall("And so"),
        )
        project_id, workspace = await processes.started("- Write\n\n  ```prompt\n  Write a story.\n  ```\n")
        await model.received(3, seconds=60)
        processes.kill("worker", "app", "temporal")
        (workspace / "a.txt").write_text("changed by somebody")
        model.say(Text("The end.", input_tokens=500, output_tokens=10))
        processes.start("temporal", "worker", "app")
        project = await processes.finished(project_id)
        assert project["status"] == "completed", project["failure"]
        task = project["tasks"][0]
        assert (task["outputs"], task["attempt"]) == ({"text": "The end."}, 2)
        # The two answers and the two tools were taken from the record; the call that was cut off counts as spent.
        assert len(model.requests) == 4
        assert model.requests[3].body["messages"] == model.requests[2].body["messages"]
        assert (workspace / "a.txt").read_text() == "changed by somebody"
        metrics = await processes.call("GET", f"/{project_id}/metrics")
        assert metrics["models"]["total"]["calls"] == 4
        assert metrics["tokens_used"] > 300 + 30 + 400 + 20 + 500 + 10
        steps = [
            e["data"]["step"] for e in await read_events(processes.http, project_id) if e["type"] == "task.progress"
        ]
        assert steps == ["model", "tool", "model", "tool", "model"]
