"""What the client takes for the end of a wait."""

from __future__ import annotations

import pytest

from signoff._waiting import is_reached
from signoff.schemas.projects import Project
from signoff.schemas.tasks import Task
from signoff.vocabulary import Stage, TaskStatus, WaitReason


@pytest.mark.parametrize(("due_at", "reached"), [(None, True), ("2026-01-01T00:00:00.000Z", False)])
def test_a_task_of_a_lost_worker_needs_a_person_only_if_it_does_not_run_again(
    due_at: str | None, reached: bool
) -> None:
    task = Task.model_construct(status=TaskStatus.WAITING, reason=WaitReason.WORKER_LOST, due_at=due_at)
    project = Project.model_construct(stage=Stage.EXECUTING, tasks=[task])
    assert is_reached(project, "person") == reached
    assert not is_reached(project, "finished")
