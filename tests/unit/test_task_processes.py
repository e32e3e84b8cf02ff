"""Who holds a connection that nobody can inspect, while tasks start processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import pytest

from app.serving import task_processes
from app.serving.task_processes import Origin, origin_of

NO_SUCH_INODE = 2**62


@pytest.mark.parametrize(("changes", "origin"), [(0, Origin.UNSEEN), (12, Origin.UNSEEN), (10**6, Origin.TASK)])
def test_changing_processes_of_tasks_are_looked_at_several_times(
    monkeypatch: pytest.MonkeyPatch, changes: int, origin: Origin
) -> None:
    """Two looks at a time are compared: with 12 changes, the seventh pair is the first that agrees."""

    def looks() -> Iterator[list[task_processes._Process]]:
        for number in count():
            # A process that ended, under another number at each look.
            yield [task_processes._Process(2**22 + 1, "sh", 1, number)] if number < changes else []

    every = looks()
    monkeypatch.setattr(task_processes, "_task_processes", lambda **_: next(every))
    assert origin_of(NO_SUCH_INODE, os.geteuid()) == origin
