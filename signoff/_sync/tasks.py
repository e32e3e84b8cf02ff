# Made from signoff/_async by tools/make_sync_client.py; change that instead.
"""`client.tasks`, `client.phases` and `client.decisions`."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any, Unpack

from app.api.models.answers import Recorded
from app.api.models.decisions import AnsweredDecision, Decision, DecisionList
from app.api.models.tasks import Phase, PhaseList, Task, TaskDeleted, TaskList
from signoff._requests import Request, get, path_of, post
from signoff._sync.transport import Transport
from signoff.fields import PhaseFields, TaskFields


class Tasks:
    """The tasks of a project; a task is named by its id or key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        project_id: str,
        *,
        status: str | None = None,
        phase_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> TaskList:
        """The tasks in the plan's order; long outputs are cut (`truncated`)."""
        query = {"status": status, "phase_id": phase_id, "limit": limit, "offset": offset}
        return self._transport.call(get(path_of(project_id, "tasks"), query), TaskList)

    def get(self, project_id: str, task: str) -> Task:
        """One task, with all of its outputs."""
        return self._transport.call(get(path_of(project_id, "tasks", task)), Task)

    def create(self, project_id: str, **fields: Unpack[TaskFields]) -> Task | Recorded:
        """Add a task, by `title` and what else there is to say; makes the next version of the plan."""
        return self._transport.settle(post(path_of(project_id, "tasks"), fields), Task)

    def update(self, project_id: str, task: str, **fields: Unpack[TaskFields]) -> Task | Recorded:
        """Change a task that has not started; makes the next version of the plan."""
        request = Request("PUT", path_of(project_id, "tasks", task), body=fields)
        return self._transport.settle(request, Task)

    def delete(self, project_id: str, task: str) -> TaskDeleted | Recorded:
        """Take a task that has not started out of the plan."""
        return self._transport.settle(Request("DELETE", path_of(project_id, "tasks", task)), TaskDeleted)

    def complete(
        self, project_id: str, task: str, *, outputs: Mapping[str, Any] | None = None, comment: str | None = None
    ) -> Task | Recorded:
        """Say that a task which waits for a person is done, and what came of it."""
        return self._answer(project_id, task, "complete", {"outputs": outputs, "comment": comment})

    def skip(self, project_id: str, task: str, *, comment: str | None = None) -> Task | Recorded:
        """Pass over a task that waits or has not started; what depends on it goes on."""
        return self._answer(project_id, task, "skip", {"comment": comment})

    def retry(self, project_id: str, task: str, *, comment: str | None = None) -> Task | Recorded:
        """Have a task tried again that failed or lost its worker and waits."""
        return self._answer(project_id, task, "retry", {"comment": comment})

    def log(self, project_id: str, task: str, *, attempt: int | None = None) -> str:
        """What a task has written so far, in its newest attempt or another."""
        request = get(path_of(project_id, "tasks", task, "logs"), {"attempt": attempt})
        return (self._transport.send(request)).text

    def follow_log(self, project_id: str, task: str, *, attempt: int | None = None) -> Generator[str, None, None]:
        """What a task writes, piece by piece, until the attempt has ended; across lost connections."""
        request = get(path_of(project_id, "tasks", task, "logs"), {"attempt": attempt, "follow": "true"})
        with closing(self._transport.messages(request)) as messages:
            for message in messages:
                yield json.loads(message.text)["text"]

    def _answer(self, project_id: str, task: str, answer: str, body: Mapping[str, Any]) -> Task | Recorded:
        return self._transport.settle(post(path_of(project_id, "tasks", task, answer), body), Task)


class Phases:
    """The phases of a project."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, project_id: str) -> PhaseList:
        """The phases, in order."""
        return self._transport.call(get(path_of(project_id, "phases")), PhaseList)

    def create(self, project_id: str, name: str, **fields: Unpack[PhaseFields]) -> Phase | Recorded:
        """Add a phase; makes the next version of the plan."""
        return self._transport.settle(post(path_of(project_id, "phases"), {"name": name, **fields}), Phase)


class Decisions:
    """The decisions of a project: those that are asked for, and those that were made."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, project_id: str, *, status: str | None = None) -> DecisionList:
        """All decisions, oldest first; `status="open"` for those that wait for an answer."""
        return self._transport.call(get(path_of(project_id, "decisions"), {"status": status}), DecisionList)

    def get(self, project_id: str, decision_id: str) -> Decision:
        """One decision."""
        return self._transport.call(get(path_of(project_id, "decisions", decision_id)), Decision)

    def answer(
        self, project_id: str, decision_id: str, answer: str, *, comment: str | None = None
    ) -> AnsweredDecision | Recorded:
        """Answer an open decision with one of its options.

        Raises:
            Conflict: somebody was first; `context` has that answer.
        """
        body = {"answer": answer, "comment": comment}
        return self._transport.settle(post(path_of(project_id, "decisions", decision_id), body), AnsweredDecision)
