"""The reducer in Python. The page's reducer must pass the same cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.reducer import ProjectState
from signoff.schemas.events import Event
from tests.unit.conftest import ROOT

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "cases" / "reducer.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_events_add_up_to_the_state(case: dict[str, Any]) -> None:
    state = ProjectState()
    for seq, told in enumerate(case["events"], start=1):
        at = f"2026-01-01T00:00:{seq:02d}.000Z"
        event = Event(seq=seq, type=told["type"], project_id="proj_1", at=at, actor="signoff", data=told["data"])
        state.take(event.payload, event.at)
    expected = case["expected"]
    tasks = {name: state.task(name) for name in expected["tasks"]}
    assert {
        "status": state.status,
        "stage": state.stage,
        "plan_version": state.plan_version,
        "phases": {name: state.phase_status(name) for name in expected["phases"]},
        "tasks": {name: {"status": task.status, "attempt": task.attempt} for name, task in tasks.items()},
    } == expected
