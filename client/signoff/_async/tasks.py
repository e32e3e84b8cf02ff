"""The methods of `client.tasks`, `client.phases` and `client.decisions`."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Unpack

from signoff import schemas
from signoff._requests import Request, get, path_of, plan_match, post

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from signoff._async.transport import AsyncTransport
    from signoff.fields import PhaseFields, TaskFields
    from signoff.schemas.answers import Recorded
    from signoff.schemas.decisions import AnsweredDecision, Decision, DecisionList
    from signoff.schemas.tasks import Phase, PhaseList, Task, TaskDeleted, TaskList


class AsyncTasks:
    """The tasks of a project. Name a task by its id or key."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        project_id: str,
        *,
        status: str | None = None,
        phase_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
    ) -> TaskList:
        """List the tasks in plan order. Long outputs are cut off (`truncated`); `get` returns them in full.

        For the next page, pass `next_cursor` as `cursor`.
        """
        query = {"status": status, "phase_id": phase_id, "limit": limit, "offset": offset, "cursor": cursor}
        return await self._transport.call(get(path_of(project_id, "tasks"), query), schemas.tasks.TaskList)

    async def get(self, project_id: str, task: str) -> Task:
        """Get a task with all its outputs."""
        return await self._transport.call(get(path_of(project_id, "tasks", task)), schemas.tasks.Task)

    async def create(
        self, project_id: str, *, of_plan: str | None = None, **fields: Unpack[TaskFields]
    ) -> Task | Recorded:
        """Add a task, which needs a `title`. This makes a new version of the plan.

        Args:
            of_plan: the digest of the plan that you have read; the edit is made only if it is still the current one.

        Raises:
            PreconditionFailed: the plan has changed since.
        """
        request = post(path_of(project_id, "tasks"), fields, headers=plan_match(of_plan))
        return await self._transport.settle(request, schemas.tasks.Task)

    async def update(
        self, project_id: str, task: str, *, of_plan: str | None = None, **fields: Unpack[TaskFields]
    ) -> Task | Recorded:
        """Change a task that has not started. This makes a new version of the plan. `of_plan`: see `create`."""
        request = Request("PUT", path_of(project_id, "tasks", task), body=fields, headers=plan_match(of_plan))
        return await self._transport.settle(request, schemas.tasks.Task)

    async def delete(self, project_id: str, task: str, *, of_plan: str | None = None) -> TaskDeleted | Recorded:
        """Remove a task from the plan if it has not started. This makes a new version of the plan. `of_plan`: see `create`."""
        request = Request("DELETE", path_of(project_id, "tasks", task), headers=plan_match(of_plan))
        return await self._transport.settle(request, schemas.tasks.TaskDeleted)

    async def complete(
        self,
        project_id: str,
        task: str,
        *,
        outputs: Mapping[str, Any] | None = None,
        comment: str | None = None,
        read: Mapping[str, str] | None = None,
        missing_files: Sequence[str] | None = None,
        passkey: Mapping[str, str] | None = None,
    ) -> Task | Recorded:
        """Mark a task that waits for a person as done, and set its outputs.

        `read` has the SHA-256 of each file that the task shows, as you saw it; a file that has changed is refused.
        `missing_files` names the expected files that you do without. `passkey` is the signature of your
        device, if the task waits to be released.
        """
        body = {
            "outputs": outputs,
            "comment": comment,
            "read": read,
            "missing_files": missing_files,
            "passkey": passkey,
        }
        return await self._answer(project_id, task, "complete", body)

    async def skip(
        self,
        project_id: str,
        task: str,
        *,
        outputs: Mapping[str, Any] | None = None,
        comment: str | None = None,
        passkey: Mapping[str, str] | None = None,
    ) -> Task | Recorded:
        """Skip a task that waits or has not started. Tasks that depend on it still run, and can use `outputs`."""
        return await self._answer(
            project_id, task, "skip", {"outputs": outputs, "comment": comment, "passkey": passkey}
        )

    async def fail(self, project_id: str, task: str, *, comment: str) -> Task | Recorded:
        """Report that a task did not work that waits for a person. `comment` says why."""
        return await self._answer(project_id, task, "fail", {"comment": comment})

    async def retry(
        self, project_id: str, task: str, *, comment: str | None = None, passkey: Mapping[str, str] | None = None
    ) -> Task | Recorded:
        """Release a task, or retry one that waits because it failed or its worker was lost. `passkey`: see `complete`."""
        return await self._answer(project_id, task, "retry", {"comment": comment, "passkey": passkey})

    async def log(self, project_id: str, task: str, *, attempt: int | None = None) -> str:
        """Get the log of a task so far, from its latest attempt or from `attempt`."""
        request = get(path_of(project_id, "tasks", task, "logs"), {"attempt": attempt})
        return (await self._transport.send(request)).text

    async def follow_log(self, project_id: str, task: str, *, attempt: int | None = None) -> AsyncGenerator[str]:
        """Yield the log of a task in pieces until the attempt ends. Survives lost connections."""
        request = get(path_of(project_id, "tasks", task, "logs"), {"attempt": attempt, "follow": "true"})
        async with aclosing(self._transport.messages(request)) as messages:
            async for message in messages:
                yield json.loads(message.text)["text"]

    async def _answer(self, project_id: str, task: str, answer: str, body: Mapping[str, Any]) -> Task | Recorded:
        return await self._transport.settle(post(path_of(project_id, "tasks", task, answer), body), schemas.tasks.Task)


class AsyncPhases:
    """The phases of a project."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, project_id: str) -> PhaseList:
        """List the phases in order."""
        return await self._transport.call(get(path_of(project_id, "phases")), schemas.tasks.PhaseList)

    async def create(
        self, project_id: str, name: str, *, of_plan: str | None = None, **fields: Unpack[PhaseFields]
    ) -> Phase | Recorded:
        """Add a phase. This makes a new version of the plan.

        Args:
            of_plan: the digest of the plan that you have read; the edit is made only if it is still the current one.

        Raises:
            PreconditionFailed: the plan has changed since.
        """
        request = post(path_of(project_id, "phases"), {"name": name, **fields}, headers=plan_match(of_plan))
        return await self._transport.settle(request, schemas.tasks.Phase)


class AsyncDecisions:
    """The open and past decisions of a project."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, project_id: str, *, status: str | None = None) -> DecisionList:
        """List all decisions, oldest first. `status="open"` lists those that wait for an answer."""
        return await self._transport.call(
            get(path_of(project_id, "decisions"), {"status": status}), schemas.decisions.DecisionList
        )

    async def get(self, project_id: str, decision_id: str) -> Decision:
        """Get a decision."""
        return await self._transport.call(
            get(path_of(project_id, "decisions", decision_id)), schemas.decisions.Decision
        )

    async def answer(
        self,
        project_id: str,
        decision_id: str,
        answer: str,
        *,
        comment: str | None = None,
        passkey: Mapping[str, str] | None = None,
    ) -> AnsweredDecision | Recorded:
        """Answer an open decision with one of its options. `passkey`: if it lets a task run that has changed.

        Raises:
            Conflict: the decision was answered already; `context` has that answer.
        """
        body = {"answer": answer, "comment": comment, "passkey": passkey}
        return await self._transport.settle(
            post(path_of(project_id, "decisions", decision_id), body), schemas.decisions.AnsweredDecision
        )
