"""A field that has no effect where it is sent is refused, with a sentence that names it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import check_error
from tests.conftest import Stack

PLAN = "- [ ] Look {#look}"
# Method, address and body; the project waits for its approval, or runs.
IGNORED: dict[str, tuple[str, str, str, dict[str, Any], tuple[int, str]]] = {
    "outputs of a skip": ("runs", "POST", "/tasks/look/skip", {"outputs": {"x": 1}}, (422, "outputs")),
    "outputs of a retry": ("runs", "POST", "/tasks/look/retry", {"outputs": {"x": 1}}, (422, "outputs")),
    "no phase for a task": ("waits", "PUT", "/tasks/look", {"phase_id": None}, (422, "phase_id")),
    "a place that there is not": ("waits", "POST", "/phases", {"name": "New", "position": 9}, (422, "position")),
    "a phase while the plan waits": ("waits", "POST", "/approve", {"phase_id": "x"}, (409, "phase_not_waiting")),
    "another plan": ("waits", "POST", "/approve", {"plan_digest": "0" * 64}, (409, "plan_superseded")),
}


@pytest.mark.parametrize("name", IGNORED)
async def test_what_would_be_ignored_is_refused(signoff: Stack, name: str) -> None:
    where, method, address, body, (status, word) = IGNORED[name]
    project_id = await (signoff.started if where == "runs" else signoff.planned)(PLAN)
    if where == "runs":
        await signoff.task_in(project_id, "look", "waiting")
    before = await signoff.project(project_id)
    answer = await signoff.http.request(method, f"/api/projects/{project_id}{address}", json=body)
    assert answer.status_code == status, answer.text
    refusal = check_error(answer)
    assert word == refusal["code"] or word in [problem["field"] for problem in refusal["details"]]
    after = await signoff.project(project_id)
    assert (after["plan"], after["status"], after["phases"]) == (before["plan"], before["status"], before["phases"])
    assert [(task["status"], task["phase_id"], task["outputs"]) for task in after["tasks"]] == [
        (task["status"], task["phase_id"], task["outputs"]) for task in before["tasks"]
    ]
    await signoff.call("POST", f"/{project_id}/cancel")
