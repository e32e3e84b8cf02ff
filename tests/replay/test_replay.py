"""Recorded histories still replay, so a deployment does not break the runs in progress."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.replay.record import FOLDER, SCENES
from workflows.project import ProjectWorkflow

HISTORIES = sorted(FOLDER.glob("*.json"))


def test_every_scene_has_a_history() -> None:
    assert {path.stem.rsplit("_", 1)[0] for path in HISTORIES} == set(SCENES)
    assert len([path for path in HISTORIES if path.stem.startswith("continued_")]) >= 2


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    text = path.read_text()
    project_id = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    replayer = Replayer(workflows=[ProjectWorkflow], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(WorkflowHistory.from_json(project_id, text))
