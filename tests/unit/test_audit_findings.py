"""What an audit says about a plan as a whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.audit import check_plan


def row(key: str, *, kind: str = "shell", timeout: float | None = None) -> Any:
    action = {"type": kind, "command": "true"}
    return SimpleNamespace(id=f"task_{key}", key=key, action=action, agent_id=None, timeout_seconds=timeout)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", timeout=5), row("b")], "Task 'b' has no time limit."),
        ([row("a"), row("b"), row("c", kind="manual")], "2 tasks have no time limit: 'a', 'b'."),
        ([row(key) for key in "abcdefg"], "7 tasks have no time limit: 'a', 'b', 'c', 'd', 'e' and 2 more."),
    ],
)
def test_missing_time_limits_are_one_finding(rows: list[Any], message: str) -> None:
    assert [(found.code, found.task_id, found.message) for found in check_plan(rows, [])] == [
        ("no_time_limit", None, message)
    ]


def test_a_plan_with_time_limits_has_no_finding() -> None:
    assert list(check_plan([row("a", timeout=5), row("b", kind="wait")], [])) == []
